package dev.anima.dataset;

import dev.anima.config.DatasetSpec;
import dev.anima.config.Size;
import dev.anima.config.SubsetSpec;
import dev.anima.config.SubsetSpec.CaptionOptions;
import dev.anima.io.PythonText;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// What a LoRA file says about the images it was trained on (`ss_*` keys), as the reference writes
/// it.
public final class DatasetMetadata {
  private DatasetMetadata() {}

  /// Keys of a run whose datasets come from a configuration file.
  public static Map<String, String> ofConfig(DatasetGroup group) {
    Map<String, String> metadata = counts(group);
    Map<String, Map<String, Integer>> tags = new LinkedHashMap<>();
    Map<String, Object> folders = new LinkedHashMap<>();
    List<Object> datasets = new ArrayList<>();
    for (Arrangement arrangement : group.arrangements(Dataset.Role.TRAINING)) {
      datasets.add(dataset(arrangement));
      // A folder that several datasets use counts once.
      TagCounts.of(arrangement.dataset()).forEach(tags::putIfAbsent);
      for (Subset subset : arrangement.dataset().subsets()) {
        if (!subset.spec().isReg()) {
          folders.put(unused(subset.name(), folders), folder(subset));
        }
      }
    }
    metadata.put("ss_datasets", PythonText.json(datasets));
    metadata.put("ss_tag_frequency", PythonText.json(tags));
    metadata.put("ss_dataset_dirs", PythonText.json(folders));
    return metadata;
  }

  /// Keys of a run without a configuration file (`--train_data_dir`): one dataset, its options all
  /// from the command line.
  ///
  /// @param batchesPerStep processes times gradient accumulation steps
  public static Map<String, String> ofFolders(DatasetGroup group, int batchesPerStep) {
    Arrangement arrangement = group.arrangements(Dataset.Role.TRAINING).getFirst();
    Dataset dataset = arrangement.dataset();
    DatasetSpec spec = dataset.spec();
    SubsetSpec subset = spec.subsets().getFirst();
    Size resolution = dataset.resolution();
    Map<String, String> metadata = counts(group);
    metadata.put("ss_batch_size_per_device", String.valueOf(spec.batchSize()));
    metadata.put("ss_total_batch_size", String.valueOf(spec.batchSize() * batchesPerStep));
    metadata.put("ss_resolution", PythonText.tuple(pair(resolution)));
    metadata.put("ss_color_aug", PythonText.str(subset.augment().colorAug()));
    metadata.put("ss_flip_aug", PythonText.str(subset.augment().flipAug()));
    metadata.put("ss_random_crop", PythonText.str(subset.augment().randomCrop()));
    metadata.put("ss_shuffle_caption", PythonText.str(subset.caption().shuffleCaption()));
    metadata.put("ss_enable_bucket", PythonText.str(spec.enableBucket()));
    metadata.put("ss_bucket_no_upscale", PythonText.str(spec.bucketNoUpscale()));
    metadata.put("ss_min_bucket_reso", String.valueOf(spec.minBucketReso()));
    metadata.put("ss_max_bucket_reso", String.valueOf(spec.maxBucketReso()));
    metadata.put("ss_keep_tokens", String.valueOf(subset.caption().keepTokens()));
    Map<String, Object> folders = new LinkedHashMap<>();
    Map<String, Object> regularisation = new LinkedHashMap<>();
    for (Subset used : dataset.subsets()) {
      (used.spec().isReg() ? regularisation : folders).put(used.name(), folder(used));
    }
    metadata.put("ss_dataset_dirs", PythonText.json(folders));
    metadata.put("ss_reg_dataset_dirs", PythonText.json(regularisation));
    metadata.put("ss_tag_frequency", PythonText.json(TagCounts.of(dataset)));
    metadata.put("ss_bucket_info", PythonText.json(bucketInfo(arrangement)));
    return metadata;
  }

  private static Map<String, String> counts(DatasetGroup group) {
    Map<String, String> metadata = new LinkedHashMap<>();
    metadata.put("ss_num_train_images", String.valueOf(group.numTrainImages()));
    metadata.put("ss_num_validation_images", String.valueOf(group.numValidationImages()));
    metadata.put("ss_num_reg_images", String.valueOf(group.numRegImages()));
    return metadata;
  }

