package dev.anima.model;

/// Rotary table of a text model, positions 0, 1, 2, ...; grows when a longer text comes.
public final class TextPositions implements AutoCloseable {
  private static final int USUAL_LENGTH = 512;

  private final float[] frequencies;
  private final Placement placement;
  private Rotary table;

  /// @param base 1e6 for Qwen3, 1e4 for the LLM adapter
  public TextPositions(int headSize, double base, Placement placement) {
    this.placement = placement;
    this.frequencies = new float[headSize / 2];
    boolean rounded = placement.rotary() == RotaryPrecision.REFERENCE;
    for (int k = 0; k < frequencies.length; k++) {
      float exponent = 2f * k / headSize;
      float frequency = 1f / (float) Math.pow(base, exponent);
      frequencies[k] = rounded ? Rounding.to(placement.dtype(), frequency) : frequency;
    }
    this.table = table(USUAL_LENGTH);
  }

  /// The rows of positions `0 .. length - 1`.
  public Rotary upTo(long length) {
    if (length > table.cos().size(0)) {
      table.close();
      table = table(Math.toIntExact(length));
    }
    return table.first(length);
  }

  /// Radians a position, for each of the d/2 channel pairs.
  float[] frequencies() {
    return frequencies.clone();
  }

  private Rotary table(int length) {
    float[] angles = new float[length * frequencies.length];
    for (int position = 0; position < length; position++) {
      for (int k = 0; k < frequencies.length; k++) {
        angles[position * frequencies.length + k] = position * frequencies[k];
      }
    }
    return Rotary.of(angles, length, placement.device(), placement.dtype());
  }

  @Override
  public void close() {
    table.close();
  }
}
