package dev.anima.lint;

import dev.anima.captions.CaptionFolder;
import dev.anima.captions.CaptionText;
import dev.anima.captions.CaptionedImage;
import dev.anima.captions.CaptionedImage.Content;
import dev.anima.captions.Kaomoji;
import dev.anima.captions.Sentences;
import dev.anima.captions.Separators;
import dev.anima.config.SubsetSpec.CaptionOptions;
import dev.anima.dataset.CaptionFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/// Rules about caption files as a whole.
final class CaptionRules {
  private static final int FEW_TAGS = 3;
  private static final int MANY_TAGS = 60;
  private static final Pattern UNUSUAL =
      Pattern.compile("[\\p{Cntrl}\\u00a0\\u200b-\\u200f\\u2060\\ufeff\\u3000]");
  private static final Pattern ALTERNATIVES = Pattern.compile("\\{[^{}]*\\|[^{}]*\\}");

  private final LintContext context;

  CaptionRules(LintContext context) {
    this.context = context;
  }

  void check() {
    context
        .folders()
        .forEach((folder, images) -> {
          Map<Path, CaptionedImage> users = new HashMap<>();
          for (CaptionedImage image : images) {
            file(folder, image);
            shared(image, users.putIfAbsent(image.file(), image));
          }
          otherFiles(folder, images);
          sameCaptions(images);
          lengths(images);
        });
  }

  private void file(CaptionFolder folder, CaptionedImage image) {
    switch (image.content()) {
      case Content.Missing() -> missing(folder, image);
      case Content.Unreadable(String reason, boolean _) ->
          context.at(image, LintRule.CAPTION_ENCODING, "the caption " + reason);
      case Content.Stored(CaptionText text, var _, var stamp) -> {
        if (stamp.size() == 0) {
          context.at(image, LintRule.CAPTION_EMPTY, "the caption file has 0 bytes");
        } else if (image.tags().isEmpty()) {
          context.at(image, LintRule.CAPTION_BLANK, "the caption's first line says nothing");
        }
        text(folder, image, text);
      }
    }
  }

  private void missing(CaptionFolder folder, CaptionedImage image) {
    String classTokens = folder.spec().classTokens();
    context.at(
        image,
        LintRule.CAPTION_MISSING,
        classTokens == null ? Severity.ERROR : Severity.WARN,
        classTokens == null
            ? "there is no caption file and no class_tokens: the caption is empty"
            : "there is no caption file: the caption is \"" + classTokens + "\"",
        "");
  }

  private void text(CaptionFolder folder, CaptionedImage image, CaptionText text) {
    CaptionOptions options = folder.spec().caption();
    if (text.byteOrderMark()) {
      context.at(image, LintRule.CAPTION_BOM, "the file begins with a byte order mark");
    }
    if (text.isMultiline() && !options.enableWildcard()) {
      context.at(
          image,
          LintRule.CAPTION_MULTILINE,
          "the caption has several lines; all but the first are ignored");
    }
    characters(image, text.line(), options);
    braces(image, text, options.enableWildcard());
    sentence(image, options);
    tokens(image, text.line());
  }

  private void characters(CaptionedImage image, String line, CaptionOptions options) {
    UNUSUAL
        .matcher(line)
        .results()
        .map(match -> "U+%04X".formatted((int) match.group().charAt(0)))
        .distinct()
        .forEach(code ->
            context.at(
                image,
                LintRule.CAPTION_CHARS,
                "the caption holds the character %s, which cannot be seen".formatted(code)));
    for (String mark : List.of("\uff0c", "\u3001", ";")) {
      boolean separates =
          !options.captionSeparator().equals(mark)
              && image.tags().stream()
                  .anyMatch(tag -> tag.contains(mark) && !Kaomoji.is(tag) && separates(tag, mark));
      if (separates) {
        context.at(
            image,
            LintRule.CAPTION_CHARS,
            "\"%s\" stands between tags, where training splits at \"%s\""
                .formatted(mark, options.captionSeparator()));
      }
    }
  }

