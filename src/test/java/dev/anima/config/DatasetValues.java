package dev.anima.config;

import dev.anima.config.SubsetSpec.AugmentOptions;
import dev.anima.config.SubsetSpec.CaptionOptions;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// The records' values under the reference's key names, numbers as doubles.
final class DatasetValues {
  private DatasetValues() {}

  static @Nullable Object of(DatasetSpec d, String key) {
    return switch (key) {
      case "resolution" -> {
        Size size = d.resolution();
        yield size == null ? null : List.of((double) size.width(), (double) size.height());
      }
      case "network_multiplier" -> d.networkMultiplier();
      case "validation_seed" ->
          d.validationSeed().isPresent() ? (double) d.validationSeed().getAsInt() : null;
      case "validation_split" -> d.validationSplit();
      case "resize_interpolation" -> d.resizeInterpolation();
      case "batch_size" -> (double) d.batchSize();
      case "enable_bucket" -> d.enableBucket();
      case "min_bucket_reso" -> (double) d.minBucketReso();
      case "max_bucket_reso" -> (double) d.maxBucketReso();
      case "bucket_reso_steps" -> (double) d.bucketResoSteps();
      case "bucket_no_upscale" -> d.bucketNoUpscale();
      case "prior_loss_weight" -> d.priorLossWeight();
      default -> throw new IllegalArgumentException(key);
    };
  }

  static @Nullable Object of(SubsetSpec s, String key) {
    CaptionOptions c = s.caption();
    AugmentOptions a = s.augment();
    return switch (key) {
      case "image_dir" -> s.imageDir();
      case "metadata_file" -> s.metadataFile();
      case "conditioning_data_dir" -> s.conditioningDataDir();
      case "is_reg" -> s.isReg();
      case "class_tokens" -> s.classTokens();
      case "caption_extension" -> s.captionExtension();
      case "cache_info" -> s.cacheInfo();
      case "alpha_mask" -> s.alphaMask();
      case "num_repeats" -> (double) s.numRepeats();
      case "resize_interpolation" -> s.resizeInterpolation();
      case "validation_split" -> s.validationSplit();
      case "timestep_offset" -> s.timestepOffset();
      case "shuffle_caption" -> c.shuffleCaption();
      case "caption_separator" -> c.captionSeparator();
      case "keep_tokens" -> (double) c.keepTokens();
      case "keep_tokens_separator" -> c.keepTokensSeparator();
      case "secondary_separator" -> c.secondarySeparator();
      case "enable_wildcard" -> c.enableWildcard();
      case "caption_prefix" -> c.captionPrefix();
      case "caption_suffix" -> c.captionSuffix();
      case "caption_dropout_rate" -> c.captionDropoutRate();
      case "caption_dropout_every_n_epochs" -> (double) c.captionDropoutEveryNEpochs();
      case "caption_tag_dropout_rate" -> c.captionTagDropoutRate();
      case "token_warmup_min" -> (double) c.tokenWarmupMin();
      case "token_warmup_step" -> c.tokenWarmupStep();
      case "color_aug" -> a.colorAug();
      case "flip_aug" -> a.flipAug();
      case "random_crop" -> a.randomCrop();
      case "face_crop_aug_range" -> {
        SubsetSpec.Range range = a.faceCropAugRange();
        yield range == null ? null : List.of(range.low(), range.high());
      }
      default -> throw new IllegalArgumentException(key);
    };
  }
}
