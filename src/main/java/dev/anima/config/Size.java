package dev.anima.config;

import java.util.Optional;

/// A width and a height in pixels, in this order everywhere.
public record Size(int width, int height) implements Comparable<Size> {
  /// Width first, then height: the order buckets are sorted in.
  @Override
  public int compareTo(Size other) {
    int byWidth = Integer.compare(width, other.width);
    return byWidth != 0 ? byWidth : Integer.compare(height, other.height);
  }

  /// Reads `SIZE` (a square) or `WIDTH,HEIGHT`, as flags write sizes.
  public static Optional<Size> parse(String text) {
    String[] parts = text.split(",", -1);
    if (parts.length > 2) {
      return Optional.empty();
    }
    return side(parts[0])
        .flatMap(width -> side(parts[parts.length - 1]).map(height -> new Size(width, height)));
  }

  private static Optional<Integer> side(String text) {
    return PythonNumber.parseInt(text).filter(side -> side == side.intValue()).map(Long::intValue);
  }

  public long area() {
    return (long) width * height;
  }

  @Override
  public String toString() {
    return width + "x" + height;
  }
}
