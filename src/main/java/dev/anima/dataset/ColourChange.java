package dev.anima.dataset;

/// The colour augmentation of one sample (`color_aug`).
public sealed interface ColourChange {
  /// Colours stay.
  record None() implements ColourChange {}

  /// Hue turned by this much on OpenCV's scale of 180; may have a fraction.
  ///
  /// @param shift 0 to 180
  record Hue(double shift) implements ColourChange {}

  /// Every value v (0..255) becomes v to this power: 0.95 darkens strongly, it is no photographic
  /// gamma.
  record Gamma(double exponent) implements ColourChange {}

  /// One draw decides whether to change, a second what, a third how much.
  static ColourChange draw(PythonRandom random) {
    if (random.random() > 0.33) {
      return new None();
    }
    if (random.random() > 0.5) {
      double shift = random.uniform(-8, 8);
      return new Hue(shift < 0 ? shift + 180 : shift);
    }
    return new Gamma(random.uniform(0.95, 1.05));
  }
}
