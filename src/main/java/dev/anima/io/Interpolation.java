package dev.anima.io;

import java.util.Arrays;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/// How an image is brought to another size. Named, and computed, as the reference does.
public enum Interpolation {
  /// Pillow's LANCZOS: three lobes, widened when shrinking.
  LANCZOS("lanczos", "lanczos"),
  /// OpenCV's INTER_NEAREST_EXACT.
  NEAREST("nearest", "nearest"),
  /// OpenCV's INTER_LINEAR (not widened when shrinking).
  LINEAR("bilinear", "linear"),
  /// OpenCV's INTER_CUBIC (not widened when shrinking).
  CUBIC("bicubic", "cubic"),
  /// OpenCV's INTER_AREA: the mean over the covered area when shrinking.
  AREA("area", "area"),
  /// Pillow's BOX.
  BOX("box", "box");

  private final String referenceName;
  private final String alias;

  Interpolation(String referenceName, String alias) {
    this.referenceName = referenceName;
    this.alias = alias;
  }

  /// The method for one of the reference's names.
  ///
  /// @param where the flag or the place in a file, for the message
  /// @throws InputException for any other name
  public static Interpolation parse(String where, String name) {
    for (Interpolation interpolation : values()) {
      if (name.equals(interpolation.referenceName) || name.equals(interpolation.alias)) {
        return interpolation;
      }
    }
    String known =
        Arrays.stream(values())
            .flatMap(method -> Stream.of(method.referenceName, method.alias))
            .distinct()
            .collect(Collectors.joining(", "));
    throw new InputException(
        where + ": unknown interpolation \"" + name + "\", expected one of " + known);
  }

  /// The automatic choice: area if the image shrinks (or stays) in both directions, else Lanczos.
  public static Interpolation automatic(
      int sourceWidth, int sourceHeight, int targetWidth, int targetHeight) {
    return sourceWidth >= targetWidth && sourceHeight >= targetHeight ? AREA : LANCZOS;
  }
}
