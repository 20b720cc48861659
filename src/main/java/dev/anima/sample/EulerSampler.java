package dev.anima.sample;

import dev.anima.engine.Device;
import dev.anima.engine.Dtype;
import dev.anima.engine.NoGrad;
import dev.anima.engine.Ops;
import dev.anima.engine.Scope;
import dev.anima.engine.Tensor;
import org.jspecify.annotations.Nullable;

/// Rectified-flow sampling with Euler steps: from noise (sigma 1) along the model's velocity to a
/// picture (sigma 0).
///
/// @param positive velocity under the prompt
/// @param negative velocity under the negative prompt; null for no guidance (one pass a step)
/// @param guidance scale of classifier-free guidance, without meaning if there is no `negative`
public record EulerSampler(Velocity positive, @Nullable Velocity negative, double guidance) {

  /// The model under one condition.
  @FunctionalInterface
  public interface Velocity {
    /// @param latents `(B, 16, 1, h, w)` or `(B, 16, h, w)`
    /// @param timesteps `(B)` in 0..1, the sigma of this step for each picture
    /// @return the velocity (noise - latents), shape and dtype of `latents`
    Tensor at(Tensor latents, Tensor timesteps);
  }

  /// Hears of every finished step.
  @FunctionalInterface
  public interface Progress {
    Progress NONE = (_, _) -> true;

    /// @param step 1 for the first step done
    /// @param latents after the step; valid during the call only
    /// @return false to stop here
    boolean stepDone(int step, Tensor latents);
  }

  /// Sigmas from 1 to 0, `steps + 1` of them: evenly spaced s, then `shift s / (1 + (shift - 1)
  /// s)`.
  ///
  /// @param shift above 1 spends more steps near pure noise
  /// @param dtype the numbers are computed in; the reference uses the DiT's while it trains
  public static Tensor sigmas(int steps, double shift, Dtype dtype, Device device) {
    if (steps < 1) {
      throw new IllegalArgumentException("sampling needs at least one step, got " + steps);
    }
    return Scope.keep(() -> {
      Tensor even = Ops.linspace(1, 0, steps + 1L, dtype, device);
      return shift == 1 ? even : even.mul(shift).div(even.mul(shift - 1).add(1));
    });
  }

  /// Runs all steps. Records no autograd graph.
  ///
  /// @param noise standard normal, in the dtype and on the device the model works with
  /// @param sigmas `(steps + 1)` as from [#sigmas]
  /// @return the latents, shape and dtype of `noise`, in the caller's scope
  public Tensor sample(Tensor noise, Tensor sigmas, Progress progress) {
    int steps = Math.toIntExact(sigmas.numel() - 1);
    return Scope.keep(() -> {
      Tensor x = noise.copy();
      for (int k = 0; k < steps; k++) {
        Tensor next = step(x, sigmas, k);
        x.close();
        x = next;
        if (!progress.stepDone(k + 1, x)) {
          break;
        }
      }
      return x;
    });
  }

  // x + (sigma_{k+1} - sigma_k) v, computed in float32 and rounded to the dtype of x
  private Tensor step(Tensor x, Tensor sigmas, int k) {
    return Scope.keep(() -> {
      try (NoGrad _ = new NoGrad()) {
        Tensor sigma = sigmas.select(0, k);
        Tensor v = velocity(x, sigma.expand(x.size(0)).to(x.dtype()));
        Tensor difference = sigmas.select(0, k + 1L).sub(sigma);
        return x.add(v.mul(difference)).to(x.dtype());
      }
    });
  }

  private Tensor velocity(Tensor x, Tensor timesteps) {
    Tensor towards = positive.at(x, timesteps).to(Dtype.F32);
    if (negative == null) {
      return towards;
    }
    Tensor away = negative.at(x, timesteps).to(Dtype.F32);
    return away.add(towards.sub(away).mul(guidance));
  }
}
