package dev.anima.config;

import java.util.List;
import java.util.OptionalInt;
import org.jspecify.annotations.Nullable;

/// One `[[datasets]]` entry after every level (subset, dataset, general, command line, default) has
/// been resolved.
///
/// @param style how subsets find images and captions
/// @param resolution target size; null only where the user gave none (an error once the dataset is
///   built)
/// @param batchSize samples per micro-batch, at least 1
/// @param enableBucket aspect-ratio buckets instead of one fixed size
/// @param minBucketReso smallest bucket side in pixels, as configured (not yet rounded to the step)
/// @param maxBucketReso largest bucket side in pixels, as configured
/// @param bucketResoSteps bucket sides are multiples of this
/// @param bucketNoUpscale buckets from image sizes, never enlarging
/// @param validationSplit share of images taken out for validation, 0 for none
/// @param validationSeed seed of that split, empty for none
/// @param networkMultiplier carried for the reference's sake, without effect on Anima
/// @param resizeInterpolation name as the reference spells it (`lanczos`, `area`, ...), null for
///   automatic
/// @param priorLossWeight loss weight of regularisation images (command line only)
/// @param subsets in file order
/// @param skipImageResolution images at or below this size are left out; null for none
/// @param where `FILE:LINE` or flag the dataset came from, for messages
public record DatasetSpec(
    Style style,
    @Nullable Size resolution,
    int batchSize,
    boolean enableBucket,
    int minBucketReso,
    int maxBucketReso,
    int bucketResoSteps,
    boolean bucketNoUpscale,
    double validationSplit,
    OptionalInt validationSeed,
    double networkMultiplier,
    @Nullable String resizeInterpolation,
    double priorLossWeight,
    List<SubsetSpec> subsets,
    @Nullable Size skipImageResolution,
    String where) {

  /// How the subsets of a dataset find images and captions.
  public enum Style {
    /// Images in a folder, captions beside them.
    DREAMBOOTH,
    /// Images and captions listed in a metadata JSON file.
    FINE_TUNING,
    /// As DreamBooth, with a folder of mask images (needs `--masked_loss`).
    MASKED
  }

  public DatasetSpec {
    subsets = List.copyOf(subsets);
  }

  /// A dataset that leaves no image out.
  public DatasetSpec(
      Style style,
      @Nullable Size resolution,
      int batchSize,
      boolean enableBucket,
      int minBucketReso,
      int maxBucketReso,
      int bucketResoSteps,
      boolean bucketNoUpscale,
      double validationSplit,
      OptionalInt validationSeed,
      double networkMultiplier,
      @Nullable String resizeInterpolation,
      double priorLossWeight,
      List<SubsetSpec> subsets) {
    this(
        style,
        resolution,
        batchSize,
        enableBucket,
        minBucketReso,
        maxBucketReso,
        bucketResoSteps,
        bucketNoUpscale,
        validationSplit,
        validationSeed,
        networkMultiplier,
        resizeInterpolation,
        priorLossWeight,
        subsets,
        null,
        "");
  }

  DatasetSpec withSubsets(List<SubsetSpec> others) {
    return new DatasetSpec(
        style,
        resolution,
        batchSize,
        enableBucket,
        minBucketReso,
        maxBucketReso,
        bucketResoSteps,
        bucketNoUpscale,
        validationSplit,
        validationSeed,
        networkMultiplier,
        resizeInterpolation,
        priorLossWeight,
        others,
        skipImageResolution,
        where);
  }
}
