package dev.anima.train;

import dev.anima.engine.RandomStream;
import dev.anima.lora.LoraSet;
import dev.anima.lora.StreamDraws;
import dev.anima.model.dit.AnimaDit;
import dev.anima.train.objective.Objective;
import java.util.List;

/// What the training loop works with. Owned by [TrainingRun].
///
/// @param trained which modules train
/// @param host the CPU stream: LoRA weights, data order, module dropout
/// @param device the stream of noise and dropout; the same object as `host` on a CPU run
/// @param draws of the dropouts
/// @param passes ways through the DiT with these LoRAs
/// @param hidden width of Qwen3's states
/// @param measured what progress is measured on
record RunParts(
    TrainedModel trained,
    AnimaDit dit,
    TextPipeline text,
    LatentStore latents,
    LoraSet loras,
    DitPasses passes,
    Learner learner,
    Objective objective,
    RandomStream host,
    RandomStream device,
    StreamDraws draws,
    int hidden,
    ProgressSet measured,
    RunMetadata metadata,
    Samples samples) {

  boolean trainsTextEncoder() {
    return trained.trainsTextEncoder();
  }

  boolean trainsAdapter() {
    return trained.trainsAdapter();
  }

  /// Every stream that training draws from, each once.
  List<RandomStream> streams() {
    return host == device ? List.of(host) : List.of(host, device);
  }
}
