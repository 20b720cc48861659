package dev.anima.train.optim;

import dev.anima.engine.NoGrad;
import dev.anima.engine.Tensor;

/// Loss scaling for fp16: gradients are computed of `loss * scale`, so that small ones survive, and
/// divided again before use. The scale grows while all is finite and shrinks when it is not.
///
/// Use: multiply the loss by [#scale]; [#unscale_] the summed gradients; read their norm (the one
/// wait for the device); if it is not finite, skip optimizer and schedule; then [#update].
public final class GradScaler {
  private static final double GROWTH = 2;
  private static final double BACKOFF = 0.5;
  private static final int GROWTH_INTERVAL = 2000;

  private double scale;
  private int goodSteps;

  /// As `torch.amp.GradScaler` begins.
  public GradScaler() {
    this(65536, 0);
  }

  /// Continues from a checkpoint.
  public GradScaler(double scale, int goodSteps) {
    this.scale = scale;
    this.goodSteps = goodSteps;
  }

  /// Factor on the loss.
  public double scale() {
    return scale;
  }

  /// Steps since the scale last changed; part of a checkpoint.
  public int goodSteps() {
    return goodSteps;
  }

  public void unscale_(Tensor gradients) {
    try (NoGrad _ = new NoGrad()) {
      gradients.mul_(1 / scale);
    }
  }

  /// Tells how the step went.
  ///
  /// @param finite whether every gradient was; if not, the step must have been skipped
  public void update(boolean finite) {
    if (!finite) {
      scale *= BACKOFF;
      goodSteps = 0;
    } else if (++goodSteps == GROWTH_INTERVAL) {
      scale *= GROWTH;
      goodSteps = 0;
    }
  }
}
