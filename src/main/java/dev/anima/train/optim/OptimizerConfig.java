package dev.anima.train.optim;

import java.util.OptionalDouble;

/// One optimizer with all its constants, as `--optimizer_type` and `--optimizer_args` mean it.
public sealed interface OptimizerConfig {
  /// `torch.optim.AdamW`, and `Adam` without `decoupled`
  ///
  /// @param decoupled weight decay shrinks the values instead of adding to the gradient
  record AdamW(
      double beta1,
      double beta2,
      double epsilon,
      double weightDecay,
      boolean amsgrad,
      boolean decoupled)
      implements OptimizerConfig {}

  /// `lion_pytorch.Lion`
  ///
  /// @param decoupled divide the weight decay by the initial learning rate
  record Lion(double beta1, double beta2, double weightDecay, boolean decoupled)
      implements OptimizerConfig {}

  /// `torch.optim.SGD`
  ///
  /// @param dampening share of a gradient that the momentum leaves out
  record Sgd(double momentum, double dampening, double weightDecay, boolean nesterov)
      implements OptimizerConfig {}

  /// The optimizers of bitsandbytes.
  sealed interface Blockwise extends OptimizerConfig {
    /// Tensors with fewer elements keep float32 state.
    long min8bitSize();
  }

  record AdamW8bit(double beta1, double beta2, double epsilon, double weightDecay, long min8bitSize)
      implements Blockwise {}

  record Lion8bit(double beta1, double beta2, double weightDecay, long min8bitSize)
      implements Blockwise {}

  record Sgd8bit(double momentum, double weightDecay, long min8bitSize) implements Blockwise {}

  /// `transformers.Adafactor`
  ///
  /// @param epsilon1 added to the squared gradient
  /// @param epsilon2 least size of a tensor for `scaleParameter`
  record Adafactor(
      double epsilon1,
      double epsilon2,
      double clipThreshold,
      double decayRate,
      OptionalDouble beta1,
      double weightDecay,
      boolean scaleParameter,
      boolean relativeStep,
      boolean warmupInit)
      implements OptimizerConfig {}

  /// `prodigyopt.Prodigy`
  ///
  /// @param sliceP the distance travelled is measured on every sliceP-th element of a tensor
  record Prodigy(
      double beta1,
      double beta2,
      double beta3,
      double epsilon,
      double weightDecay,
      boolean decouple,
      boolean biasCorrection,
      boolean safeguardWarmup,
      double d0,
      double dCoefficient,
      double growthRate,
      long sliceP)
      implements OptimizerConfig {}

  /// The optimizers of `schedulefree`: no learning-rate schedule, other values for use than for
  /// gradients.
  sealed interface ScheduleFree extends OptimizerConfig {
    /// Share of the averaged values in those that gradients are taken at.
    double interpolation();

    double weightDecay();

    /// Exponent of the step number in the average's weights.
    double r();

    /// Exponent of the learning rate in the average's weights.
    double weightLrPower();
  }

  record AdamWScheduleFree(
      double interpolation,
      double beta2,
      double epsilon,
      double weightDecay,
      long warmupSteps,
      double r,
      double weightLrPower)
      implements ScheduleFree {}

  /// @param silentSgdPhase no update at all while the variance is unreliable, instead of plain SGD
  record RAdamScheduleFree(
      double interpolation,
      double beta2,
      double epsilon,
      double weightDecay,
      double r,
      double weightLrPower,
      boolean silentSgdPhase)
      implements ScheduleFree {}

  record SgdScheduleFree(
      double interpolation, double weightDecay, long warmupSteps, double r, double weightLrPower)
      implements ScheduleFree {}

  /// `came_pytorch.CAME`
  ///
  /// @param epsilon1 added to the squared gradient
  /// @param epsilon2 added to the squared distance between an update and its average
  record Came(
      double beta1,
      double beta2,
      double beta3,
      double epsilon1,
      double epsilon2,
      double clipThreshold,
      double weightDecay)
      implements OptimizerConfig {}

