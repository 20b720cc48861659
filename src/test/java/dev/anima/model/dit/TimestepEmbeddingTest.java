package dev.anima.model.dit;

import dev.anima.Golden;
import dev.anima.engine.Device;
import dev.anima.engine.NoGrad;
import dev.anima.engine.Scope;
import dev.anima.engine.Tensor;
import dev.anima.model.Adapters;
import dev.anima.model.Checkpoint;
import dev.anima.model.GoldenCase;
import dev.anima.model.Placement;
import dev.anima.model.WeightEdit;
import dev.anima.model.Weights;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class TimestepEmbeddingTest {
  @ParameterizedTest(name = "{0}")
  @CsvSource({"features_2048, 2048", "features_tiny, 96"})
  void sinusoidsMatchTheReference(String output, int channels) {
    GoldenCase golden = GoldenCase.named("timestep/features");
    Tensor frequencies = TimestepEmbedding.frequencies(channels, Device.CPU);
    try (Scope _ = new Scope();
        frequencies) {
      golden.check(output, TimestepEmbedding.sinusoid(golden.input("timesteps"), frequencies));
    }
  }

  @Test
  void embedderMatchesTheReference() {
    GoldenCase golden = GoldenCase.named("timestep/embedder");
    Checkpoint checkpoint = Checkpoint.open(Golden.path("tiny/dit.safetensors"));
    try (Scope _ = new Scope();
        NoGrad _ = new NoGrad();
        Weights weights = new Weights(checkpoint, Placement.CPU_F32, WeightEdit.NONE);
        TimestepEmbedding embedding = new TimestepEmbedding(weights, 96)) {
      Conditioning conditioning = embedding.apply(golden.input("timesteps"), Adapters.NONE);

      golden.check("adaln_lora", conditioning.adaln());
      golden.check("t_embedding_normed", conditioning.emb());
    }
  }
}
