package dev.anima.train.objective;

import dev.anima.engine.Dtype;
import dev.anima.engine.Ops;
import dev.anima.engine.Tensor;

/// Where the loss counts, in pixels, brought to the size of the latents. The loss is not divided by
/// the mask's sum.
public final class LossMask {
  private LossMask() {}

  /// @param alpha `(B, H, W)` alpha channel, 0 to 1
  /// @return `(B, 1, h, w)` float32
  public static Tensor ofAlpha(Tensor alpha, long latentHeight, long latentWidth) {
    return area(alpha.to(Dtype.F32).unsqueeze(1), latentHeight, latentWidth);
  }

  /// @param images `(B, 3, H, W)` conditioning images, -1 to 1; the red channel counts
  /// @return `(B, 1, h, w)` float32
  public static Tensor ofConditioning(Tensor images, long latentHeight, long latentWidth) {
    Tensor red = images.to(Dtype.F32).narrow(1, 0, 1);
    return area(red.div(2).add(0.5), latentHeight, latentWidth);
  }

  private static Tensor area(Tensor mask, long latentHeight, long latentWidth) {
    return Ops.adaptiveAvgPool2d(mask, latentHeight, latentWidth);
  }
}
