package dev.anima.config;

import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/// One `[[datasets.subsets]]` entry, fully resolved. Names and meaning as in the reference's
/// dataset configuration.
///
/// @param imageDir folder as the user wrote it (metadata shows its last part); null only in
///   fine-tuning style
/// @param metadataFile fine-tuning style only
/// @param conditioningDataDir masked style only
/// @param timestepOffset added to every timestep drawn for its images, of 1000; ours
/// @param where `FILE:LINE` or flag the subset came from, for messages
/// @param paths where the folders and files named above are on this machine
public record SubsetSpec(
    @Nullable String imageDir,
    @Nullable String metadataFile,
    @Nullable String conditioningDataDir,
    boolean isReg,
    @Nullable String classTokens,
    String captionExtension,
    boolean cacheInfo,
    boolean alphaMask,
    int numRepeats,
    CaptionOptions caption,
    AugmentOptions augment,
    @Nullable String resizeInterpolation,
    double validationSplit,
    double timestepOffset,
    String where,
    Paths paths) {

  /// A subset without offset, whose paths are meant from the working directory.
  public SubsetSpec(
      @Nullable String imageDir,
      @Nullable String metadataFile,
      @Nullable String conditioningDataDir,
      boolean isReg,
      @Nullable String classTokens,
      String captionExtension,
      boolean cacheInfo,
      boolean alphaMask,
      int numRepeats,
      CaptionOptions caption,
      AugmentOptions augment,
      @Nullable String resizeInterpolation,
      double validationSplit,
      String where) {
    this(
        imageDir,
        metadataFile,
        conditioningDataDir,
        isReg,
        classTokens,
        captionExtension,
        cacheInfo,
        alphaMask,
        numRepeats,
        caption,
        augment,
        resizeInterpolation,
        validationSplit,
        0,
        where,
        new Paths(path(imageDir), path(metadataFile), path(conditioningDataDir)));
  }

  private static @Nullable Path path(@Nullable String text) {
    return text == null ? null : Path.of(text);
  }

  SubsetSpec withPaths(Paths others) {
    return new SubsetSpec(
        imageDir,
        metadataFile,
        conditioningDataDir,
        isReg,
        classTokens,
        captionExtension,
        cacheInfo,
        alphaMask,
        numRepeats,
        caption,
        augment,
        resizeInterpolation,
        validationSplit,
        timestepOffset,
        where,
        others);
  }

  /// The three paths of a subset, looked up (see [DatasetPaths]); null where the text is.
  public record Paths(
      @Nullable Path imageDir, @Nullable Path metadataFile, @Nullable Path conditioningDataDir) {}

  /// What happens to a caption between file and tokenizer.
  ///
  /// @param tokenWarmupStep below 1: share of all steps; else a number of steps
  public record CaptionOptions(
      boolean shuffleCaption,
      String captionSeparator,
      int keepTokens,
      String keepTokensSeparator,
      @Nullable String secondarySeparator,
      boolean enableWildcard,
      @Nullable String captionPrefix,
      @Nullable String captionSuffix,
      double captionDropoutRate,
      int captionDropoutEveryNEpochs,
      double captionTagDropoutRate,
      int tokenWarmupMin,
      double tokenWarmupStep) {}

  /// What happens to an image between file and latent.
  public record AugmentOptions(
      boolean colorAug, boolean flipAug, boolean randomCrop, @Nullable Range faceCropAugRange) {}

  /// A closed range of factors.
  public record Range(double low, double high) {}
}