  private static Map<String, @Nullable Object> dataset(Arrangement arrangement) {
    Dataset dataset = arrangement.dataset();
    DatasetSpec spec = dataset.spec();
    BucketRule.@Nullable Bounds bounds = spec.enableBucket() ? BucketRule.Bounds.of(spec) : null;
    Map<String, @Nullable Object> json = new LinkedHashMap<>();
    json.put("is_dreambooth", spec.style() != DatasetSpec.Style.FINE_TUNING);
    json.put("batch_size_per_device", spec.batchSize());
    json.put("num_train_images", dataset.numTrainImages());
    json.put("num_reg_images", dataset.numRegImages());
    json.put("resolution", pair(dataset.resolution()));
    json.put("enable_bucket", spec.enableBucket());
    json.put("min_bucket_reso", bounds == null ? null : bounds.min());
    json.put("max_bucket_reso", bounds == null ? null : bounds.max());
    json.put("tag_frequency", TagCounts.of(dataset));
    json.put("bucket_info", bucketInfo(arrangement));
    json.put("resize_interpolation", spec.resizeInterpolation());
    json.put("subsets", dataset.subsets().stream().map(s -> subset(s, spec.style())).toList());
    return json;
  }

  private static Map<String, @Nullable Object> subset(Subset subset, DatasetSpec.Style style) {
    SubsetSpec spec = subset.spec();
    CaptionOptions caption = spec.caption();
    Map<String, @Nullable Object> json = new LinkedHashMap<>();
    json.put("img_count", subset.images().size());
    json.put("num_repeats", subset.repeats());
    json.put("color_aug", spec.augment().colorAug());
    json.put("flip_aug", spec.augment().flipAug());
    json.put("random_crop", spec.augment().randomCrop());
    json.put("shuffle_caption", caption.shuffleCaption());
    json.put("keep_tokens", caption.keepTokens());
    json.put("keep_tokens_separator", caption.keepTokensSeparator());
    json.put("secondary_separator", caption.secondarySeparator());
    json.put("enable_wildcard", caption.enableWildcard());
    json.put("caption_prefix", caption.captionPrefix());
    json.put("caption_suffix", caption.captionSuffix());
    json.put("resize_interpolation", spec.resizeInterpolation());
    String imageDir = spec.imageDir();
    if (imageDir != null && !imageDir.isEmpty()) {
      json.put("image_dir", CaptionFile.name(imageDir));
    }
    if (style == DatasetSpec.Style.FINE_TUNING) {
      json.put("metadata_file", subset.name());
    } else {
      json.put("class_tokens", spec.classTokens());
      json.put("is_reg", spec.isReg());
    }
    return json;
  }

  /// Buckets that hold images, by their place in size order; null without bucketing.
  private static @Nullable Map<String, Object> bucketInfo(Arrangement arrangement) {
    if (!arrangement.dataset().spec().enableBucket()) {
      return null;
    }
    Map<String, Object> buckets = new LinkedHashMap<>();
    for (Arrangement.Bucket bucket : arrangement.buckets()) {
      buckets.put(
          String.valueOf(buckets.size()),
          ordered("resolution", pair(bucket.size()), "count", bucket.entries().size()));
    }
    double meanError = arrangement.dataset().meanAspectError();
    return ordered("buckets", buckets, "mean_img_ar_error", meanError);
  }

  private static Map<String, Object> folder(Subset subset) {
    return ordered("n_repeats", subset.repeats(), "img_count", subset.images().size());
  }

  /// `name`, or with ` (2)`, ` (3)` ... the first that is not taken.
  private static String unused(String name, Map<String, Object> taken) {
    String free = name;
    for (int i = 2; taken.containsKey(free); i++) {
      free = name + " (" + i + ")";
    }
    return free;
  }

  private static Map<String, Object> ordered(
      String first, Object firstValue, String second, Object secondValue) {
    Map<String, Object> map = new LinkedHashMap<>();
    map.put(first, firstValue);
    map.put(second, secondValue);
    return map;
  }

  private static List<Integer> pair(Size size) {
    return List.of(size.width(), size.height());
  }
}
