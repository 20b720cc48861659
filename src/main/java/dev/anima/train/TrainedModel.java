package dev.anima.train;

import dev.anima.config.NetworkConfig;
import dev.anima.config.TrainConfig;
import dev.anima.engine.Device;
import dev.anima.engine.Dtype;
import dev.anima.engine.RandomStream;
import dev.anima.io.SafetensorsFile;
import dev.anima.lora.BaseWeights;
import dev.anima.lora.Dropouts;
import dev.anima.lora.LinearModules;
import dev.anima.lora.LoraFile;
import dev.anima.lora.LoraInit;
import dev.anima.lora.LoraKeys;
import dev.anima.lora.LoraModule;
import dev.anima.lora.LoraPlan;
import dev.anima.lora.LoraSet;
import dev.anima.lora.LoraSpec;
import dev.anima.lora.Network;
import dev.anima.lora.NetworkArgs;
import dev.anima.lora.NetworkWeights;
import dev.anima.lora.ParameterGroup;
import dev.anima.lora.ReferenceDraws;
import dev.anima.model.Checkpoint;
import dev.anima.model.WeightEdit;
import dev.anima.model.text.Qwen3Config;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/// Which LoRA a run trains: decided from the headers of the model files, before weights are loaded.
///
/// @param layers linear layers of both models
/// @param plan modules created and trained
/// @param groups what shares a learning rate
/// @param dropouts active in training
/// @param integerAlpha whether the reference would hold alpha as an integer
/// @param warnings one sentence each
/// @param verbose whether the run lists its modules
public record TrainedModel(
    LoraPlan.Layers layers,
    LoraPlan plan,
    List<ParameterGroup> groups,
    Dropouts dropouts,
    boolean integerAlpha,
    List<String> warnings,
    boolean verbose) {

  /// Selects the modules.
  ///
  /// @throws dev.anima.io.InputException if a file is not what it should be, or nothing is left to
  ///   train
  public static TrainedModel of(TrainSetup setup) {
    return of(setup.config());
  }

  /// As above.
  public static TrainedModel of(TrainConfig config) {
    NetworkConfig network = config.network();
    LoraPlan.Layers layers = layers(config.models().dit(), config.models().qwen3());
    Set<Network> networks =
        switch (network.trained()) {
          case DIT_AND_TEXT_ENCODER -> Set.of(Network.values());
          case DIT -> Set.of(Network.DIT);
          case TEXT_ENCODER -> Set.of(Network.TEXT_ENCODER);
        };
    ParameterGroup.LearningRates rates =
        new ParameterGroup.LearningRates(
            config.optimizer().learningRate(),
            config.optimizer().unetRate(),
            config.optimizer().textEncoderRate());
    if (network.dimFromWeights()) {
      try (LoraFile file = LoraFile.open(network.weights().orElseThrow(), LoraKeys.of(layers))) {
        LoraPlan plan = NetworkWeights.plan(file, layers, networks, network.kind());
        return new TrainedModel(
            layers,
            plan,
            ParameterGroup.of(plan, NetworkArgs.NONE, rates),
            Dropouts.NONE,
            false,
            List.of(),
            false);
      }
    }
    NetworkArgs args = NetworkArgs.parse(network.kind(), network.arguments());
    LoraSpec spec = LoraSpec.of(network.dim(), network.alpha(), network.dropout(), args);
    LoraPlan plan = LoraPlan.select(spec, layers, networks);
    return new TrainedModel(
        layers,
        plan,
        ParameterGroup.of(plan, args, rates),
        spec.dropouts(),
        spec.integerAlpha(),
        warnings(args, plan),
        args.verbose());
  }

  private static List<String> warnings(NetworkArgs args, LoraPlan plan) {
    List<String> warnings = new ArrayList<>(args.warnings());
    List<LoraModule> whole =
        plan.trained().stream().filter(module -> !module.form().isScaled()).toList();
    if (!whole.isEmpty()) {
      warnings.add(
          "the rank saves nothing in %d of %d LoKr modules (such as %s, rank %d): their second factor is one whole matrix, and neither rank nor alpha counts"
              .formatted(
                  whole.size(),
                  plan.trained().size(),
                  whole.getFirst().name(),
                  whole.getFirst().rank()));
    }
    return List.copyOf(warnings);
  }

  /// With `verbose` in `--network_args`: every module with its rank and alpha.
  public Optional<String> listing() {
    if (!verbose) {
      return Optional.empty();
    }
    StringBuilder text = new StringBuilder("modules that train:");
    for (LoraModule module : plan.trained()) {
      text.append("\n  ")
          .append(module.name())
          .append(": rank ")
          .append(module.rank())
          .append(", alpha ")
          .append(module.alpha());
    }
    return Optional.of(text.toString());
  }

  /// The linear layers of both models, from their headers.
  public static LoraPlan.Layers layers(Path dit, Path qwen3) {
    try (Checkpoint ditFile = Checkpoint.open(dit);
        Checkpoint qwen3File = Checkpoint.open(Qwen3Config.weightsFile(qwen3))) {
      return new LoraPlan.Layers(
          LinearModules.ofTextEncoder(qwen3File.shapes()), LinearModules.ofDit(ditFile.shapes()));
    }
  }

  /// Whether Qwen3 carries a LoRA that trains.
  public boolean trainsTextEncoder() {
    return plan.trained().stream().anyMatch(module -> module.network() == Network.TEXT_ENCODER);
  }

  /// Whether the LLM adapter carries one.
  public boolean trainsAdapter() {
    return plan.trained().stream()
        .anyMatch(
            module -> module.network() == Network.DIT && module.path().startsWith("llm_adapter."));
  }

  /// The set with its first weights.
  ///
  /// @param stream at the place where the reference begins to create its network
  /// @param notes receives what loading has to say
  public LoraSet create(TrainSetup setup, RandomStream stream, Device device, List<String> notes) {
    LoraSet set = new LoraSet(plan.trained(), groups, dropouts, device, weightDtype(setup));
    try {
      LoraInit.draw(set, plan, stream);
      Optional<Path> weights = setup.config().network().weights();
      if (weights.isPresent()) {
        NetworkWeights.AlphaRule rule =
            setup.config().machine().referenceExact()
                ? NetworkWeights.AlphaRule.REFERENCE
                : NetworkWeights.AlphaRule.CONSISTENT;
        try (LoraFile file = LoraFile.open(weights.get(), LoraKeys.of(layers))) {
          notes.addAll(NetworkWeights.load(set, file, rule).warnings());
        }
      }
      return set;
    } catch (RuntimeException e) {
      set.close();
      throw e;
    }
  }

  private static Dtype weightDtype(TrainSetup setup) {
    boolean full = setup.config().precision().fullBf16() || setup.config().precision().fullFp16();
    return full ? setup.dtype() : Dtype.F32;
  }

  /// `--base_weights`: what is merged into the frozen weights while they load.
  static final class Base implements AutoCloseable {
    private final Optional<BaseWeights> weights;

    private Base(Optional<BaseWeights> weights) {
      this.weights = weights;
    }

    static Base open(TrainSetup setup, LoraPlan.Layers layers) {
      List<NetworkConfig.BaseWeights> base = setup.config().network().base();
      if (base.isEmpty()) {
        return new Base(Optional.empty());
      }
      List<Path> files = new ArrayList<>();
      List<Double> multipliers = new ArrayList<>();
      for (NetworkConfig.BaseWeights part : base) {
        files.add(part.file());
        multipliers.add(part.multiplier());
      }
      return new Base(Optional.of(BaseWeights.open(files, multipliers, layers)));
    }

    WeightEdit into(Network network) {
      return weights
          .<WeightEdit>map(w -> (module, weight) -> w.merge(network, module, weight))
          .orElse(WeightEdit.NONE);
    }

    @Override
    public void close() {
      weights.ifPresent(BaseWeights::close);
    }
  }

  /// Words of torch's stream that the reference spends before it creates its network.
  static long referenceWords(TrainSetup setup) {
    long words = 0;
    Path qwen3 = setup.config().models().qwen3();
    if (Files.isRegularFile(qwen3)) { // a folder costs nothing
      try (SafetensorsFile file = SafetensorsFile.open(qwen3)) {
        words += ReferenceDraws.ofTextEncoderFile(file);
      }
    }
    try (SafetensorsFile file = SafetensorsFile.open(setup.config().models().vae())) {
      words += ReferenceDraws.ofVae(file);
    }
    return words;
  }
}
