package dev.anima.train.objective;

import dev.anima.engine.Dtype;
import dev.anima.engine.Ops;
import dev.anima.engine.RandomStream;
import dev.anima.engine.Scope;
import dev.anima.engine.Tensor;
import java.util.OptionalDouble;
import java.util.function.DoubleSupplier;

/// `--noise_offset`, `--multires_noise_*` and their relatives on the flow's noise
/// (`--apply_noise_options`): the formulas with which the reference changes the noise of Stable
/// Diffusion. For Anima it takes the flags and does nothing.
///
/// The target follows the changed noise. Without options no number is drawn.
///
/// @param offset one number for each channel of an image is added to its noise, normal with this
///   deviation (Guttenberg 2023); 0 for none
/// @param randomOffset times a uniform number per batch
/// @param adaptiveScale times the channel's mean in the latents (its absolute value) is added to
///   the offset, which ends at 0 at least
/// @param iterations levels of coarser and coarser noise that are added (Whitaker 2023); 0 for none
/// @param discount weight of each next level
public record NoiseOptions(
    double offset,
    boolean randomOffset,
    OptionalDouble adaptiveScale,
    int iterations,
    double discount) {
  public static final NoiseOptions NONE =
      new NoiseOptions(0, false, OptionalDouble.empty(), 0, 0.3);

  /// @param noise `(B, C, h, w)` standard normal
  /// @param latents `(B, C, h, w)`
  /// @param device the stream of the noise
  /// @param cpu the stream for single numbers; the same object as `device` on a CPU run
  /// @return `(B, C, h, w)` in the dtype of `noise`, which may be `noise` itself
  Tensor applied(Tensor noise, Tensor latents, RandomStream device, RandomStream cpu) {
    return applied(
        noise,
        latents,
        device,
        () -> {
          try (Scope _ = new Scope()) {
            return cpu.rand(Dtype.F64, 1).item();
          }
        });
  }

  /// As above.
  ///
  /// @param uniform numbers in [0, 1), one for each level (the reference takes Python's)
  Tensor applied(Tensor noise, Tensor latents, RandomStream device, DoubleSupplier uniform) {
    Tensor shaped = noise;
    if (offset != 0) {
      shaped = shifted(shaped, latents, device);
    }
    if (iterations > 0) {
      shaped = pyramid(shaped, device, uniform);
    }
    return shaped.to(noise.dtype());
  }

  private Tensor shifted(Tensor noise, Tensor latents, RandomStream device) {
    Tensor strength =
        randomOffset
            ? device.rand(Dtype.F32, 1).mul(offset)
            : Ops.full(offset, Dtype.F32, noise.device(), 1);
    if (adaptiveScale.isPresent()) {
      Tensor means = latents.to(Dtype.F32).mean(true, 2, 3).abs(); // (B, C, 1, 1)
      strength = means.mul(adaptiveScale.getAsDouble()).add(strength).clampMin(0);
    }
    Tensor shifts = device.randn(Dtype.F32, noise.size(0), noise.size(1), 1, 1);
    return noise.to(Dtype.F32).add(shifts.mul(strength));
  }

  /// Level i is drawn at about 1/3^i of the size; the sum is scaled back to deviation 1.
  private Tensor pyramid(Tensor noise, RandomStream device, DoubleSupplier uniform) {
    long height = noise.size(2);
    long width = noise.size(3);
    Tensor sum = noise.to(Dtype.F32);
    for (int level = 0; level < iterations; level++) {
      double shrink = Math.pow(uniform.getAsDouble() * 2 + 2, level);
      long rows = Math.max(1, (long) (height / shrink));
      long columns = Math.max(1, (long) (width / shrink));
      Tensor coarse = device.randn(Dtype.F32, noise.size(0), noise.size(1), rows, columns);
      sum = sum.add(Ops.upsampleBilinear(coarse, height, width), Math.pow(discount, level));
      if (rows == 1 || columns == 1) {
        break;
      }
    }
    return sum.div(sum.std());
  }
}
