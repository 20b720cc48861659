package dev.anima.model.block;

import dev.anima.engine.Dtype;
import dev.anima.engine.Ops;
import dev.anima.engine.Scope;
import dev.anima.engine.Tensor;
import java.util.ArrayList;
import java.util.List;

/// The shift, scale and gate vectors of all blocks at once: one product with all `W₁` below each
/// other, one batched product with all `W₂`. For blocks whose modulation layers do not train.
///
/// Costs a second copy of these weights (350 MB in bf16 at full size), and saves six small products
/// a block.
///
/// Shapes: `n` blocks, bottleneck `a`.
public final class BatchedModulation implements AutoCloseable {
  private final Tensor down; // (3n a, D)
  private final Tensor up; // (3n, a, 3D)
  private final long branches;

  /// @param dtype of the product, that of the embedding: float32 over fp16 weights
  public BatchedModulation(List<BlockWeights> blocks, Dtype dtype) {
    List<Tensor> downs = new ArrayList<>();
    List<Tensor> ups = new ArrayList<>();
    for (BlockWeights block : blocks) {
      downs.add(block.dense(BlockLinear.SELF_MODULATION_DOWN));
      downs.add(block.dense(BlockLinear.CROSS_MODULATION_DOWN));
      downs.add(block.dense(BlockLinear.MLP_MODULATION_DOWN));
      ups.add(block.dense(BlockLinear.SELF_MODULATION_UP).t());
      ups.add(block.dense(BlockLinear.CROSS_MODULATION_UP).t());
      ups.add(block.dense(BlockLinear.MLP_MODULATION_UP).t());
    }
    branches = downs.size();
    down = Scope.keep(() -> Ops.cat(downs, 0).to(dtype)).retain();
    up = Scope.keep(() -> Ops.stack(ups, 0).to(dtype)).retain();
  }

  /// @param activatedEmbedding `SiLU(e) (B, 1, D)`
  /// @param adaln `(B, 1, 3D)`
  /// @return `(n, 3, B, 3D)`
  public Tensor forward(Tensor activatedEmbedding, Tensor adaln) {
    return Scope.keep(() -> {
      long batch = adaln.size(0);
      Tensor inner =
          Ops.linear(activatedEmbedding.squeeze(1), down) // (B, 3n a)
              .view(batch, branches, up.size(1))
              .transpose(0, 1); // (3n, B, a)
      return inner.bmm(up).add_(adaln.squeeze(1)).view(branches / 3, 3, batch, up.size(2));
    });
  }

  @Override
  public void close() {
    down.close();
    up.close();
  }
}
