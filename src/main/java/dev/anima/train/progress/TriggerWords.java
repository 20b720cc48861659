package dev.anima.train.progress;

import dev.anima.config.SubsetSpec.CaptionOptions;
import dev.anima.dataset.FoundImage;
import dev.anima.dataset.Subset;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// The words that call what a subset teaches, and captions without them.
///
/// @param tags as they stand in captions
public record TriggerWords(List<String> tags) {
  /// How many there are of whom: no name of anybody.
  private static final Pattern COUNT = Pattern.compile("\\d\\+?(girl|boy|other)s?|solo|no humans");

  public TriggerWords {
    tags = List.copyOf(tags);
  }

  /// As the user wrote them, separated by commas.
  public static TriggerWords given(String words) {
    return new TriggerWords(
        Arrays.stream(words.split(",", -1))
            .map(String::strip)
            .filter(word -> !word.isEmpty())
            .toList());
  }

  /// From the captions of a subset: of the tags that all its captions share, those that are kept in
  /// their place (`keep_tokens`, `keep_tokens_separator`), else the class tokens, else the first
  /// one. Tags that count people are none.
  ///
  /// @return empty where there is no such tag, and for a subset of one image
  public static Optional<TriggerWords> of(Subset subset) {
    CaptionOptions options = subset.spec().caption();
    List<FoundImage> images = subset.images();
    if (images.size() < 2) {
      return Optional.empty();
    }
    Set<String> shared = new LinkedHashSet<>(tags(images.getFirst().caption(), options));
    Set<String> kept = new LinkedHashSet<>(kept(images.getFirst().caption(), options));
    for (FoundImage image : images) {
      shared.retainAll(tags(image.caption(), options));
    }
    shared.removeIf(tag -> COUNT.matcher(tag).matches());
    kept.retainAll(shared);
    if (!kept.isEmpty()) {
      return Optional.of(new TriggerWords(List.copyOf(kept)));
    }
    String classTokens = subset.spec().classTokens();
    if (classTokens != null && shared.contains(classTokens.strip())) {
      return Optional.of(new TriggerWords(List.of(classTokens.strip())));
    }
    return shared.stream().findFirst().map(tag -> new TriggerWords(List.of(tag)));
  }

  /// The tags of a stored caption.
  public static List<String> tags(String caption, CaptionOptions options) {
    String keep = options.keepTokensSeparator();
    String plain = keep.isEmpty() ? caption : caption.replace(keep, options.captionSeparator());
    return split(plain, options);
  }

  private static List<String> kept(String caption, CaptionOptions options) {
    String keep = options.keepTokensSeparator();
    int end = keep.isEmpty() ? -1 : caption.indexOf(keep);
    if (end >= 0) {
      return split(caption.substring(0, end), options);
    }
    return split(caption, options).stream().limit(Math.max(0, options.keepTokens())).toList();
  }

  private static List<String> split(String caption, CaptionOptions options) {
    return Arrays.stream(caption.split(Pattern.quote(options.captionSeparator()), -1))
        .map(String::strip)
        .filter(tag -> !tag.isEmpty())
        .toList();
  }

  /// `caption` without the trigger words: as tags, or where they are none, as words of its
  /// sentences.
  ///
  /// @return empty if they are not in it
  public Optional<String> without(String caption, String separator) {
    List<String> left = new ArrayList<>(List.of(caption.split(Pattern.quote(separator), -1)));
    boolean found = left.removeIf(tag -> tags.contains(tag.strip()));
    if (found) {
      return Optional.of(String.join(", ", left.stream().map(String::strip).toList()));
    }
    String text = caption;
    for (String word : tags) {
      text =
          Pattern.compile(
                  "(?<![\\p{L}\\p{N}])" + Pattern.quote(word) + "(?![\\p{L}\\p{N}]) ?",
                  Pattern.CASE_INSENSITIVE | Pattern.UNICODE_CASE)
              .matcher(text)
              .replaceAll(Matcher.quoteReplacement(""));
    }
    return text.equals(caption) ? Optional.empty() : Optional.of(text.strip());
  }
}
