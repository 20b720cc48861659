package dev.anima.config;

import dev.anima.config.DatasetSpec.Style;
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/// One key of a dataset configuration: its type, and where it may stand.
///
/// @param levels tables it is allowed in
/// @param styles dataset styles that know it (in `[general]` every key of any style is allowed)
record DatasetKey(String name, Type type, Set<Level> levels, Set<Style> styles) {
  enum Type {
    BOOL("true or false"),
    INT("a whole number"),
    /// Whole numbers are accepted too, unlike in the reference.
    FLOAT("a number such as 0.1"),
    TEXT("text in quotes"),
    TABLE("a table such as {name = 1}"),
    RESOLUTION("a size such as 1024 or [832, 1216]"),
    RANGE("two numbers such as [1.0, 2.0]");

    private final String expected;

    Type(String expected) {
      this.expected = expected;
    }

    String expected() {
      return expected;
    }
  }

  enum Level {
    GENERAL("[general]"),
    DATASET("[[datasets]]"),
    SUBSET("[[datasets.subsets]]");

    private final String title;

    Level(String title) {
      this.title = title;
    }

    String title() {
      return title;
    }
  }

  private static final Set<Level> ABOVE = EnumSet.of(Level.GENERAL, Level.DATASET);
  private static final Set<Level> EVERYWHERE = EnumSet.allOf(Level.class);
  private static final Set<Level> SUBSET_ONLY = EnumSet.of(Level.SUBSET);
  private static final Set<Style> ALL = EnumSet.allOf(Style.class);
  private static final Set<Style> DREAMBOOTH = EnumSet.of(Style.DREAMBOOTH);
  private static final Set<Style> FOLDERS = EnumSet.of(Style.DREAMBOOTH, Style.MASKED);

  /// All keys, in the order messages list them.
  static final List<DatasetKey> ALL_KEYS =
      List.of(
          new DatasetKey("resolution", Type.RESOLUTION, ABOVE, ALL),
          new DatasetKey("batch_size", Type.INT, ABOVE, ALL),
          new DatasetKey("enable_bucket", Type.BOOL, ABOVE, ALL),
          new DatasetKey("min_bucket_reso", Type.INT, ABOVE, ALL),
          new DatasetKey("max_bucket_reso", Type.INT, ABOVE, ALL),
          new DatasetKey("bucket_reso_steps", Type.INT, ABOVE, ALL),
          new DatasetKey("bucket_no_upscale", Type.BOOL, ABOVE, ALL),
          new DatasetKey("skip_image_resolution", Type.RESOLUTION, ABOVE, ALL),
          new DatasetKey("validation_seed", Type.INT, ABOVE, ALL),
          new DatasetKey("network_multiplier", Type.FLOAT, ABOVE, ALL),
          // Ours: in subsets as well, as the reference's own documentation shows it.
          new DatasetKey("validation_split", Type.FLOAT, EVERYWHERE, ALL),
          new DatasetKey("resize_interpolation", Type.TEXT, EVERYWHERE, ALL),
          new DatasetKey("image_dir", Type.TEXT, SUBSET_ONLY, ALL),
          new DatasetKey("metadata_file", Type.TEXT, SUBSET_ONLY, EnumSet.of(Style.FINE_TUNING)),
          new DatasetKey("conditioning_data_dir", Type.TEXT, SUBSET_ONLY, EnumSet.of(Style.MASKED)),
          new DatasetKey("is_reg", Type.BOOL, SUBSET_ONLY, DREAMBOOTH),
          new DatasetKey(
              "alpha_mask",
              Type.BOOL,
              SUBSET_ONLY,
              EnumSet.of(Style.DREAMBOOTH, Style.FINE_TUNING)),
          new DatasetKey("class_tokens", Type.TEXT, EVERYWHERE, DREAMBOOTH),
          new DatasetKey("caption_extension", Type.TEXT, EVERYWHERE, FOLDERS),
          new DatasetKey("cache_info", Type.BOOL, EVERYWHERE, FOLDERS),
          new DatasetKey("num_repeats", Type.INT, EVERYWHERE, ALL),
          new DatasetKey("shuffle_caption", Type.BOOL, EVERYWHERE, ALL),
          new DatasetKey("caption_separator", Type.TEXT, EVERYWHERE, ALL),
          new DatasetKey("keep_tokens", Type.INT, EVERYWHERE, ALL),
          new DatasetKey("keep_tokens_separator", Type.TEXT, EVERYWHERE, ALL),
          new DatasetKey("secondary_separator", Type.TEXT, EVERYWHERE, ALL),
          new DatasetKey("enable_wildcard", Type.BOOL, EVERYWHERE, ALL),
          new DatasetKey("caption_prefix", Type.TEXT, EVERYWHERE, ALL),
          new DatasetKey("caption_suffix", Type.TEXT, EVERYWHERE, ALL),
          new DatasetKey("caption_dropout_rate", Type.FLOAT, EVERYWHERE, ALL),
          new DatasetKey("caption_dropout_every_n_epochs", Type.INT, EVERYWHERE, ALL),
          new DatasetKey("caption_tag_dropout_rate", Type.FLOAT, EVERYWHERE, ALL),
          new DatasetKey("token_warmup_min", Type.INT, EVERYWHERE, ALL),
          new DatasetKey("token_warmup_step", Type.FLOAT, EVERYWHERE, ALL),
          new DatasetKey("color_aug", Type.BOOL, EVERYWHERE, ALL),
          new DatasetKey("flip_aug", Type.BOOL, EVERYWHERE, ALL),
          new DatasetKey("random_crop", Type.BOOL, EVERYWHERE, ALL),
          new DatasetKey("face_crop_aug_range", Type.RANGE, EVERYWHERE, ALL),
          new DatasetKey("timestep_offset", Type.FLOAT, EVERYWHERE, ALL), // ours
          new DatasetKey("custom_attributes", Type.TABLE, EVERYWHERE, ALL));