  /// `torch.optim.Muon`
  ///
  /// @param a,b,c coefficients of a Newton-Schulz step
  /// @param steps number of Newton-Schulz steps
  /// @param others for tensors that are no matrices
  record Muon(
      double momentum,
      boolean nesterov,
      double weightDecay,
      double a,
      double b,
      double c,
      double epsilon,
      long steps,
      RateAdjustment adjustment,
      AdamW others)
      implements OptimizerConfig {
    /// `adjust_lr_fn`: how the learning rate follows a matrix's shape.
    public enum RateAdjustment {
      /// Tall matrices more.
      ORIGINAL,
      /// Updates as large as AdamW's, so that its learning rates can be kept.
      MATCH_RMS_ADAMW
    }
  }

  /// The optimizers of `dadaptation`: their step size follows the distance travelled.
  sealed interface DAdapt extends OptimizerConfig {
    /// First estimate of the distance.
    double d0();
  }

  /// `DAdaptAdam` and `DAdaptAdamPreprint`
  record DAdaptAdam(
      boolean preprint,
      double beta1,
      double beta2,
      double epsilon,
      double weightDecay,
      boolean decouple,
      boolean biasCorrection,
      double d0,
      double growthRate)
      implements DAdapt {}

  /// `DAdaptAdan` and `DAdaptAdanIP` (`innerProduct`)
  ///
  /// @param noProx weight decay before the step instead of after it
  record DAdaptAdan(
      boolean innerProduct,
      double beta1,
      double beta2,
      double beta3,
      double epsilon,
      double weightDecay,
      boolean noProx,
      double d0,
      double growthRate)
      implements DAdapt {}

  record DAdaptAdaGrad(
      double momentum, double epsilon, double weightDecay, double d0, double growthRate)
      implements DAdapt {}

  record DAdaptLion(double beta1, double beta2, double weightDecay, double d0) implements DAdapt {}

  record DAdaptSgd(double momentum, double weightDecay, double d0, double growthRate)
      implements DAdapt {}

  /// `prodigyplus.ProdigyPlusScheduleFree`
  ///
  /// @param beta3 decay of the distance's sums
  /// @param decayByRate weight decay is multiplied by the learning rate
  /// @param limited d grows by 19 % an update at most
  /// @param lastStep d stays as it is from this update on; 0 for never
  /// @param averagingStrength `schedulefree_c`; 0 for the original rule
  /// @param epsilon empty for `atan2(gradient, root)` instead of a quotient
  /// @param splitGroups every group has a d of its own
  /// @param meanOfGroups the groups' learning rates go with the harmonic mean of their d
  /// @param factored second moments of matrices as row and column means
  /// @param clipped updates scaled down to a root mean square of 1 (StableAdamW)
  /// @param scheduleFree averaged weights instead of momentum
  /// @param speed the package's experimental measure of d
  /// @param stochasticRounding of bf16 weights
  record ProdigyPlus(
      double beta1,
      double beta2,
      double beta3,
      double weightDecay,
      boolean decayByRate,
      double d0,
      double dCoefficient,
      boolean limited,
      long lastStep,
      double averagingStrength,
      OptionalDouble epsilon,
      boolean splitGroups,
      boolean meanOfGroups,
      boolean factored,
      boolean factoredInFp32,
      boolean biasCorrection,
      boolean clipped,
      boolean scheduleFree,
      boolean speed,
      boolean stochasticRounding,
      Direction direction,
      boolean adopt,
      boolean orthogonal,
      boolean focus)
      implements OptimizerConfig {
    /// What becomes of updates that point against the gradient.
    public enum Direction {
      PLAIN,
      /// They are left out (Liang et al. 2024).
      CAUTIOUS,
      /// They are turned around (Cao et al. 2024).
      GRAMS
    }
  }
}
