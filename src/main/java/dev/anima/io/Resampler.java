package dev.anima.io;

/// Resizes images to exactly the bytes that the reference's libraries give.
public final class Resampler {
  private Resampler() {}

  /// Resizes by the automatic rule ([Interpolation#automatic]).
  public static Pixels resize(Pixels image, int width, int height) {
    return resize(
        image,
        width,
        height,
        Interpolation.automatic(image.width(), image.height(), width, height));
  }

  /// Resizes to `width` x `height`, stretching if the proportions differ; an image that has this
  /// size already is returned as it is.
  ///
  /// The Pillow methods weight the colours of a four-channel image by its alpha, as Pillow does;
  /// the OpenCV methods treat its channels alike.
  public static Pixels resize(Pixels image, int width, int height, Interpolation interpolation) {
    if (width < 1 || height < 1) {
      throw new IllegalArgumentException("cannot resize to " + width + "x" + height);
    }
    if (image.width() == width && image.height() == height) {
      return image;
    }
    return switch (interpolation) {
      case LANCZOS -> PillowResampler.resize(image, width, height, PillowResampler.Filter.LANCZOS);
      case BOX -> PillowResampler.resize(image, width, height, PillowResampler.Filter.BOX);
      case AREA ->
          width <= image.width() && height <= image.height()
              ? AreaResampler.shrink(image, width, height)
              : OpenCv.resize(image, width, height, interpolation);
      case NEAREST, LINEAR, CUBIC -> OpenCv.resize(image, width, height, interpolation);
    };
  }

  /// Resizes by Pillow's BICUBIC, which widens when shrinking ([Interpolation#CUBIC], OpenCV's,
  /// does not); an image that has this size already is returned as it is. No training flag names
  /// this one: it is what taggers take.
  public static Pixels pillowBicubic(Pixels image, int width, int height) {
    return image.width() == width && image.height() == height
        ? image
        : PillowResampler.resize(image, width, height, PillowResampler.Filter.BICUBIC);
  }
}