  static Optional<DatasetKey> find(String name) {
    return ALL_KEYS.stream().filter(key -> key.name.equals(name)).findFirst();
  }

  /// Whether the key may stand in a table of this level, for datasets of one of these styles.
  boolean allowedAt(Level level, Set<Style> possible) {
    return levels.contains(level)
        && (level == Level.GENERAL || possible.stream().anyMatch(styles::contains));
  }

  /// Value of the key's type, or empty when the node is of another type.
  Optional<Object> valueOf(ConfigNode node) {
    return switch (type) {
      case BOOL -> scalar(node, Boolean.class);
      case INT -> wholeNumber(node).map(Object.class::cast);
      case FLOAT -> number(node).map(Object.class::cast);
      case TEXT -> scalar(node, String.class);
      case TABLE -> node instanceof ConfigNode.Table ? Optional.of(node) : Optional.empty();
      case RESOLUTION -> resolution(node).map(Object.class::cast);
      case RANGE -> range(node).map(Object.class::cast);
    };
  }

  private static Optional<Object> scalar(ConfigNode node, Class<?> type) {
    return node instanceof ConfigNode.Scalar(Object value, _) && type.isInstance(value)
        ? Optional.of(value)
        : Optional.empty();
  }

  // As Python, where True is an int.
  private static Optional<Integer> wholeNumber(ConfigNode node) {
    return switch (node) {
      case ConfigNode.Scalar(Long value, _) when value == value.intValue() ->
          Optional.of(value.intValue());
      case ConfigNode.Scalar(Boolean value, _) -> Optional.of(value ? 1 : 0);
      default -> Optional.empty();
    };
  }

  private static Optional<Double> number(ConfigNode node) {
    return node instanceof ConfigNode.Scalar(Double value, _)
        ? Optional.of(value)
        : wholeNumber(node).map(Integer::doubleValue);
  }

  private static Optional<Size> resolution(ConfigNode node) {
    return switch (node) {
      case ConfigNode.Scalar(String text, _) -> Size.parse(text);
      case ConfigNode.Scalar _ -> wholeNumber(node).map(side -> new Size(side, side));
      case ConfigNode.Array(List<ConfigNode> items, _) when items.size() == 2 ->
          wholeNumber(items.get(0))
              .flatMap(width -> wholeNumber(items.get(1)).map(height -> new Size(width, height)));
      default -> Optional.empty();
    };
  }

  private static Optional<SubsetSpec.Range> range(ConfigNode node) {
    return node instanceof ConfigNode.Array(List<ConfigNode> items, _) && items.size() == 2
        ? number(items.get(0))
            .flatMap(low -> number(items.get(1)).map(high -> new SubsetSpec.Range(low, high)))
        : Optional.empty();
  }
}
