package dev.anima.train.objective;

import java.util.HashMap;
import java.util.Map;
import java.util.OptionalInt;
import java.util.function.Function;
import tools.jackson.databind.JsonNode;

/// The flags of a recorded case as an objective.
record FlagWords(Map<String, String> values) {
  FlagWords(String... words) {
    this(new HashMap<>());
    for (String word : words) {
      String[] pair = word.split("=", 2);
      values.put(pair[0], pair.length == 2 ? pair[1] : "");
    }
  }

  static FlagWords of(JsonNode flags) {
    return new FlagWords(flags.valueStream().map(JsonNode::stringValue).toArray(String[]::new));
  }

  boolean has(String flag, String value) {
    return value.equals(values.get(flag));
  }

  Objective objective() {
    return flags().objective();
  }

  ObjectiveFlags flags() {
    ObjectiveFlags d = ObjectiveFlags.DEFAULTS;
    return new ObjectiveFlags(
        get("--timestep_sampling", d.timestepSampling(), x -> x),
        get("--sigmoid_scale", d.sigmoidScale(), Double::valueOf),
        get("--discrete_flow_shift", d.discreteFlowShift(), Double::valueOf),
        get("--weighting_scheme", d.weightingScheme(), x -> x),
        get("--logit_mean", d.logitMean(), Double::valueOf),
        get("--logit_std", d.logitStd(), Double::valueOf),
        get("--mode_scale", d.modeScale(), Double::valueOf),
        get("--loss_type", d.lossType(), x -> x),
        get("--huber_schedule", d.huberSchedule(), x -> x),
        get("--huber_c", d.huberC(), Double::valueOf),
        get("--huber_scale", d.huberScale(), Double::valueOf),
        get("--ip_noise_gamma", d.ipNoiseGamma(), Double::valueOf),
        false,
        OptionalInt.empty(),
        OptionalInt.empty(),
        false,
        NoiseOptions.NONE);
  }

  private <T> T get(String flag, T fallback, Function<String, T> parse) {
    String value = values.get(flag);
    return value == null ? fallback : parse.apply(value);
  }
}
