package dev.anima.train.optim;

import java.util.OptionalDouble;

/// One optimizer with all its constants, as `--optimizer_type` and `--optimizer_args` mean it.
public sealed interface OptimizerConfig {
  /// `torch.optim.AdamW`
  record AdamW(double beta1, double beta2, double epsilon, double weightDecay, boolean amsgrad)
      implements OptimizerConfig {}

  /// `lion_pytorch.Lion`
  ///
  /// @param decoupled divide the weight decay by the initial learning rate
  record Lion(double beta1, double beta2, double weightDecay, boolean decoupled)
      implements OptimizerConfig {}

  /// `torch.optim.SGD` with Nesterov momentum
  record Sgd(double momentum, double weightDecay) implements OptimizerConfig {}

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
}
