package dev.anima.dataset;

import dev.anima.config.SubsetSpec.CaptionOptions;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.MatchResult;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// From the stored caption of an image to the text of one sample. The order of steps and of random
/// draws is the reference's (`BaseDataset.process_caption`).
public final class CaptionProcessor {
  /// Whatever the caption separator is, the reference joins tags with this.
  private static final String JOIN = ", ";

  private static final Pattern WILDCARD = Pattern.compile("\\{([^}]+)\\}");

  /// When a sample is made, as the dataset sees it (which lags behind the training loop).
  ///
  /// @param epoch 0 before the first epoch is announced
  /// @param step optimizer steps done
  /// @param totalSteps of the whole run
  public record Moment(int epoch, long step, long totalSteps) {}

  /// Tags in three groups: only the flexible ones are shortened, shuffled and dropped.
  private record Tags(List<String> head, List<String> flexible, List<String> tail) {}

  private CaptionProcessor() {}

  /// The caption of one sample.
  ///
  /// @param stored the caption as read from its file (with wildcards: all its lines)
  public static String process(String stored, CaptionOptions options, Moment moment, Draws draws) {
    String caption = withPrefixAndSuffix(stored, options);
    if (isDropped(options, moment, draws)) {
      return "";
    }
    caption =
        options.enableWildcard()
            ? expandWildcards(caption, draws)
            : PythonStrings.split(caption, "\n").getFirst();
    if (options.shuffleCaption()
        || options.tokenWarmupStep() > 0
        || options.captionTagDropoutRate() > 0) {
      caption = rearrange(caption, options, moment, draws);
    }
    return withoutSecondary(caption, options);
  }

  /// The caption that cached text outputs are made of: without anything random.
  ///
  /// With neither prefix, suffix, secondary separator nor several lines it is the stored caption,
  /// as in the reference. Where one of them is set, the reference silently encodes the stored
  /// caption all the same; here it takes effect.
  public static String forCache(String stored, CaptionOptions options) {
    String caption = PythonStrings.split(withPrefixAndSuffix(stored, options), "\n").getFirst();
    return withoutSecondary(caption, options);
  }

  private static String withPrefixAndSuffix(String caption, CaptionOptions options) {
    String prefix = options.captionPrefix();
    String suffix = options.captionSuffix();
    String text = prefix == null || prefix.isEmpty() ? caption : prefix + " " + caption;
    return suffix == null || suffix.isEmpty() ? text : text + " " + suffix;
  }

  private static String withoutSecondary(String caption, CaptionOptions options) {
    String secondary = options.secondarySeparator();
    return secondary == null || secondary.isEmpty()
        ? caption
        : caption.replace(secondary, options.captionSeparator());
  }

  private static boolean isDropped(CaptionOptions options, Moment moment, Draws draws) {
    boolean byChance =
        options.captionDropoutRate() > 0 && draws.chance(options.captionDropoutRate());
    int everyEpochs = options.captionDropoutEveryNEpochs();
    boolean byEpoch = everyEpochs > 0 && moment.epoch() % everyEpochs == 0;
    return byChance || byEpoch;
  }

  private static String expandWildcards(String text, Draws draws) {
    String caption = text.contains("\n") ? draws.choice(PythonStrings.split(text, "\n")) : text;
    // Doubled braces are literal ones: hidden behind a run of brackets the text does not contain.
    String open = "\u2985";
    String close = "\u2986";
    while (caption.contains(open) || caption.contains(close)) {
      open += "\u2985";
      close += "\u2986";
    }
    String guarded = caption.replace("{{", open).replace("}}", close);
    String chosen =
        WILDCARD
            .matcher(guarded)
            .replaceAll(match -> Matcher.quoteReplacement(alternative(match, draws)));
    return chosen.replace(open, "{").replace(close, "}");
  }

  private static String alternative(MatchResult match, Draws draws) {
    return draws.choice(PythonStrings.split(match.group(1), "|"));
  }

  private static String rearrange(
      String caption, CaptionOptions options, Moment moment, Draws draws) {
    Tags tags = split(caption, options);
    List<String> flexible = new ArrayList<>(warmedUp(tags.flexible(), options, moment));
    if (options.shuffleCaption()) {
      draws.shuffle(flexible);
    }
    if (options.captionTagDropoutRate() > 0) {
      flexible.removeIf(_ -> draws.chance(options.captionTagDropoutRate()));
    }
    List<String> all = new ArrayList<>(tags.head());
    all.addAll(flexible);
    all.addAll(tags.tail());
    return String.join(JOIN, all);
  }

  private static Tags split(String caption, CaptionOptions options) {
    String keepSeparator = options.keepTokensSeparator();
    int first = keepSeparator.isEmpty() ? -1 : caption.indexOf(keepSeparator);
    if (first < 0) {
      return splitByCount(caption, options);
    }
    String rest = caption.substring(first + keepSeparator.length());
    int second = rest.indexOf(keepSeparator);
    String middle = second < 0 ? rest : rest.substring(0, second);
    String end = second < 0 ? "" : rest.substring(second + keepSeparator.length());
    String separator = options.captionSeparator();
    return new Tags(
        filledTags(caption.substring(0, first), separator),
        filledTags(middle, separator),
        filledTags(end, separator));
  }

  // Here, unlike with a keep_tokens_separator, the reference keeps empty tags.
  private static Tags splitByCount(String caption, CaptionOptions options) {
    List<String> tags =
        PythonStrings.split(PythonStrings.strip(caption), options.captionSeparator()).stream()
            .map(PythonStrings::strip)
            .toList();
    int kept = Math.clamp(options.keepTokens(), 0, tags.size());
    return new Tags(tags.subList(0, kept), tags.subList(kept, tags.size()), List.of());
  }

  private static List<String> filledTags(String part, String separator) {
    return PythonStrings.split(part, separator).stream()
        .map(PythonStrings::strip)
        .filter(tag -> !tag.isEmpty())
        .toList();
  }

  /// The first tags only while `token_warmup_step` is not reached.
  private static List<String> warmedUp(
      List<String> flexible, CaptionOptions options, Moment moment) {
    double warmup = options.tokenWarmupStep();
    if (warmup < 1) { // a share of the run
      warmup = Math.floor(warmup * moment.totalSteps());
    }
    if (warmup == 0 || moment.step() >= warmup) {
      return flexible;
    }
    int least = options.tokenWarmupMin();
    double grown = Math.floor(moment.step() * ((flexible.size() - least) / warmup)) + least;
    return flexible.subList(0, Math.clamp((long) grown, 0, flexible.size()));
  }
}
