package dev.anima.train.objective;

import dev.anima.engine.Dtype;
import dev.anima.engine.Ops;
import dev.anima.engine.Tensor;

/// Where the loss counts, in pixels, brought to the size of the latents. The loss is not divided by
/// the mask's sum.
public final class LossMask {
  private LossMask() {}

  /// @param alpha `(B, H, W)` alpha channel or mask image, 0 to 1
  /// @return `(B, 1, h, w)` float32
  public static Tensor ofAlpha(Tensor alpha, long latentHeight, long latentWidth) {
    return Ops.adaptiveAvgPool2d(alpha.to(Dtype.F32).unsqueeze(1), latentHeight, latentWidth);
  }
}
