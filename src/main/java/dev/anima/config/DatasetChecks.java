package dev.anima.config;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/// What a dataset's values must satisfy beyond their types, alone and together with the flags.
final class DatasetChecks {
  private static final Set<String> INTERPOLATIONS =
      Set.of("lanczos", "nearest", "bilinear", "linear", "bicubic", "cubic", "area", "box");

  private final Flags flags;
  private final List<String> problems = new ArrayList<>();

  private DatasetChecks(Flags flags) {
    this.flags = flags;
  }

  /// Every problem, each with its place.
  static List<String> problems(List<DatasetSpec> datasets, Flags flags) {
    DatasetChecks checks = new DatasetChecks(flags);
    for (DatasetSpec dataset : datasets) {
      checks.dataset(dataset);
      dataset.subsets().forEach(checks::subset);
    }
    return checks.problems;
  }

  private void check(boolean right, String where, String message) {
    if (!right) {
      problems.add(where + ": " + message);
    }
  }

  private void dataset(DatasetSpec d) {
    String at = d.where();
    check(d.batchSize() >= 1, at, "batch_size must be at least 1, got %d".formatted(d.batchSize()));
    interpolation(d.resizeInterpolation(), at);
    rate("validation_split", d.validationSplit(), at);
    Size size = d.resolution();
    if (size == null) {
      check(
          false,
          at,
          "resolution is missing\n  -> write resolution = 1024 in [general] or give --resolution");
    } else {
      check(
          Math.min(size.width(), size.height()) >= 16,
          at,
          "resolution must be at least 16, got %s".formatted(size));
      if (d.enableBucket()) {
        buckets(d, size);
      } else {
        check(
            size.width() % 16 == 0 && size.height() % 16 == 0,
            at,
            "resolution must be a multiple of 16 when enable_bucket is off, got %s"
                .formatted(size));
      }
    }
  }

  private void buckets(DatasetSpec d, Size size) {
    int steps = d.bucketResoSteps();
    check(
        steps > 0 && steps % 16 == 0,
        d.where(),
        "bucket_reso_steps must be a multiple of 16 for Anima, got %d".formatted(steps));
    if (steps <= 0) {
      return;
    }
    // As the reference: the limits are first rounded outwards to the step.
    int min = Math.floorDiv(d.minBucketReso(), steps) * steps;
    int max = Math.ceilDiv(d.maxBucketReso(), steps) * steps;
    check(
        Math.min(size.width(), size.height()) >= min,
        d.where(),
        "min_bucket_reso %d is above the shorter side of resolution %s"
            .formatted(d.minBucketReso(), size));
    check(
        Math.max(size.width(), size.height()) <= max,
        d.where(),
        "max_bucket_reso %d is below the longer side of resolution %s%s"
            .formatted(
                d.maxBucketReso(),
                size,
                flags.given("max_bucket_reso")
                    ? ""
                    : "\n  -> set max_bucket_reso (1024 unless given)"));
  }

  private void subset(SubsetSpec s) {
    String at = s.where();
    var caption = s.caption();
    check(
        s.numRepeats() >= 0,
        at,
        "num_repeats must not be negative, got %d".formatted(s.numRepeats()));
    check(caption.keepTokens() >= 0, at, "keep_tokens must not be negative");
    check(!caption.captionSeparator().isEmpty(), at, "caption_separator must not be empty");
    check(
        caption.captionDropoutEveryNEpochs() >= 0,
        at,
        "caption_dropout_every_n_epochs must not be negative");
    rate("caption_dropout_rate", caption.captionDropoutRate(), at);
    rate("caption_tag_dropout_rate", caption.captionTagDropoutRate(), at);
    rate("validation_split", s.validationSplit(), at);
    check(
        Math.abs(s.timestepOffset()) < 1000,
        at,
        "timestep_offset must be between -1000 and 1000: it is added to timesteps of 0 to 1000");
    interpolation(s.resizeInterpolation(), at);
    var face = s.augment().faceCropAugRange();
    check(
        face == null || face.low() <= face.high(),
        at,
        "face_crop_aug_range must go from low to high");
    withCaches(s);
  }

  private void withCaches(SubsetSpec s) {
    if (flags.on("cache_latents") || flags.on("cache_latents_to_disk")) {
      String with = "%s cannot be used with --cache_latents\n  -> drop one of them";
      check(!s.augment().colorAug(), s.where(), with.formatted("color_aug"));
      check(!s.augment().randomCrop(), s.where(), with.formatted("random_crop"));
    }
    if (flags.on("cache_text_encoder_outputs") || flags.on("cache_text_encoder_outputs_to_disk")) {
      String with =
          "%s cannot be used with --cache_text_encoder_outputs (captions must stay the same)\n"
              + "  -> drop one of them";
      var caption = s.caption();
      check(!caption.shuffleCaption(), s.where(), with.formatted("shuffle_caption"));
      check(caption.tokenWarmupStep() <= 0, s.where(), with.formatted("token_warmup_step"));
      check(
          caption.captionTagDropoutRate() <= 0,
          s.where(),
          with.formatted("caption_tag_dropout_rate"));
    }
  }

  private void rate(String key, double value, String at) {
    check(0 <= value && value <= 1, at, "%s must be from 0 to 1, got %s".formatted(key, value));
  }

  private void interpolation(@Nullable String name, String at) {
    check(
        name == null || INTERPOLATIONS.contains(name),
        at,
        "resize_interpolation \"%s\" is none of %s"
            .formatted(
                name == null ? "" : name,
                String.join(", ", INTERPOLATIONS.stream().sorted().toList())));
  }
}