  /// Words on both sides; a face such as `;)` has none.
  private static boolean separates(String tag, String mark) {
    List<String> parts = List.of(tag.split(Pattern.quote(mark)));
    return parts.size() > 1
        && parts.stream().filter(part -> part.codePoints().anyMatch(Character::isLetter)).count()
            > 1;
  }

  private void braces(CaptionedImage image, CaptionText text, boolean wildcard) {
    String all = text.line() + (wildcard ? text.rest() : "");
    if (!wildcard) {
      if (ALTERNATIVES.matcher(all).find()) {
        context.at(
            image,
            LintRule.CAPTION_BRACES,
            Severity.INFO,
            "{a|b} is trained literally, as enable_wildcard is off",
            "");
      }
      return;
    }
    int depth = 0;
    boolean crossed = false;
    for (char c : all.replace("{{", "").replace("}}", "").toCharArray()) {
      depth += c == '{' ? 1 : c == '}' ? -1 : 0;
      crossed |= depth < 0;
    }
    if (depth != 0 || crossed) {
      context.at(image, LintRule.CAPTION_BRACES, "the braces { } do not match");
    }
  }

  private void sentence(CaptionedImage image, CaptionOptions options) {
    boolean kept =
        !options.shuffleCaption()
            || !options.keepTokensSeparator().isEmpty()
            || (options.secondarySeparator() != null && !options.secondarySeparator().isEmpty());
    List<String> tags = image.tags();
    for (int i = 1; i < tags.size() && !kept; i++) {
      boolean ends = Sentences.is(tags.get(i));
      String before = tags.get(i - 1);
      boolean begun =
          before.split(" ").length > 3
              || (before.contains(" ") && Character.isUpperCase(before.charAt(0)));
      if (ends && begun && !Sentences.is(before)) {
        context.at(
            image,
            LintRule.CAPTION_SENTENCE,
            "a sentence has commas inside, so shuffling tears it apart");
        return;
      }
    }
  }

  private void tokens(CaptionedImage image, String line) {
    if (context.options().tokens().isEmpty() || !context.wants(LintRule.CAPTION_TOKENS)) {
      return;
    }
    if (line.length() < TokenCounts.LIMIT / 2) {
      return; // a token is at least a byte, and hardly a letter has two
    }
    TokenCounts counts = context.options().tokens().get();
    cut(image, line, "Qwen3", counts.qwen3(line), counts.qwen3Cut(line));
    cut(image, line, "T5", counts.t5(line), counts.t5Cut(line));
  }

  private void cut(CaptionedImage image, String line, String encoder, int count, OptionalInt cut) {
    if (cut.isPresent()) {
      int at = Math.min(line.length(), cut.getAsInt());
      String before = line.substring(Math.max(0, at - 30), at);
      context.at(
          image,
          LintRule.CAPTION_TOKENS,
          "%d tokens of %s, %d are read: cut off after \"...%s\""
              .formatted(count, encoder, TokenCounts.LIMIT, CaptionedImage.shown(before)));
    }
  }

  private void shared(CaptionedImage image, @Nullable CaptionedImage other) {
    if (other != null && !other.image().equals(image.image())) {
      boolean fallback = isFallback(image) || isFallback(other);
      if (!fallback) {
        context.at(
            image,
            LintRule.CAPTION_SHARED,
            "shares its caption file with " + CaptionedImage.shown(other.fileName()));
      }
    }
    if (isFallback(image) && !(image.content() instanceof Content.Missing)) {
      context.at(
          image,
          LintRule.CAPTION_FALLBACK,
          "the caption is that of " + CaptionedImage.shown(image.file().getFileName() + ""));
    }
  }

  private static boolean isFallback(CaptionedImage image) {
    String stem = CaptionFile.stem(image.fileName());
    return !String.valueOf(image.file().getFileName()).startsWith(stem);
  }

