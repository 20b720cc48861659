package dev.anima.lora;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;

/// Parameters that share a learning rate.
///
/// @param description as the reference logs it: `textencoder 1`, `unet`, `unet plus`, `unet
///   reg_lr_0`, ...
/// @param learningRate before the schedule; never 0 (such parameters are in no group: they are
///   frozen)
public record ParameterGroup(
    String description, double learningRate, List<LoraParameter> parameters) {

  /// `--learning_rate`, `--unet_lr` and the first of `--text_encoder_lr`.
  public record LearningRates(double general, OptionalDouble dit, OptionalDouble textEncoder) {
    double of(Network network) {
      OptionalDouble own =
          switch (network) {
            case DIT -> dit;
            case TEXT_ENCODER -> textEncoder;
          };
      return own.orElse(general);
    }
  }

  /// Groups in the reference's order (spec/training.md §8): per network the regex groups in the
  /// order in which they first match a layer, then the rest; each with its LoRA+ part behind it.
  public static List<ParameterGroup> of(LoraPlan plan, NetworkArgs args, LearningRates rates) {
    List<ParameterGroup> groups = new ArrayList<>();
    for (Network network : Network.values()) {
      OptionalDouble plusRatio = args.loraPlus().ratio(network);
      Map<Integer, List<LoraModule>> byRule = new LinkedHashMap<>();
      List<LoraModule> rest = new ArrayList<>();
      for (LoraModule module : plan.trained()) {
        if (module.network() == network) {
          int rule = firstMatch(args.learningRates(), module.path());
          (rule < 0 ? rest : byRule.computeIfAbsent(rule, _ -> new ArrayList<>())).add(module);
        }
      }
      String label = network == Network.DIT ? "unet" : "textencoder 1";
      byRule.forEach((rule, modules) ->
          addGroups(
              groups,
              label + " reg_lr_" + rule,
              args.learningRates().get(rule).learningRate(),
              plusRatio,
              modules));
      addGroups(groups, label, rates.of(network), plusRatio, rest);
    }
    return List.copyOf(groups);
  }

  private static void addGroups(
      List<ParameterGroup> groups,
      String description,
      double learningRate,
      OptionalDouble plusRatio,
      List<LoraModule> modules) {
    List<LoraParameter> plain = new ArrayList<>();
    List<LoraParameter> plus = new ArrayList<>();
    for (LoraModule module : modules) {
      for (LoraParameter parameter : module.parameters()) {
        (plusRatio.isPresent() && parameter.part().isPlus() ? plus : plain).add(parameter);
      }
    }
    addGroup(groups, description, learningRate, plain);
    addGroup(groups, description + " plus", learningRate * plusRatio.orElse(1), plus);
  }

  private static void addGroup(
      List<ParameterGroup> groups,
      String description,
      double learningRate,
      List<LoraParameter> parameters) {
    if (learningRate != 0 && !parameters.isEmpty()) {
      groups.add(new ParameterGroup(description, learningRate, List.copyOf(parameters)));
    }
  }

  private static int firstMatch(List<NetworkArgs.RateRule> rules, String path) {
    for (int i = 0; i < rules.size(); i++) {
      if (rules.get(i).layers().fullMatch(path)) {
        return i;
      }
    }
    return -1;
  }
}
