package dev.anima.dataset;

import dev.anima.config.Size;

/// What becomes of one image: resized to cover its bucket, then cropped to it.
///
/// @param image size in the file
/// @param bucket size after cropping, in pixels
/// @param resized size after resizing and before cropping
/// @param aspectError bucket aspect ratio minus image aspect ratio (width / height)
public record BucketChoice(Size image, Size bucket, Size resized, double aspectError) {
  /// Edges of the image inside its bucket, as stored with cached latents.
  public record Edges(double left, double top, double right, double bottom) {
    public double[] toArray() {
      return new double[] {left, top, right, bottom};
    }
  }

  static BucketChoice of(Size image, Size bucket, Size resized) {
    return new BucketChoice(image, bucket, resized, aspect(bucket) - aspect(image));
  }

  static double aspect(Size size) {
    return (double) size.width() / size.height();
  }

  /// True if nothing of the image would be left: a side is shorter than the bucket step.
  public boolean isTooSmall() {
    return bucket.width() == 0 || bucket.height() == 0;
  }

  /// Columns cut away left of a centred crop.
  public int centreLeft() {
    return Math.max(0, resized.width() - bucket.width()) / 2;
  }

  /// Rows cut away above a centred crop.
  public int centreTop() {
    return Math.max(0, resized.height() - bucket.height()) / 2;
  }

  /// Linear enlargement: above 1 when the image is scaled up.
  public double scale() {
    return Math.max(
        (double) resized.width() / image.width(), (double) resized.height() / image.height());
  }

  /// The largest box with the image's aspect ratio inside the bucket, centred (`crop_ltrb` of the
  /// reference; its models other than Anima read it).
  public Edges edges() {
    double ratio = aspect(image);
    double width = bucket.width();
    double height = bucket.height();
    if (aspect(bucket) > ratio) {
      width = bucket.height() * ratio;
    } else {
      height = bucket.width() / ratio;
    }
    double left = Math.floor((bucket.width() - width) / 2);
    double top = Math.floor((bucket.height() - height) / 2);
    return new Edges(left, top, left + width, top + height);
  }
}