  /// Caption files without an image, and captions under another extension.
  private void otherFiles(CaptionFolder folder, List<CaptionedImage> images) {
    Set<String> stems = new HashSet<>();
    images.forEach(image -> stems.add(CaptionFile.stem(image.fileName())));
    Set<Path> used = new HashSet<>();
    images.forEach(image -> used.add(image.file()));
    Map<String, Integer> elsewhere = new LinkedHashMap<>();
    for (String name : names(folder)) {
      String stem = CaptionFile.stem(name);
      String extension = name.substring(stem.length());
      boolean caption = folder.extensions().contains(extension);
      if (caption && !stems.contains(stem) && !used.contains(folder.path().resolve(name))) {
        orphan(folder, name);
      }
      if (!caption && stems.contains(stem) && List.of(".txt", ".caption").contains(extension)) {
        elsewhere.merge(extension, 1, Integer::sum);
      }
    }
    long missing =
        images.stream().filter(image -> image.content() instanceof Content.Missing).count();
    elsewhere.forEach((extension, count) -> {
      if (missing > 0) {
        context.in(
            folder,
            LintRule.CAPTION_EXTENSION,
            "%s: %d captions are %s files, but caption_extension is \"%s\""
                .formatted(folder.name(), count, extension, folder.extensions().getFirst()));
      }
    });
  }

  private void orphan(CaptionFolder folder, String name) {
    context.in(
        folder,
        LintRule.CAPTION_ORPHAN,
        "%s/%s has no image".formatted(folder.name(), CaptionedImage.shown(name)));
  }

  private static List<String> names(CaptionFolder folder) {
    try (Stream<Path> files = Files.list(folder.path())) {
      return files
          .map(file -> String.valueOf(file.getFileName()))
          .filter(name -> !name.startsWith("."))
          .sorted()
          .toList();
    } catch (IOException _) {
      return List.of(); // told by config-dir
    }
  }

  private void sameCaptions(List<CaptionedImage> images) {
    Map<List<String>, List<CaptionedImage>> byTags = new LinkedHashMap<>();
    for (CaptionedImage image : images) {
      List<String> tags = new ArrayList<>(image.tags());
      tags.removeAll(context.prefixes().of(image.folder()));
      if (!tags.isEmpty()) {
        byTags.computeIfAbsent(tags, _ -> new ArrayList<>()).add(image);
      }
    }
    byTags.forEach((tags, same) -> {
      if (same.stream().map(CaptionedImage::file).distinct().count() > 1) {
        context.among(
            same,
            LintRule.CAPTION_SAME,
            Severity.INFO,
            "the same caption: \"%s\"".formatted(shortened(Separators.COMMA.join(tags))),
            "");
      }
    });
  }

  private static String shortened(String text) {
    return text.length() <= 80 ? text : text.substring(0, 77) + "...";
  }

  private void lengths(List<CaptionedImage> images) {
    int[] counts =
        images.stream()
            .mapToInt(image -> image.tags().size())
            .filter(n -> n > 0)
            .sorted()
            .toArray();
    if (counts.length == 0) {
      return;
    }
    int median = counts[counts.length / 2];
    int[] distances = Arrays.stream(counts).map(n -> Math.abs(n - median)).sorted().toArray();
    int spread = distances[distances.length / 2];
    for (CaptionedImage image : images) {
      int tags = image.tags().size();
      boolean sentence = image.tags().stream().anyMatch(Sentences::is);
      boolean few = tags < FEW_TAGS && !sentence;
      boolean far = spread > 0 && counts.length > 9 && Math.abs(tags - median) > 3 * spread;
      if (tags > 0 && (few || tags > MANY_TAGS || far)) {
        context.at(
            image,
            LintRule.CAPTION_LENGTH,
            "%d tags, where the folder's captions usually have %d".formatted(tags, median));
      }
    }
  }
}
