package dev.anima.train;

import dev.anima.engine.Tensor;
import dev.anima.model.Adapters;
import dev.anima.model.dit.AnimaDit;
import org.jspecify.annotations.Nullable;

/// The whole forward under autograd, every activation kept until backward: fastest, largest.
final class PlainPass implements DitPass {
  private final AnimaDit dit;
  private final Adapters adapters;
  private @Nullable Tensor prediction;
  private @Nullable Tensor contextLeaf;

  PlainPass(AnimaDit dit, Adapters adapters) {
    this.dit = dit;
    this.adapters = adapters;
  }

  @Override
  public Tensor forward(Tensor noisy, Tensor timesteps, DitContext context) {
    Tensor leaf = context.rows().detach().requiresGrad_(context.rows().requiresGrad());
    Tensor result = dit.forward(noisy, timesteps, leaf, adapters);
    contextLeaf = leaf;
    prediction = result;
    return result.detach();
  }

  @Override
  public @Nullable Tensor backward(Tensor gradient, boolean contextWanted) {
    if (prediction == null || contextLeaf == null) {
      throw new IllegalStateException("backward before forward");
    }
    if (prediction.requiresGrad()) { // not if every module was dropped
      prediction.backward(gradient);
    }
    Tensor result = contextWanted && contextLeaf.hasGrad() ? contextLeaf.grad() : null;
    prediction = null;
    contextLeaf = null;
    return result;
  }
}
