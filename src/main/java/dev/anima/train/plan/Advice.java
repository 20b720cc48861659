package dev.anima.train.plan;

import dev.anima.model.WeightStorage;
import dev.anima.train.plan.RunShape.Bucket;
import java.util.ArrayList;
import java.util.List;

/// What to do about a plan that does not fit, in the order of what costs least.
final class Advice {
  private final RunShape run;
  private final MemoryPlan plan;

  Advice(RunShape run, MemoryPlan plan) {
    this.run = run;
    this.plan = plan;
  }

  List<String> remedies() {
    List<String> remedies = new ArrayList<>();
    String phase = plan.worst().name();
    if (phase.startsWith("caching latents")) {
      ofVae(remedies, run.latents().batch());
    } else if (phase.startsWith("caching captions")) {
      if (run.texts().batch() > 1) {
        remedies.add("--text_encoder_batch_size=1");
      }
    } else if (phase.startsWith("samples")) {
      remedies.add("smaller sample pictures");
      ofVae(remedies, 1);
    }
    if (phase.startsWith("training")) {
      ofTraining(remedies);
    }
    if (run.texts().trains()) {
      remedies.add("--network_train_unet_only");
    }
    if (run.texts().ahead()) {
      remedies.add("--cache_text_encoder_outputs");
    }
    if (!run.latents().cached()) {
      remedies.add("--cache_latents");
    }
    if (run.storage() == WeightStorage.COMPUTE && run.dit().matricesAreOwn()) {
      remedies.add("--fp8_base or --int8_base");
    }
    if (run.steps().optimizer().stateBytes() > 100_000_000) {
      remedies.add("--optimizer_type=AdamW8bit or a smaller --network_dim");
    }
    if (!plan.limit().stated()) {
      remedies.add("close other programs");
    }
    return remedies;
  }

  private void ofVae(List<String> remedies, int batch) {
    if (batch > 1) {
      remedies.add("--vae_batch_size=1");
    }
    if (run.latents().vae().chunkRows() == 0) {
      remedies.add("--vae_chunk_size=64");
    }
  }

  private void ofTraining(List<String> remedies) {
    int batch = run.buckets().stream().mapToInt(Bucket::batch).max().orElse(1);
    if (batch > 1) {
      remedies.add(
          "a batch size below %d (with --gradient_accumulation_steps the result stays the same)"
              .formatted(batch));
    }
    remedies.add("a smaller resolution");
  }
}
