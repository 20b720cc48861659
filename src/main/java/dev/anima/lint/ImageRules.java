package dev.anima.lint;

import dev.anima.captions.CaptionFolder;
import dev.anima.captions.CaptionedImage;
import dev.anima.config.DatasetSpec;
import dev.anima.config.Size;
import dev.anima.dataset.BucketChoice;
import dev.anima.dataset.BucketRule;
import dev.anima.io.InputException;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/// Rules about image files: what they are, and what buckets make of them.
final class ImageRules {
  private static final double FEW_PIXELS = 0.5;
  private static final double ENLARGED = 1.25;
  private static final double STRONGLY_ENLARGED = 2;
  private static final double CROP_LOSS = 0.08;
  private static final double WIDEST = 3;
  private static final int POOR_JPEG = 60;
  private static final double BLURRED = 20;

  private final LintContext context;

  ImageRules(LintContext context) {
    this.context = context;
  }

  void check() {
    List<ImageLook> looks = context.set().images().parallelStream().map(ImageLook::at).toList();
    Map<DatasetSpec, Map<Size, Integer>> buckets = new LinkedHashMap<>();
    for (ImageLook look : looks) {
      if (look.seen().isEmpty()) {
        context.at(look.image(), LintRule.IMAGE_CORRUPT, reason(look));
        continue;
      }
      ImageLook.Seen seen = look.seen().get();
      file(look.image(), seen);
      Size size = new Size(seen.header().width(), seen.header().height());
      bucket(look.image(), size)
          .ifPresent(bucket ->
              buckets
                  .computeIfAbsent(look.image().folder().dataset(), _ -> new HashMap<>())
                  .merge(
                      bucket,
                      Math.max(1, look.image().folder().spec().numRepeats()),
                      Integer::sum));
    }
    buckets.forEach(this::waste);
    new SimilarImages(context, looks).check();
    new FileNameRules(context).check();
  }

  /// Without the path, which the finding has already.
  private static String reason(ImageLook look) {
    String start = look.image().image() + ": ";
    return look.problem().startsWith(start)
        ? look.problem().substring(start.length())
        : look.problem();
  }

  private void file(CaptionedImage image, ImageLook.Seen seen) {
    String format = seen.header().format().name().toLowerCase(Locale.ROOT);
    String extension = image.extension().toLowerCase(Locale.ROOT).replace("jpg", "jpeg");
    if (!extension.equals(format)) {
      context.at(image, LintRule.IMAGE_TYPE, "is a %s file by its content".formatted(format));
    }
    if (seen.orientation() != 1) {
      context.at(
          image,
          LintRule.IMAGE_EXIF,
          "EXIF orientation %d: training sees it turned or mirrored".formatted(seen.orientation()));
    }
    if (seen.transparent() && !image.folder().spec().alphaMask()) {
      context.at(image, LintRule.IMAGE_ALPHA, "some pixels are transparent");
    }
    switch (seen.traits().mode()) {
      case COLOUR -> {}
      case GREY -> context.at(image, LintRule.IMAGE_MODE, "is a grey image");
      case PALETTE -> context.at(image, LintRule.IMAGE_MODE, "has a palette of few colours");
      case CMYK -> context.at(image, LintRule.IMAGE_MODE, "is CMYK, made for print");
      case SIXTEEN_BIT -> context.at(image, LintRule.IMAGE_MODE, "has 16 bits a channel");
    }
    if (seen.traits().profile()) {
      context.at(
          image,
          LintRule.IMAGE_MODE,
          Severity.INFO,
          "has a colour profile, which training ignores",
          "");
    }
    if (seen.traits().animated()) {
      context.at(image, LintRule.IMAGE_ANIMATED, "has several frames; the first is trained");
    }
    if (seen.bars() > 0) {
      context.at(
          image,
          LintRule.IMAGE_LETTERBOX,
          "bars of one colour take %.0f %% of it".formatted(100 * seen.bars()));
    }
    seen.traits()
        .jpegQuality()
        .ifPresent(quality -> {
          if (quality < POOR_JPEG) {
            context.at(image, LintRule.IMAGE_JPEG, "JPEG quality is about %d".formatted(quality));
          }
        });
    if (seen.sharpness() < BLURRED) {
      context.at(image, LintRule.IMAGE_BLUR, "has hardly any sharp edge");
    }
  }

  private Optional<Size> bucket(CaptionedImage image, Size size) {
    CaptionFolder folder = image.folder();
    DatasetSpec dataset = folder.dataset();
    Size resolution = dataset.resolution();
    double ratio = (double) size.width() / size.height();
    if (ratio > WIDEST || ratio < 1 / WIDEST) {
      context.at(
          image,
          LintRule.IMAGE_RATIO,
          "%s is %.1f times as %s"
              .formatted(
                  size, Math.max(ratio, 1 / ratio), ratio > 1 ? "wide as high" : "high as wide"));
    }
    if (resolution == null) {
      return Optional.empty();
    }
    mixed(image, size, dataset, resolution);
    BucketChoice choice;
    try {
      choice = BucketRule.of(dataset).choose(size);
    } catch (InputException _) {
      return Optional.empty(); // told where the dataset file is read
    }
    if (choice.isTooSmall()) {
      context.at(
          image,
          LintRule.IMAGE_TINY,
          "%s is smaller than the bucket step %d".formatted(size, dataset.bucketResoSteps()));
      return Optional.empty();
    }
    small(image, choice, resolution);
    double lost = 1 - (double) choice.bucket().area() / choice.resized().area();
    if (lost > CROP_LOSS) {
      context.at(
          image,
          LintRule.IMAGE_CROP_LOSS,
          "%s becomes %s and is cut to %s: %.1f %% is lost"
              .formatted(size, choice.resized(), choice.bucket(), 100 * lost));
    }
    return Optional.of(choice.bucket());
  }

  private void small(CaptionedImage image, BucketChoice choice, Size resolution) {
    double share = (double) choice.image().area() / resolution.area();
    double scale = choice.scale();
    if (scale > ENLARGED) {
      context.at(
          image,
          LintRule.IMAGE_SMALL,
          "%s is enlarged %.2f times%s"
              .formatted(choice.image(), scale, scale > STRONGLY_ENLARGED ? ", strongly" : ""));
    } else if (share < FEW_PIXELS) {
      context.at(
          image,
          LintRule.IMAGE_SMALL,
          "%s has %.0f %% of the pixels of %s".formatted(choice.image(), 100 * share, resolution));
    }
  }

  private void mixed(CaptionedImage image, Size size, DatasetSpec dataset, Size resolution) {
    boolean flexible =
        dataset.enableBucket()
            || context.options().latentsCached()
            || image.folder().spec().augment().randomCrop();
    if (!flexible && !size.equals(resolution)) {
      context.at(
          image,
          LintRule.SIZE_MIXED,
          "is %s, but without buckets and cached latents it must be %s"
              .formatted(size, resolution));
    }
  }

  private void waste(DatasetSpec dataset, Map<Size, Integer> buckets) {
    buckets.entrySet().stream()
        .sorted(Map.Entry.comparingByKey())
        .filter(bucket -> bucket.getValue() < dataset.batchSize())
        .forEach(bucket ->
            context.everywhere(
                LintRule.BUCKET_WASTE,
                "bucket %s has %d images with repeats for a batch of %d (%d %% full)"
                    .formatted(
                        bucket.getKey(),
                        bucket.getValue(),
                        dataset.batchSize(),
                        100 * bucket.getValue() / dataset.batchSize())));
  }
}
