package dev.anima.cli.captions;

import dev.anima.captions.CaptionSet;
import dev.anima.captions.CaptionedImage;
import dev.anima.captions.CaptionedImage.Content;
import dev.anima.captions.TagTable;
import dev.anima.cli.Console;
import dev.anima.cli.ExitCode;
import dev.anima.config.NearestName;
import dev.anima.io.InputException;
import dev.anima.lint.TokenCounts;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.OptionalInt;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/// Commands that look at captions and write nothing.
final class ReadVerbs {
  private ReadVerbs() {}

  /// What all of them have.
  abstract static class ReadVerb implements Callable<Integer> {
    @Mixin Selection selection = new Selection();

    @Option(names = "--json", description = "print the result as JSON")
    boolean json;

    private final Console console;
    private final Surroundings surroundings;

    ReadVerb(Console console, Surroundings surroundings) {
      this.console = console;
      this.surroundings = surroundings;
    }

    Console console() {
      return console;
    }

    abstract int look(CaptionSet set, Predicate<CaptionedImage> scope);

    @Override
    public Integer call() {
      Workplace workplace = Workplace.of(selection, surroundings);
      CaptionSet set = workplace.read();
      List<String> hints = new ArrayList<>();
      Predicate<CaptionedImage> scope = workplace.scope(set, hints);
      hints.forEach(hint -> console.report("hint: " + hint));
      return look(set, scope);
    }
  }

  @Command(
      name = "stats",
      aliases = "list",
      description = "Counts tags: how many images have each, over all and folder by folder.")
  static final class Stats extends ReadVerb {
    @Option(names = "--sort", paramLabel = "KEY", description = "count (default), name or length")
    String sort = "count";

    @Option(names = "--top", paramLabel = "N", description = "only the first N tags (default: 50)")
    int top = 50;

    @Option(names = "--by-subset", description = "with a column for every folder")
    boolean bySubset;

    @Option(names = "--csv", description = "print all tags as CSV")
    boolean csv;

    Stats(Console console, Surroundings surroundings) {
      super(console, surroundings);
    }

    @Override
    int look(CaptionSet set, Predicate<CaptionedImage> scope) {
      TagTable table = TagTable.of(set, scope, sort());
      if (json) {
        json(table);
      } else if (csv) {
        csv(table);
      } else {
        text(set, scope, table);
      }
      return ExitCode.OK;
    }

    private TagTable.Sort sort() {
      List<String> names = List.of("count", "name", "length");
      if (!names.contains(sort)) {
        throw new InputException(
            "--sort: expected count, name or length, got \"%s\"%s"
                .formatted(sort, NearestName.hint(sort, names)));
      }
      return TagTable.Sort.valueOf(sort.toUpperCase(Locale.ROOT));
    }

    private void text(CaptionSet set, Predicate<CaptionedImage> scope, TagTable table) {
      long single = table.rows().stream().filter(row -> row.images() == 1).count();
      console()
          .print(
              "%d images, %d with tags, %d caption files; %d different tags, %d on one image only; %.1f tags a caption"
                  .formatted(
                      table.images(),
                      table.captioned(),
                      table.files(),
                      table.rows().size(),
                      single,
                      table.captioned() == 0 ? 0 : (double) table.tagsInAll() / table.captioned()));
      Map<Integer, Integer> histogram = new TreeMap<>();
      set.images().stream()
          .filter(scope)
          .forEach(image -> histogram.merge(image.tags().size() / 5 * 5, 1, Integer::sum));
      console()
          .print(
              "tags per image: "
                  + histogram.entrySet().stream()
                      .map(e -> "%d-%d: %d".formatted(e.getKey(), e.getKey() + 4, e.getValue()))
                      .collect(Collectors.joining(", ")));
      int images = Math.max(1, table.images());
      for (TagTable.Row row : table.rows().stream().limit(Math.max(0, top)).toList()) {
        String folders =
            bySubset
                ? table.folders().entrySet().stream()
                    .map(e ->
                        "  %s %d/%d"
                            .formatted(
                                e.getKey(),
                                row.byFolder().getOrDefault(e.getKey(), 0),
                                e.getValue()))
                    .collect(Collectors.joining())
                : "";
        console()
            .print(
                "%6d %4.0f %%  %s%s"
                    .formatted(
                        row.images(),
                        100.0 * row.images() / images,
                        EditReport.shown(row.tag()),
                        folders));
      }
      if (table.rows().size() > top) {
        console()
            .print("... and %d more (--top N shows more)".formatted(table.rows().size() - top));
      }
    }

    private void csv(TagTable table) {
      List<String> names = bySubset ? List.copyOf(table.folders().keySet()) : List.of();
      console().print(line("tag", "images", names));
      for (TagTable.Row row : table.rows()) {
        List<String> counts =
            names.stream()
                .map(name -> Integer.toString(row.byFolder().getOrDefault(name, 0)))
                .toList();
        console().print(line(row.tag(), Integer.toString(row.images()), counts));
      }
    }

