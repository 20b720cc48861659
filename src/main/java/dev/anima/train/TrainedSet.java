package dev.anima.train;

import dev.anima.engine.RandomStream;
import dev.anima.lora.LoraSet;
import dev.anima.lora.Network;
import dev.anima.lora.StreamDraws;
import dev.anima.model.Adapters;
import java.util.List;
import java.util.stream.Stream;

/// One LoRA that trains, with the streams its dropouts draw from. Several may train side by side on
/// one model.
record TrainedSet(LoraSet loras, StreamDraws draws) {

  /// All sets beside each layer, in order, for a forward under autograd.
  static Adapters beside(List<TrainedSet> sets, Network network) {
    return sets.stream()
        .map(set -> set.loras.training(network, set.draws))
        .reduce(Adapters::then)
        .orElse(Adapters.NONE);
  }

  /// Every stream, each once.
  static List<RandomStream> streams(List<TrainedSet> sets) {
    return sets.stream()
        .flatMap(set -> Stream.of(set.draws.host(), set.draws.device()))
        .distinct()
        .toList();
  }

  /// Whether one of the sets trains a DiT module whose path starts with `prefix`.
  static boolean trains(List<TrainedSet> sets, String prefix) {
    return sets.stream()
        .flatMap(set -> set.loras.modules().stream())
        .map(adapter -> adapter.module())
        .anyMatch(module -> module.network() == Network.DIT && module.path().startsWith(prefix));
  }
}
