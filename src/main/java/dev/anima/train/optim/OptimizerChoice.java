package dev.anima.train.optim;

import dev.anima.config.NearestName;
import dev.anima.io.InputException;
import dev.anima.io.PythonText;
import dev.anima.train.KeywordArguments;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/// `--optimizer_type` with `--optimizer_args`: which optimizer, with which constants, and its name
/// in metadata.
///
/// @param name the optimizer's usual spelling, such as `AdamW8bit`
/// @param arguments as given, in order, with what the reference adds to them
/// @param config what they mean
public record OptimizerChoice(
    String name, Map<String, @Nullable Object> arguments, OptimizerConfig config) {

  /// Usual spelling and Python class of every optimizer there is.
  private static final Map<String, String> CLASSES = new LinkedHashMap<>();

  static {
    CLASSES.put("AdamW", "torch.optim.adamw.AdamW");
    CLASSES.put("AdamW8bit", "bitsandbytes.optim.adamw.AdamW8bit");
    CLASSES.put("PagedAdamW8bit", "bitsandbytes.optim.adamw.PagedAdamW8bit");
    CLASSES.put("PagedAdamW", "bitsandbytes.optim.adamw.PagedAdamW");
    CLASSES.put("PagedAdamW32bit", "bitsandbytes.optim.adamw.PagedAdamW32bit");
    CLASSES.put("Lion", "lion_pytorch.lion_pytorch.Lion");
    CLASSES.put("Lion8bit", "bitsandbytes.optim.lion.Lion8bit");
    CLASSES.put("PagedLion8bit", "bitsandbytes.optim.lion.PagedLion8bit");
    CLASSES.put("SGDNesterov", "torch.optim.sgd.SGD");
    CLASSES.put("SGDNesterov8bit", "bitsandbytes.optim.sgd.SGD8bit");
    CLASSES.put("Adafactor", "transformers.optimization.Adafactor");
    CLASSES.put("Prodigy", "prodigyopt.prodigy.Prodigy");
    CLASSES.put("AdamWScheduleFree", "schedulefree.adamw_schedulefree.AdamWScheduleFree");
    CLASSES.put("RAdamScheduleFree", "schedulefree.radam_schedulefree.RAdamScheduleFree");
    CLASSES.put("SGDScheduleFree", "schedulefree.sgd_schedulefree.SGDScheduleFree");
  }

  /// Dotted names of the same classes, as people write them.
  private static final Map<String, String> DOTTED =
      Map.ofEntries(
          Map.entry("torch.optim.adamw", "AdamW"),
          Map.entry("bitsandbytes.optim.adamw8bit", "AdamW8bit"),
          Map.entry("bitsandbytes.optim.pagedadamw8bit", "PagedAdamW8bit"),
          Map.entry("bitsandbytes.optim.pagedadamw", "PagedAdamW"),
          Map.entry("bitsandbytes.optim.pagedadamw32bit", "PagedAdamW32bit"),
          Map.entry("bitsandbytes.optim.lion8bit", "Lion8bit"),
          Map.entry("bitsandbytes.optim.pagedlion8bit", "PagedLion8bit"),
          Map.entry("lion_pytorch.lion", "Lion"),
          Map.entry("prodigyopt.prodigy", "Prodigy"),
          Map.entry("schedulefree.adamwschedulefree", "AdamWScheduleFree"),
          Map.entry("schedulefree.radamschedulefree", "RAdamScheduleFree"),
          Map.entry("schedulefree.sgdschedulefree", "SGDScheduleFree"));

  public OptimizerChoice {
    arguments = Collections.unmodifiableMap(new LinkedHashMap<>(arguments));
  }

  /// @param type `--optimizer_type`, in any case; empty means AdamW
  /// @param given `--optimizer_args` as Python literals, in order (see [KeywordArguments])
  /// @throws InputException for an unknown or unsupported optimizer, and for arguments it does not
  ///   take
  public static OptimizerChoice parse(String type, Map<String, @Nullable Object> given) {
    String name = usualName(type);
    Map<String, @Nullable Object> arguments = new LinkedHashMap<>(given);
    // The reference adds these to the arguments, so they show in the metadata.
    switch (name) {
      case "SGDNesterov", "SGDNesterov8bit" -> arguments.putIfAbsent("momentum", 0.9);
      case "Adafactor" -> {
        arguments.putIfAbsent("relative_step", true);
        if (Boolean.FALSE.equals(arguments.get("relative_step"))
            && Boolean.TRUE.equals(arguments.get("warmup_init"))) {
          arguments.put("relative_step", true);
        }
      }
      default -> {}
    }
    KeywordArguments keywords = new KeywordArguments("--optimizer_args", name, arguments);
    OptimizerConfig config = OptimizerArguments.config(name, keywords);
    keywords.rejectUnknown();
    return new OptimizerChoice(name, arguments, config);
  }

  /// All names `--optimizer_type` takes.
  public static List<String> names() {
    return List.copyOf(CLASSES.keySet());
  }

  private static String usualName(String type) {
    String lower = type.strip().toLowerCase(Locale.ROOT);
    if (lower.isEmpty()) {
      return "AdamW";
    }
    String dotted = DOTTED.get(lower);
    if (dotted != null) {
      return dotted;
    }
    for (String name : CLASSES.keySet()) {
      if (name.toLowerCase(Locale.ROOT).equals(lower)) {
        return name;
      }
    }
    if (lower.startsWith("dadapt")) {
      throw new InputException(
          "--optimizer_type=%s: the D-Adaptation optimizers are not supported; Prodigy is their successor and also finds its step size by itself"
              .formatted(type));
    }
    throw new InputException(
        "--optimizer_type=%s is not an optimizer here%s; there are %s"
            .formatted(type, NearestName.hint(type, CLASSES.keySet()), String.join(", ", names())));
  }

  /// The optimizer over `parameters`, with fresh state.
  ///
  /// @param learningRate `--learning_rate` (Lion's decoupled decay is relative to it)
  /// @throws InputException if the groups' learning rates do not suit the optimizer
  public Optimizer create(FlatParameters parameters, double learningRate) {
    return create(parameters, learningRate, KernelOrder.of(parameters.values().device()));
  }

  /// As above, with the kernels of bitsandbytes that an 8-bit optimizer follows.
  public Optimizer create(FlatParameters parameters, double learningRate, KernelOrder order) {
    return switch (config) {
      case OptimizerConfig.AdamW adam -> new AdamW(adam, parameters);
      case OptimizerConfig.Lion lion -> new Lion(settled(lion, learningRate), parameters);
      case OptimizerConfig.Sgd sgd -> new Sgd(sgd, parameters);
      case OptimizerConfig.Blockwise blockwise -> new Blockwise(blockwise, parameters, order);
      case OptimizerConfig.Adafactor adafactor -> new Adafactor(adafactor, parameters);
      case OptimizerConfig.Prodigy prodigy -> {
        checkOneLearningRate(parameters.layout());
        yield new Prodigy(prodigy, parameters);
      }
      case OptimizerConfig.ScheduleFree scheduleFree -> new ScheduleFree(scheduleFree, parameters);
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

  private static void checkOneLearningRate(ParameterLayout layout) {
    List<Double> rates =
        layout.groups().stream()
            .map(ParameterLayout.Group::learningRate)
            .filter(rate -> rate != 0)
            .distinct()
            .toList();
    if (rates.size() > 1) {
      throw new InputException(
          "--optimizer_type=Prodigy finds one step size for all groups, so their learning rates must be equal, got %s; set --unet_lr and --text_encoder_lr to the same value"
              .formatted(rates.stream().map(PythonText::str).collect(Collectors.joining(" and "))));
    }
  }

  /// Whether the learning-rate schedule plays no part.
  public boolean replacesSchedule() {
    return config instanceof OptimizerConfig.ScheduleFree || choosesOwnRate();
  }

  /// Adafactor with relative steps: learning rates are ignored.
  public boolean choosesOwnRate() {
    return config instanceof OptimizerConfig.Adafactor adafactor && adafactor.relativeStep();
  }

  /// `ss_optimizer`: the Python class, and in brackets the arguments if there are any.
  public String pythonName() {
    String pythonClass = Objects.requireNonNull(CLASSES.get(name));
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
      case OptimizerConfig.Prodigy _ when learningRate <= 0.1 ->
          warnings.add(
              "--learning_rate=%s is low for Prodigy, which finds the step size itself: 1.0 is usual"
                  .formatted(PythonText.str(learningRate)));
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
          OptimizerConfig.Prodigy _,
          OptimizerConfig.ScheduleFree _ -> {}
    }
    return warnings;
  }
}
