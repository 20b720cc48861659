package dev.anima.dataset;

import dev.anima.config.DatasetSpec;
import dev.anima.config.Size;
import dev.anima.io.InputException;
import java.util.List;
import java.util.TreeSet;

/// How a dataset chooses the bucket of an image from its size.
public sealed interface BucketRule {
  /// The bucket for an image of this size.
  ///
  /// @param image both sides at least 1
  /// @return its [BucketChoice#isTooSmall] tells whether the image can be used
  BucketChoice choose(Size image);

  /// Smallest and largest bucket side after rounding to the step: down and up respectively.
  record Bounds(int min, int max) {
    static Bounds of(DatasetSpec spec) {
      int step = spec.bucketResoSteps();
      int min = Math.floorDiv(spec.minBucketReso(), step) * step;
      int max = Math.ceilDiv(spec.maxBucketReso(), step) * step;
      return new Bounds(min, max);
    }
  }

  /// The rule a dataset asks for.
  ///
  /// @throws InputException if there is no resolution, or it does not lie between the bucket bounds
  static BucketRule of(DatasetSpec spec) {
    Size resolution = spec.resolution();
    if (resolution == null) {
      throw new InputException(
          "no resolution: set resolution in [[datasets]] or [general], or pass --resolution");
    }
    if (!spec.enableBucket()) {
      return new FromList(List.of(resolution));
    }
    if (spec.bucketResoSteps() < 1) {
      throw new InputException(
          "bucket_reso_steps must be at least 1, got " + spec.bucketResoSteps());
    }
    Bounds bounds = Bounds.of(spec);
    if (Math.min(resolution.width(), resolution.height()) < bounds.min()) {
      throw new InputException(
          "min_bucket_reso %d is larger than the shorter side of resolution %s"
              .formatted(spec.minBucketReso(), resolution));
    }
    if (Math.max(resolution.width(), resolution.height()) > bounds.max()) {
      throw new InputException(
          "max_bucket_reso %d is smaller than the longer side of resolution %s"
              .formatted(spec.maxBucketReso(), resolution));
    }
    return spec.bucketNoUpscale()
        ? new NoUpscale(resolution.area(), spec.bucketResoSteps())
        : FromList.around(resolution, bounds, spec.bucketResoSteps());
  }

  /// The nearest aspect ratio of a fixed list; images are scaled up or down to cover it.
  ///
  /// @param resolutions sorted by width, then height; not empty
  record FromList(List<Size> resolutions) implements BucketRule {
    public FromList {
      resolutions = List.copyOf(resolutions);
    }

    /// All multiples of `step` with sides in `bounds` and about the area of `resolution`.
    static FromList around(Size resolution, Bounds bounds, int step) {
      TreeSet<Size> sizes = new TreeSet<>();
      int square = (int) Math.floor(Math.sqrt((double) resolution.area()) / step) * step;
      sizes.add(new Size(square, square));
      for (int width = bounds.min(); width <= bounds.max(); width += step) {
        // A minimum of 0 (rounded down) gives a zero width, which the reference cannot divide by.
        if (width == 0) {
          continue;
        }
        int fitting = (int) (resolution.area() / width / step) * step;
        int height = Math.min(bounds.max(), fitting);
        if (height >= Math.max(1, bounds.min())) {
          sizes.add(new Size(width, height));
          sizes.add(new Size(height, width));
        }
      }
      return new FromList(List.copyOf(sizes));
    }

    @Override
    public BucketChoice choose(Size image) {
      if (resolutions.contains(image)) {
        return BucketChoice.of(image, image, image);
      }
      double aspect = BucketChoice.aspect(image);
      Size best = resolutions.getFirst();
      for (Size size : resolutions) { // strictly better only: the first of equals stays
        if (Math.abs(BucketChoice.aspect(size) - aspect)
            < Math.abs(BucketChoice.aspect(best) - aspect)) {
          best = size;
        }
      }
      double scale =
          aspect > BucketChoice.aspect(best)
              ? (double) best.height() / image.height()
              : (double) best.width() / image.width();
      Size resized =
          new Size((int) (image.width() * scale + 0.5), (int) (image.height() * scale + 0.5));
      return BucketChoice.of(image, best, resized);
    }
  }

  /// Buckets made from the image sizes: images above `area` are scaled down to it, all others keep
  /// their size, and each side is cut to a multiple of `step`.
  record NoUpscale(long area, int step) implements BucketRule {
    @Override
    public BucketChoice choose(Size image) {
      Size resized = image.area() > area ? shrunk(image) : image;
      Size bucket =
          new Size(
              resized.width() - resized.width() % step, resized.height() - resized.height() % step);
      if (bucket.width() == 0 || bucket.height() == 0) {
        return new BucketChoice(image, bucket, resized, Double.NaN);
      }
      return BucketChoice.of(image, bucket, resized);
    }

    private Size shrunk(Size image) {
      double aspect = BucketChoice.aspect(image);
      double width = Math.sqrt(area * aspect);
      double height = area / width;
      int widthFirst = toStep(width);
      double widthFirstAspect = (double) widthFirst / toStep(widthFirst / aspect);
      int heightFirst = toStep(height);
      double heightFirstAspect = (double) toStep(heightFirst * aspect) / heightFirst;
      return Math.abs(widthFirstAspect - aspect) < Math.abs(heightFirstAspect - aspect)
          ? new Size(widthFirst, (int) (widthFirst / aspect + 0.5))
          : new Size((int) (heightFirst * aspect + 0.5), heightFirst);
    }

    // The reference rounds to the nearest pixel first and only then down to a step.
    private int toStep(double pixels) {
      int rounded = (int) (pixels + 0.5);
      return rounded - rounded % step;
    }
  }
}
