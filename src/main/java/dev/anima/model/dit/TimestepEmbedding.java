package dev.anima.model.dit;

import dev.anima.engine.Device;
import dev.anima.engine.Dtype;
import dev.anima.engine.Ops;
import dev.anima.engine.Scope;
import dev.anima.engine.Tensor;
import dev.anima.model.Adapters;
import dev.anima.model.Linear;
import dev.anima.model.Rms;
import dev.anima.model.Weights;
import java.util.List;

/// From the timestep (0..1, not multiplied by 1000) to the conditioning of all blocks.
final class TimestepEmbedding implements AutoCloseable {
  private final Linear linear1;
  private final Linear linear2;
  private final Tensor norm;
  private final Tensor frequencies;

  TimestepEmbedding(Weights weights, int channels) {
    linear1 = weights.linear("t_embedder.1.linear_1");
    linear2 = weights.linear("t_embedder.1.linear_2");
    norm = weights.tensor("t_embedding_norm.weight");
    frequencies = frequencies(channels, weights.placement().device());
  }

  /// @param timesteps `(B)`
  Conditioning apply(Tensor timesteps, Adapters adapters) {
    Tensor sinusoid = sinusoid(timesteps, frequencies).to(norm.dtype()).unsqueeze(1); // (B, 1, c)
    // The sinusoid itself is normalised and becomes the modulation's input; the MLP's output is
    // added to every modulation.
    Tensor adaln = linear2.apply(Ops.silu(linear1.apply(sinusoid, adapters)), adapters);
    return Conditioning.of(Rms.norm(sinusoid, norm, Rms.EPSILON), adaln);
  }

  /// `exp(-ln(10000) k / (c/2))` for k = 0 .. c/2 - 1, float32, retained.
  static Tensor frequencies(int channels, Device device) {
    int half = channels / 2;
    try (Scope _ = new Scope()) {
      return Ops.arange(half, Dtype.F32, device).mul(-Math.log(10000.0)).div(half).exp().retain();
    }
  }

  /// Cosines, then sines, of timestep times frequency: `(B, c)`, computed in float32 and rounded to
  /// the timesteps' dtype.
  static Tensor sinusoid(Tensor timesteps, Tensor frequencies) {
    Tensor angles = timesteps.to(Dtype.F32).unsqueeze(1).mul(frequencies);
    return Ops.cat(List.of(angles.cos(), angles.sin()), -1).to(timesteps.dtype());
  }

  @Override
  public void close() {
    frequencies.close();
  }
}