    private static String line(String tag, String images, List<String> more) {
      List<String> fields = new ArrayList<>(List.of(tag, images));
      fields.addAll(more);
      return fields.stream()
          .map(field ->
              field.matches("(?s).*[,\"\\n].*") ? "\"" + field.replace("\"", "\"\"") + "\"" : field)
          .collect(Collectors.joining(","));
    }

    private void json(TagTable table) {
      Map<String, Object> json = new LinkedHashMap<>();
      json.put("images", table.images());
      json.put("captioned", table.captioned());
      json.put("caption_files", table.files());
      json.put("folders", table.folders());
      json.put("tags", table.rows());
      console().print(EditReport.MAPPER.writeValueAsString(json));
    }
  }

  @Command(name = "find", description = "Prints the images that pass --filter.")
  static final class Find extends ReadVerb {
    @Option(names = "-0", description = "end names with a NUL instead of a line end")
    boolean nul;

    Find(Console console, Surroundings surroundings) {
      super(console, surroundings);
    }

    @Override
    int look(CaptionSet set, Predicate<CaptionedImage> scope) {
      List<String> paths =
          set.images().stream().filter(scope).map(image -> image.image().toString()).toList();
      if (json) {
        console().print(EditReport.MAPPER.writeValueAsString(paths));
      } else if (nul) {
        if (!paths.isEmpty()) {
          console().print(String.join("\0", paths) + "\0");
        }
      } else {
        paths.forEach(path -> console().print(EditReport.shown(path)));
      }
      return ExitCode.OK;
    }
  }

  @Command(
      name = "show",
      description = "Shows captions as they are stored, with their tokens for Qwen3 and T5.")
  static final class Show extends ReadVerb {
    @Option(names = "--pieces", description = "show the pieces that the tokenizers make of it")
    boolean pieces;

    Show(Console console, Surroundings surroundings) {
      super(console, surroundings);
    }

    @Override
    int look(CaptionSet set, Predicate<CaptionedImage> scope) {
      TokenCounts tokens = TokenCounts.load();
      List<Map<String, @Nullable Object>> rows = new ArrayList<>();
      for (CaptionedImage image : set.images().stream().filter(scope).toList()) {
        String text = image.text().map(t -> t.line()).orElse("");
        if (json) {
          rows.add(row(image, text, tokens));
          continue;
        }
        console().print(image.shownName());
        switch (image.content()) {
          case Content.Missing() -> console().print("  (no caption file)");
          case Content.Unreadable(String reason, var _) -> console().print("  (" + reason + ")");
          case Content.Stored _ -> text(text, tokens);
        }
      }
      if (json) {
        console().print(EditReport.MAPPER.writeValueAsString(rows));
      }
      return ExitCode.OK;
    }

    private void text(String text, TokenCounts tokens) {
      console().print("  " + EditReport.shown(text));
      console().print(TokenLines.counts(text, tokens));
      if (pieces) {
        TokenLines.pieces(text, tokens).forEach(console()::print);
      }
    }

    private Map<String, @Nullable Object> row(
        CaptionedImage image, String text, TokenCounts tokens) {
      Map<String, @Nullable Object> row = new LinkedHashMap<>();
      row.put("image", image.name());
      row.put("file", image.file().toString());
      row.put("caption", image.content() instanceof Content.Stored ? text : null);
      row.put("tags", image.tags());
      row.putAll(TokenLines.json(text, tokens, pieces));
      return row;
    }
  }

  /// Tokens of a text, as lines and as JSON.
  static final class TokenLines {
    private TokenLines() {}

    static String counts(String text, TokenCounts tokens) {
      return "  %d tokens of Qwen3%s, %d of T5%s"
          .formatted(
              tokens.qwen3(text),
              cut(text, tokens.qwen3Cut(text)),
              tokens.t5(text),
              cut(text, tokens.t5Cut(text)));
    }

    private static String cut(String text, OptionalInt cut) {
      if (cut.isEmpty()) {
        return "";
      }
      int at = Math.min(text.length(), cut.getAsInt());
      return " (%d are read, up to \"...%s\")"
          .formatted(TokenCounts.LIMIT, EditReport.shown(text.substring(Math.max(0, at - 20), at)));
    }

    static List<String> pieces(String text, TokenCounts tokens) {
      return List.of(
          "  Qwen3: " + String.join("|", tokens.qwen3Pieces(text)),
          "  T5: " + String.join("|", tokens.t5Pieces(text)));
    }

    static Map<String, @Nullable Object> json(String text, TokenCounts tokens, boolean pieces) {
      Map<String, @Nullable Object> json = new LinkedHashMap<>();
      json.put("qwen3_tokens", tokens.qwen3(text));
      json.put("t5_tokens", tokens.t5(text));
      json.put("qwen3_cut_at", boxed(tokens.qwen3Cut(text)));
      json.put("t5_cut_at", boxed(tokens.t5Cut(text)));
      if (pieces) {
        json.put("qwen3_pieces", tokens.qwen3Pieces(text));
        json.put("t5_pieces", tokens.t5Pieces(text));
      }
      return json;
    }

    private static @Nullable Integer boxed(OptionalInt value) {
      return value.isPresent() ? value.getAsInt() : null;
    }
  }
}
