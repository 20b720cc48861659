package dev.anima.lora;

import dev.anima.io.InputException;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;

/// Which LoRA modules a run creates, and which of them it trains.
///
/// @param created all modules in creation order, text encoder first. The reference creates (and
///   draws random numbers for) the text encoder's even when it then drops them.
/// @param networks the networks whose modules are applied, trained and saved
public record LoraPlan(List<LoraModule> created, Set<Network> networks) {
  private static final PythonPattern BUILT_IN_EXCLUSION =
      PythonPattern.compile(".*(_modulation|_norm|_embedder|final_layer).*");
  private static final String ADAPTER = "llm_adapter.";

  public LoraPlan {
    created = List.copyOf(created);
    networks = Set.copyOf(networks);
    Set<String> names = new HashSet<>();
    for (LoraModule module : created) {
      if (!names.add(module.name())) {
        throw new InputException(
            "two layers would get the LoRA name " + module.name() + " (damaged model file?)");
      }
    }
  }

  /// The linear layers of both models, in module-tree order.
  public record Layers(List<LinearModule> textEncoder, List<LinearModule> dit) {
    List<LinearModule> of(Network network) {
      return switch (network) {
        case TEXT_ENCODER -> textEncoder;
        case DIT -> dit;
      };
    }
  }

  /// The networks left by `--network_train_unet_only` and `--network_train_text_encoder_only`.
  public static Set<Network> networks(boolean ditOnly, boolean textEncoderOnly) {
    if (ditOnly && textEncoderOnly) {
      throw new InputException(
          "--network_train_unet_only and --network_train_text_encoder_only together leave nothing"
              + " to train; drop one of them");
    }
    if (ditOnly) {
      return Set.of(Network.DIT);
    }
    return textEncoderOnly ? Set.of(Network.TEXT_ENCODER) : Set.of(Network.values());
  }

  /// Modules by the rules of `spec`.
  ///
  /// @throws InputException if nothing is left to train
  public static LoraPlan select(LoraSpec spec, Layers layers, Set<Network> networks) {
    List<LoraModule> created = new ArrayList<>();
    for (Network network : Network.values()) {
      for (LinearModule layer : layers.of(network)) {
        int rank = rank(spec, network, layer.path());
        if (rank > 0) {
          created.add(spec.module(network, layer, rank));
        }
      }
    }
    LoraPlan plan = new LoraPlan(created, networks);
    if (plan.trained().isEmpty()) {
      throw new InputException(
          "no layer is left to train: exclude_patterns and network_reg_dims leave out all of them");
    }
    return plan;
  }

  /// The modules that are applied, trained and saved, in creation order.
  public List<LoraModule> trained() {
    return created.stream().filter(module -> networks.contains(module.network())).toList();
  }

  /// Rank for one layer, 0 for none.
  private static int rank(LoraSpec spec, Network network, String path) {
    NetworkArgs args = spec.args();
    if (network == Network.DIT && path.startsWith(ADAPTER) && !args.trainLlmAdapter()) {
      return 0;
    }
    boolean excluded =
        Stream.concat(args.exclude().stream(), Stream.of(BUILT_IN_EXCLUSION))
            .anyMatch(pattern -> pattern.fullMatch(path));
    if (excluded && args.include().stream().noneMatch(pattern -> pattern.fullMatch(path))) {
      return 0;
    }
    return args.ranks().stream()
        .filter(rule -> rule.layers().fullMatch(path))
        .findFirst()
        .map(NetworkArgs.RankRule::rank)
        .orElse(spec.rank());
  }
}
