package dev.anima.model.dit;

import dev.anima.engine.Dtype;
import dev.anima.engine.Ops;
import dev.anima.engine.Tensor;
import dev.anima.model.Adapters;
import dev.anima.model.dit.BlockWeights.ModulationWeights;

/// What every block and the final layer know of the timestep.
///
/// @param emb `(B, 1, c)` the normalised sinusoid
/// @param activated `(B, 1, c)` SiLU of `emb`, the input of every modulation
/// @param adaln `(B, 1, 3c)` the timestep MLP's output, added to every modulation
public record Conditioning(Tensor emb, Tensor activated, Tensor adaln) {
  static Conditioning of(Tensor emb, Tensor adaln) {
    // The modulation of an fp16 model runs in float32 (its numbers leave fp16's range); bf16 stays.
    Dtype dtype = emb.dtype() == Dtype.F16 ? Dtype.F32 : emb.dtype();
    return new Conditioning(emb, Ops.silu(emb.to(dtype)), adaln.to(dtype));
  }

  /// `up(down(SiLU(emb))) + adaln`, `(B, 1, k c)` for k = 3 (shift, scale, gate) or 2 (shift,
  /// scale).
  public Tensor modulation(ModulationWeights weights, Adapters adapters) {
    Tensor own = weights.up().apply(weights.down().apply(activated, adapters), adapters);
    return own.add(own.size(-1) == adaln.size(-1) ? adaln : adaln.narrow(-1, 0, own.size(-1)));
  }
}
