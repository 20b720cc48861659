package dev.anima.tag;

/// What a model answered for one picture: a probability for each label.
public final class Probabilities {
  private final float[] values;

  /// @param values one for each label; kept, not copied
  Probabilities(float[] values) {
    this.values = values;
  }

  public float of(int label) {
    return values[label];
  }
}
