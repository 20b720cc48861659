package dev.anima.train.optim;

import dev.anima.engine.Dtype;
import dev.anima.io.InputException;
import dev.anima.io.PythonText;
import dev.anima.train.KeywordArguments;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/// `--optimizer_type` with `--optimizer_args`: which optimizer, with which constants, and its name
/// in metadata.
///
/// @param name the optimizer's usual spelling, such as `AdamW8bit`
/// @param arguments as given, in order, with what the reference adds to them
/// @param config what they mean
/// @param rounding of bf16 weights; plays no part with others
public record OptimizerChoice(
    String name,
    Map<String, @Nullable Object> arguments,
    OptimizerConfig config,
    WeightRounding rounding) {

  public OptimizerChoice {
    arguments = Collections.unmodifiableMap(new LinkedHashMap<>(arguments));
  }

  /// @param type `--optimizer_type`, in any case; empty means AdamW
  /// @param given `--optimizer_args` as Python literals, in order (see [KeywordArguments])
  /// @throws InputException for an unknown or unsupported optimizer, and for arguments it does not
  ///   take
  public static OptimizerChoice parse(String type, Map<String, @Nullable Object> given) {
    OptimizerNames name = OptimizerNames.of(type);
    Map<String, @Nullable Object> arguments = new LinkedHashMap<>(given);
    // The reference adds these to the arguments, so they show in the metadata.
    switch (name) {
      case SGD_NESTEROV, SGD_NESTEROV_8BIT -> arguments.putIfAbsent("momentum", 0.9);
      case ADAFACTOR -> {
        arguments.putIfAbsent("relative_step", true);
        if (Boolean.FALSE.equals(arguments.get("relative_step"))
            && Boolean.TRUE.equals(arguments.get("warmup_init"))) {
          arguments.put("relative_step", true);
        }
      }
      default -> {}
    }
    KeywordArguments keywords = new KeywordArguments("--optimizer_args", name.usual(), arguments);
    OptimizerConfig config = OptimizerArguments.config(name, keywords);
    keywords.rejectUnknown();
    return new OptimizerChoice(name.usual(), arguments, config, WeightRounding.NEAREST);
  }

  /// The same with another rounding.
  public OptimizerChoice with(WeightRounding other) {
    return new OptimizerChoice(name, arguments, config, other);
  }

  /// All names `--optimizer_type` takes, dotted ones aside.
  public static List<String> names() {
    return OptimizerNames.usualNames();
  }

  /// The optimizer over `parameters`, with fresh state.
  ///
  /// @param learningRate `--learning_rate` (Lion's decoupled decay is relative to it)
  /// @throws InputException if the groups' learning rates do not suit the optimizer
  public Optimizer create(FlatParameters parameters, double learningRate) {
    checkRates(
        parameters.layout().groups().stream().map(ParameterLayout.Group::learningRate).toList());
    KernelOrder order = KernelOrder.of(parameters.values().device());
    boolean bf16 = parameters.values().dtype() == Dtype.BF16;
    WeightRounding actual = bf16 ? actualRounding() : WeightRounding.NEAREST;
    if (actual == WeightRounding.NEAREST) {
      return create(parameters, learningRate, order);
    }
    WeightStore store = WeightStore.of(actual, parameters.values());
    return new RoundingOptimizer(create(parameters.with(store), learningRate, order), store);
  }

  /// ProdigyPlus rounds by chance unless told otherwise.
  private WeightRounding actualRounding() {
    boolean byChance =
        config instanceof OptimizerConfig.ProdigyPlus plus && plus.stochasticRounding();
    return rounding == WeightRounding.NEAREST && byChance ? WeightRounding.STOCHASTIC : rounding;
  }

  /// @param order kernels of bitsandbytes that an 8-bit optimizer follows
  Optimizer create(FlatParameters parameters, double learningRate, KernelOrder order) {
    return switch (config) {
      case OptimizerConfig.AdamW adam -> new AdamW(adam, parameters);
      case OptimizerConfig.Lion lion -> new Lion(settled(lion, learningRate), parameters);
      case OptimizerConfig.Sgd sgd -> new Sgd(sgd, parameters);
      case OptimizerConfig.Blockwise blockwise -> new Blockwise(blockwise, parameters, order);
      case OptimizerConfig.Adafactor adafactor -> new Adafactor(adafactor, parameters);
      case OptimizerConfig.Came came -> new Came(came, parameters);
      case OptimizerConfig.Muon muon -> new Muon(muon, parameters);
      case OptimizerConfig.Prodigy prodigy -> new Prodigy(prodigy, parameters);
      case OptimizerConfig.ProdigyPlus plus -> new ProdigyPlus(plus, parameters);
      case OptimizerConfig.ScheduleFree scheduleFree -> new ScheduleFree(scheduleFree, parameters);
      case OptimizerConfig.DAdaptAdam adam -> new DAdaptAdam(adam, parameters);
      case OptimizerConfig.DAdaptAdan adan -> new DAdaptAdan(adan, parameters);
      case OptimizerConfig.DAdaptAdaGrad adaGrad -> new DAdaptAdaGrad(adaGrad, parameters);
      case OptimizerConfig.DAdaptLion lion -> new DAdaptLion(lion, parameters);
      case OptimizerConfig.DAdaptSgd sgd -> new DAdaptSgd(sgd, parameters);
    };
  }

  private static OptimizerConfig.Lion settled(OptimizerConfig.Lion lion, double learningRate) {
    if (!(learningRate > 0)) {
      throw new InputException(
          "--optimizer_type=Lion needs a --learning_rate above 0, got " + learningRate);
    }
    return lion.decoupled()
        ? new OptimizerConfig.Lion(
            lion.beta1(), lion.beta2(), lion.weightDecay() / learningRate, false)
        : lion;
  }

  /// How many learning rates an optimizer can follow.
  private enum Rates {
    EACH_GROUP,
    /// The first one, whatever the other groups have.
    FIRST,
    /// One for all groups that move.
    ONE
  }

  private Rates rates() {
    return switch (config) {
      case OptimizerConfig.Prodigy _,
          OptimizerConfig.DAdaptAdam _,
          OptimizerConfig.DAdaptLion _,
          OptimizerConfig.DAdaptSgd _ ->
          Rates.ONE;
      case OptimizerConfig.DAdaptAdan _, OptimizerConfig.DAdaptAdaGrad _ -> Rates.FIRST;
      case OptimizerConfig.AdamW _,
          OptimizerConfig.Lion _,
          OptimizerConfig.Sgd _,
          OptimizerConfig.Blockwise _,
          OptimizerConfig.Adafactor _,
          OptimizerConfig.Came _,
          OptimizerConfig.Muon _,
          OptimizerConfig.ProdigyPlus _,
          OptimizerConfig.ScheduleFree _ ->
          Rates.EACH_GROUP;
    };
  }

  /// Looks at the learning rates of all groups together.
  ///
  /// @return a warning if not all of them will be obeyed
  /// @throws InputException if they cannot be
  public Optional<String> checkRates(List<Double> groupRates) {
    List<Double> moving = groupRates.stream().filter(rate -> rate != 0).distinct().toList();
    if (moving.size() < 2 || rates() == Rates.EACH_GROUP) {
      return Optional.empty();
    }
    String listed = moving.stream().map(PythonText::str).collect(Collectors.joining(" and "));
    if (rates() == Rates.FIRST) {
      return Optional.of(
          "%s finds one step size for all groups and takes the first learning rate for all; they are %s"
              .formatted(name, listed));
    }
    throw new InputException(
        "--optimizer_type=%s finds one step size for all groups, so their learning rates must be equal, got %s; set --unet_lr and --text_encoder_lr to the same value, and give no loraplus ratio"
            .formatted(name, listed));
  }

  /// Whether the learning-rate schedule plays no part.
  public boolean replacesSchedule() {
    return config instanceof OptimizerConfig.ScheduleFree
        || config instanceof OptimizerConfig.ProdigyPlus
        || choosesOwnRate();
  }

  /// Adafactor with relative steps: learning rates are ignored.
  public boolean choosesOwnRate() {
    return config instanceof OptimizerConfig.Adafactor adafactor && adafactor.relativeStep();
  }

  /// `ss_optimizer`: the Python class, and in brackets the arguments if there are any.
  public String pythonName() {
    String pythonClass = OptimizerNames.of(name).pythonClass();
    if (arguments.isEmpty()) {
      return pythonClass;
    }
    List<String> pairs = new ArrayList<>();
    arguments.forEach((key, value) -> pairs.add(key + "=" + PythonText.str(value)));
    return pythonClass + "(" + String.join(",", pairs) + ")";
  }

  /// What the user should know about this choice, one sentence each.
  ///
  /// @param learningRate `--learning_rate`
  /// @param maxGradNorm `--max_grad_norm`
  public List<String> warnings(double learningRate, double maxGradNorm) {
    List<String> warnings = new ArrayList<>();
    switch (config) {
      case OptimizerConfig.Prodigy _, OptimizerConfig.ProdigyPlus _, OptimizerConfig.DAdapt _
          when learningRate <= 0.1 ->
          warnings.add(
              "--learning_rate=%s is low for %s, which finds the step size itself: 1.0 is usual"
                  .formatted(PythonText.str(learningRate), name));
      case OptimizerConfig.ProdigyPlus plus when !plus.scheduleFree() ->
          warnings.add(
              "--lr_scheduler has no effect with ProdigyPlusScheduleFree, with use_schedulefree=False neither (as in sd-scripts)");
      case OptimizerConfig.ProdigyPlus _ when maxGradNorm != 0 ->
          warnings.add(
              "ProdigyPlusScheduleFree scales its updates itself, and clipped gradients mislead its step sizes; consider --max_grad_norm=0");
      case OptimizerConfig.Adafactor adafactor when adafactor.relativeStep() ->
          warnings.add(
              "Adafactor with relative_step chooses its own step sizes: learning rates and --lr_scheduler have no effect (relative_step=False uses them)");
      case OptimizerConfig.Adafactor _ when maxGradNorm != 0 ->
          warnings.add(
              "Adafactor clips its updates itself; consider --max_grad_norm=0 with relative_step=False");
      case OptimizerConfig.Sgd8bit _ ->
          warnings.add(
              "SGDNesterov8bit uses plain momentum: the 8-bit optimizer has no Nesterov term");
      case OptimizerConfig.AdamW _,
          OptimizerConfig.Lion _,
          OptimizerConfig.Sgd _,
          OptimizerConfig.AdamW8bit _,
          OptimizerConfig.Lion8bit _,
          OptimizerConfig.Adafactor _,
          OptimizerConfig.Came _,
          OptimizerConfig.Muon _,
          OptimizerConfig.Prodigy _,
          OptimizerConfig.ProdigyPlus _,
          OptimizerConfig.DAdapt _,
          OptimizerConfig.ScheduleFree _ -> {}
    }
    return warnings;
  }
}
