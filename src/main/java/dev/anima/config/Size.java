package dev.anima.config;

/// A width and a height in pixels, in this order everywhere.
public record Size(int width, int height) implements Comparable<Size> {
  /// Width first, then height: the order buckets are sorted in.
  @Override
  public int compareTo(Size other) {
    int byWidth = Integer.compare(width, other.width);
    return byWidth != 0 ? byWidth : Integer.compare(height, other.height);
  }

  public long area() {
    return (long) width * height;
  }

  @Override
  public String toString() {
    return width + "x" + height;
  }
}
