package dev.anima.dataset;

import dev.anima.config.DatasetSpec;
import dev.anima.config.Size;
import dev.anima.config.SubsetSpec;
import dev.anima.config.SubsetSpec.AugmentOptions;
import dev.anima.config.SubsetSpec.CaptionOptions;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalInt;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/// Dataset descriptions for tests: the reference's defaults with some values changed.
final class Specs {
  private static final JsonNode NOTHING = JsonMapper.shared().createObjectNode();

  private Specs() {}

  static DatasetBuilder dataset() {
    return new DatasetBuilder();
  }

  /// Caption options from a JSON object with the reference's key names; absent keys are defaults.
  static CaptionOptions caption(JsonNode subset) {
    return new CaptionOptions(
        subset.path("shuffle_caption").booleanValue(false),
        subset.path("caption_separator").stringValue(","),
        subset.path("keep_tokens").intValue(0),
        subset.path("keep_tokens_separator").stringValue(""),
        text(subset, "secondary_separator"),
        subset.path("enable_wildcard").booleanValue(false),
        text(subset, "caption_prefix"),
        text(subset, "caption_suffix"),
        subset.path("caption_dropout_rate").doubleValue(0),
        subset.path("caption_dropout_every_n_epochs").intValue(0),
        subset.path("caption_tag_dropout_rate").doubleValue(0),
        subset.path("token_warmup_min").intValue(1),
        subset.path("token_warmup_step").doubleValue(0));
  }

  static SubsetBuilder subset(String imageDir) {
    SubsetBuilder builder = new SubsetBuilder();
    builder.imageDir = imageDir;
    return builder;
  }

  private static @Nullable String text(JsonNode node, String key) {
    return node.hasNonNull(key) ? node.get(key).stringValue() : null;
  }

  static final class SubsetBuilder {
    private @Nullable String imageDir;
    private @Nullable String metadataFile;
    private @Nullable String conditioningDataDir;
    private boolean reg;
    private @Nullable String classTokens;
    private String captionExtension = ".txt";
    private boolean cacheInfo;
    private boolean alphaMask;
    private int repeats = 1;
    private CaptionOptions caption = Specs.caption(NOTHING);
    private AugmentOptions augment = new AugmentOptions(false, false, false, null);
    private @Nullable String interpolation;

    SubsetBuilder metadataFile(String file) {
      metadataFile = file;
      return this;
    }

    SubsetBuilder masks(String dir) {
      conditioningDataDir = dir;
      return this;
    }

    SubsetBuilder reg(boolean value) {
      reg = value;
      return this;
    }

    SubsetBuilder classTokens(@Nullable String value) {
      classTokens = value;
      return this;
    }

    SubsetBuilder captionExtension(String value) {
      captionExtension = value;
      return this;
    }

    SubsetBuilder cacheInfo() {
      cacheInfo = true;
      return this;
    }

    SubsetBuilder alphaMask() {
      alphaMask = true;
      return this;
    }

    SubsetBuilder repeats(int value) {
      repeats = value;
      return this;
    }

    SubsetBuilder caption(CaptionOptions value) {
      caption = value;
      return this;
    }

    SubsetBuilder augment(AugmentOptions value) {
      augment = value;
      return this;
    }

    SubsetBuilder interpolation(@Nullable String value) {
      interpolation = value;
      return this;
    }

    SubsetSpec build() {
      return new SubsetSpec(
          imageDir,
          metadataFile,
          conditioningDataDir,
          reg,
          classTokens,
          captionExtension,
          cacheInfo,
          alphaMask,
          repeats,
          caption,
          augment,
          interpolation,
          0,
          "test.toml:1");
    }
  }

  static final class DatasetBuilder {
    private DatasetSpec.Style style = DatasetSpec.Style.DREAMBOOTH;
    private @Nullable Size resolution = new Size(96, 96);
    private int batchSize = 1;
    private boolean enableBucket = true;
    private int min = 32;
    private int max = 192;
    private int step = 16;
    private boolean noUpscale;
    private double validationSplit;
    private OptionalInt validationSeed = OptionalInt.empty();
    private @Nullable String interpolation;
    private double priorLossWeight = 1;
    private List<SubsetSpec> subsets = List.of();

    DatasetBuilder style(DatasetSpec.Style value) {
      style = value;
      return this;
    }

    DatasetBuilder resolution(@Nullable Size value) {
      resolution = value;
      return this;
    }

    DatasetBuilder batchSize(int value) {
      batchSize = value;
      return this;
    }

    DatasetBuilder buckets(boolean enable, int minSide, int maxSide, int steps, boolean noUp) {
      enableBucket = enable;
      min = minSide;
      max = maxSide;
      step = steps;
      noUpscale = noUp;
      return this;
    }

    DatasetBuilder validation(double split, OptionalInt seed) {
      validationSplit = split;
      validationSeed = seed;
      return this;
    }

    DatasetBuilder interpolation(@Nullable String value) {
      interpolation = value;
      return this;
    }

    DatasetBuilder priorLossWeight(double value) {
      priorLossWeight = value;
      return this;
    }

    DatasetBuilder subsets(SubsetSpec... value) {
      subsets = Arrays.asList(value);
      return this;
    }

    DatasetSpec build() {
      return new DatasetSpec(
          style,
          resolution,
          batchSize,
          enableBucket,
          min,
          max,
          step,
          noUpscale,
          validationSplit,
          validationSeed,
          1.0,
          interpolation,
          priorLossWeight,
          subsets);
    }
  }
}
