package dev.anima.train.optim;

/// How updated values go back into bf16 weights (`--bf16_rounding`). Small updates are lost when
/// every value is rounded to the nearest: bf16 keeps 8 bits.
public enum WeightRounding {
  /// To the nearest, as the reference's optimizers do.
  NEAREST,
  /// Up or down by chance, so that the mean is right.
  STOCHASTIC,
  /// To the nearest, and what was cut off is kept (in bf16) and added the next time: compensated
  /// summation (Kahan 1965).
  KAHAN
}
