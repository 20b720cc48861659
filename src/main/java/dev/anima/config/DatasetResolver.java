package dev.anima.config;

import dev.anima.config.DatasetSpec.Style;
import dev.anima.config.SubsetSpec.AugmentOptions;
import dev.anima.config.SubsetSpec.CaptionOptions;
import dev.anima.config.SubsetSpec.Range;
import dev.anima.io.InputException;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/// Turns validated values into specs: each value is the first one present in subset, dataset,
/// general, command line, built-in default.
final class DatasetResolver {
  /// Keys whose flag has another name.
  private static final Map<String, String> FLAG_NAMES =
      Map.of("batch_size", "train_batch_size", "num_repeats", "dataset_repeats");

  private static final SubsetSpec.Paths NOT_LOOKED_UP = new SubsetSpec.Paths(null, null, null);

  private final Flags flags;
  private final String file;
  private final Set<String> fromFlags = new TreeSet<>();

  /// @param file name shown in `where`; for folder names the flag
  DatasetResolver(Flags flags, String file) {
    this.flags = flags;
    this.file = file;
  }

  /// Names of flags whose value counted for at least one dataset or subset.
  Set<String> fromFlags() {
    return fromFlags;
  }

  DatasetSpec resolve(DatasetValidator.Dataset dataset) {
    Lookup look = new Lookup(null, dataset.values().values(), dataset.general().values());
    int seed = look.has("validation_seed") ? look.integer("validation_seed", 0) : 0;
    return new DatasetSpec(
        dataset.style(),
        (Size) look.get("resolution"),
        look.integer("batch_size", 1),
        look.on("enable_bucket"),
        look.integer("min_bucket_reso", 256),
        look.integer("max_bucket_reso", 1024),
        look.integer("bucket_reso_steps", 64),
        look.on("bucket_no_upscale"),
        look.number("validation_split", 0),
        look.has("validation_seed") ? OptionalInt.of(seed) : OptionalInt.empty(),
        look.number("network_multiplier", 1),
        look.text("resize_interpolation"),
        flags.number("prior_loss_weight"),
        dataset.subsets().stream().map(values -> subset(dataset, values)).toList(),
        (Size) look.get("skip_image_resolution"),
        where(dataset.values().line()));
  }

  private SubsetSpec subset(DatasetValidator.Dataset dataset, DatasetValidator.Values values) {
    Lookup look =
        new Lookup(values.values(), dataset.values().values(), dataset.general().values());
    Style style = dataset.style();
    boolean folder = style != Style.FINE_TUNING;
    return new SubsetSpec(
        (String) values.values().get("image_dir"),
        (String) values.values().get("metadata_file"),
        (String) values.values().get("conditioning_data_dir"),
        Boolean.TRUE.equals(values.values().get("is_reg")),
        style == Style.DREAMBOOTH ? look.text("class_tokens") : null,
        look.text("caption_extension", ".caption"),
        folder && look.on("cache_info"),
        style != Style.MASKED && look.on("alpha_mask"),
        look.integer("num_repeats", 1),
        caption(look),
        new AugmentOptions(
            look.on("color_aug"),
            look.on("flip_aug"),
            look.on("random_crop"),
            (Range) look.get("face_crop_aug_range")),
        look.text("resize_interpolation"),
        look.number("validation_split", 0),
        look.number("timestep_offset", 0),
        values.line() > 0
            ? where(values.line())
            : file + " " + values.values().getOrDefault("image_dir", ""),
        NOT_LOOKED_UP);
  }

  private static CaptionOptions caption(Lookup look) {
    return new CaptionOptions(
        look.on("shuffle_caption"),
        look.text("caption_separator", ","),
        look.integer("keep_tokens", 0),
        look.text("keep_tokens_separator", ""),
        look.text("secondary_separator"),
        look.on("enable_wildcard"),
        look.text("caption_prefix"),
        look.text("caption_suffix"),
        look.number("caption_dropout_rate", 0),
        look.integer("caption_dropout_every_n_epochs", 0),
        look.number("caption_tag_dropout_rate", 0),
        look.integer("token_warmup_min", 1),
        look.number("token_warmup_step", 0));
  }

  private String where(int line) {
    return line > 0 ? file + ":" + line : file;
  }

  /// The levels a value is looked up in.
  private final class Lookup {
    private final List<Map<String, Object>> levels;

    Lookup(
        @Nullable Map<String, Object> subset,
        Map<String, Object> dataset,
        Map<String, Object> general) {
      levels = subset == null ? List.of(dataset, general) : List.of(subset, dataset, general);
    }

    @Nullable Object get(String key) {
      for (Map<String, Object> level : levels) {
        Object value = level.get(key);
        if (value != null) {
          return value;
        }
      }
      return fromFlags(key);
    }

    boolean has(String key) {
      return get(key) != null;
    }

    boolean on(String key) {
      return Boolean.TRUE.equals(get(key));
    }

    int integer(String key, int fallback) {
      return get(key) instanceof Number value ? value.intValue() : fallback;
    }

    double number(String key, double fallback) {
      return get(key) instanceof Number value ? value.doubleValue() : fallback;
    }

    @Nullable String text(String key) {
      return (String) get(key);
    }

    String text(String key, String fallback) {
      return get(key) instanceof String text ? text : fallback;
    }
  }

  private @Nullable Object fromFlags(String key) {
    String name = FLAG_NAMES.getOrDefault(key, key);
    fromFlags.add(name);
    return switch (name) {
      case "resolution", "skip_image_resolution" -> sizeFlag(flags, name);
      case "face_crop_aug_range" -> rangeFlag(flags, name);
      case "caption_extension" ->
          flags.text("caption_extention", flags.text("caption_extension", ".caption"));
      default -> flags.table().find(name).isPresent() ? flags.any(name) : null;
    };
  }

  /// `--resolution`, or null when not given.
  static @Nullable Size sizeFlag(Flags flags, String name) {
    String text = flags.text(name, "");
    return text.isEmpty()
        ? null
        : Size.parse(text)
            .orElseThrow(() ->
                new InputException(
                    "%s: expected SIZE or WIDTH,HEIGHT such as 1024 or 832,1216, got \"%s\""
                        .formatted(flags.value(name).where(), text)));
  }

  private static @Nullable Range rangeFlag(Flags flags, String name) {
    String text = flags.text(name, "");
    if (text.isEmpty()) {
      return null;
    }
    String[] parts = text.split(",", -1);
    var low = PythonNumber.parseFloat(parts[0]);
    var high = PythonNumber.parseFloat(parts[parts.length - 1]);
    if (parts.length != 2 || low.isEmpty() || high.isEmpty() || low.get() > high.get()) {
      throw new InputException(
          "%s: expected LOW,HIGH with LOW not above HIGH, got \"%s\""
              .formatted(flags.value(name).where(), text));
    }
    return new Range(low.get(), high.get());
  }
}
