package dev.anima.model.dit;

import dev.anima.model.Placement;
import dev.anima.model.Rotary;
import dev.anima.model.RotaryPrecision;
import dev.anima.model.Rounding;
import java.util.HashMap;
import java.util.Map;

/// Rotary tables of the DiT's tokens, one per bucket shape, kept for the life of the model.
///
/// A head's angles are those of time (always 0 for an image), row and column, in this order: the
/// half head of d/2 angles holds `d/2 - 2 floor(d/6)` for time and `floor(d/6)` each for row and
/// column.
public final class RopeTables implements AutoCloseable {
  private static final double BASE = 10000;

  /// Extrapolation ratio of rows and columns; time has 1.
  private static final double RATIO = 4;

  private record Grid(int rows, int columns) {}

  private final Placement placement;
  private final int timeAngles;
  private final float[] frequencies;
  private final Map<Grid, Rotary> tables = new HashMap<>();

  public RopeTables(int headSize, Placement placement) {
    this.placement = placement;
    int axis = headSize / 6;
    this.timeAngles = headSize / 2 - 2 * axis;
    this.frequencies = frequencies(2 * axis, placement);
  }

  // 1 / (10000 ratio^(dim/(dim-2)))^(2j/dim) for j = 0 .. dim/2 - 1
  private static float[] frequencies(int dim, Placement placement) {
    float theta = (float) (BASE * Math.pow(RATIO, dim / (dim - 2.0)));
    float[] frequencies = new float[dim / 2];
    for (int j = 0; j < frequencies.length; j++) {
      float exponent = 2f * j / dim;
      if (placement.rotary() == RotaryPrecision.REFERENCE) {
        exponent = Rounding.to(placement.dtype(), exponent);
      }
      frequencies[j] = 1f / (float) Math.pow(theta, exponent);
    }
    return frequencies;
  }

  /// The table of `rows * columns` tokens, row by row; owned by this.
  public Rotary table(int rows, int columns) {
    return tables.computeIfAbsent(
        new Grid(rows, columns),
        grid ->
            Rotary.of(
                halfAngles(grid.rows, grid.columns),
                grid.rows * grid.columns,
                placement.device(),
                placement.dtype()));
  }

  /// `rows * columns` times `headSize / 2` angles.
  float[] halfAngles(int rows, int columns) {
    int axis = frequencies.length;
    int half = timeAngles + 2 * axis;
    float[] angles = new float[rows * columns * half];
    for (int y = 0; y < rows; y++) {
      for (int x = 0; x < columns; x++) {
        int at = (y * columns + x) * half + timeAngles; // time angles stay 0
        for (int j = 0; j < axis; j++) {
          angles[at + j] = y * frequencies[j];
          angles[at + axis + j] = x * frequencies[j];
        }
      }
    }
    return angles;
  }

  @Override
  public void close() {
    tables.values().forEach(Rotary::close);
    tables.clear();
  }
}
