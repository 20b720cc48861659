package dev.anima.config;

import dev.anima.config.Flag.Kind;
import dev.anima.config.FlagValue.Source;
import dev.anima.io.InputException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/// Reads the words of a training command by the rules of Python's argparse, which the command lines
/// that people have were written for: `--name value`, `--name=value`, unique prefixes, the last
/// occurrence wins, lists run to the next word that begins with a dash.
public final class CommandLine {
  private final FlagTable table;
  private final List<String> words;
  private final Map<String, FlagValue> values = new LinkedHashMap<>();
  private final List<String> problems = new ArrayList<>();
  private final List<String> plainWords = new ArrayList<>();
  private final boolean takesPlainWords;
  private boolean helpWanted;
  private int next;

  private CommandLine(FlagTable table, List<String> words, boolean takesPlainWords) {
    this.table = table;
    this.words = List.copyOf(words);
    this.takesPlainWords = takesPlainWords;
  }

  /// Flags of a training command, without the command's own name.
  ///
  /// @throws InputException naming every unknown, ambiguous or malformed flag, one a line
  public static Flags parse(List<String> words) {
    return new CommandLine(FlagTable.train(), words, false).parse();
  }

  /// A command line with words that belong to no flag, such as folders.
  ///
  /// @param plainWords in their order
  public record Words(Flags flags, List<String> plainWords) {}

  /// Flags and plain words of a command, without the command's own name.
  ///
  /// @throws InputException naming every unknown, ambiguous or malformed flag, one a line
  public static Words parse(FlagTable table, List<String> words) {
    CommandLine line = new CommandLine(table, words, true);
    Flags flags = line.parse();
    return new Words(flags, List.copyOf(line.plainWords));
  }

  private Flags parse() {
    String previous = "";
    while (next < words.size()) {
      String word = words.get(next++);
      if (word.equals("-h") || word.equals("--help")) {
        helpWanted = true;
      } else if (takesPlainWords && word.equals("--")) {
        plainWords.addAll(words.subList(next, words.size()));
        next = words.size();
      } else if (isFlagLike(word)) {
        readFlag(word);
        previous = word;
      } else if (takesPlainWords) {
        plainWords.add(word);
      } else {
        problems.add(strayWord(word, previous));
      }
    }
    if (!problems.isEmpty() && !helpWanted) {
      throw new InputException(String.join("\n", problems));
    }
    return new Flags(table, values, helpWanted);
  }

  /// A word that starts a flag rather than being a value: it begins with a dash and is neither a
  /// number nor, unless it names a flag, a text with blanks.
  private boolean isFlagLike(String word) {
    if (!word.startsWith("-") || word.length() == 1) {
      return false;
    }
    if (word.startsWith("--") && !table.matching(nameOf(word)).isEmpty() && word.length() > 2) {
      return true;
    }
    return !word.matches("-\\d+|-\\d*\\.\\d+") && !word.contains(" ");
  }

  private void readFlag(String word) {
    String typed = nameOf(word);
    @Nullable String attached = word.contains("=") ? word.substring(word.indexOf('=') + 1) : null;
    List<Flag> meant =
        word.startsWith("--") && !typed.isEmpty() ? table.matching(typed) : List.of();
    if (meant.size() == 1) {
      readValue(meant.getFirst(), typed, attached);
      return;
    }
    String unused = attached == null ? skipValues() : "";
    problems.add(meant.isEmpty() ? unknown(word, typed, unused) : ambiguous(typed, meant));
  }

  private void readValue(Flag flag, String typed, @Nullable String attached) {
    String where = "--" + typed;
    List<String> given = attached != null ? List.of(attached) : followingWords(flag);
    if (flag.kind() == Kind.SWITCH && attached != null) {
      problems.add(
          "%s is a switch and takes no value, got \"%s\"\n  -> write %s alone, or leave it out"
              .formatted(where, attached, flag.dashed()));
      return;
    }
    if (given.isEmpty() && flag.kind() != Kind.SWITCH && !flag.kind().isList()) {
      problems.add(where + ": expected a value (" + flag.kind().word() + "), found none");
      return;
    }
    switch (FlagText.read(flag, where, given)) {
      case FlagText.Result.Problem(String message) -> problems.add(message);
      case FlagText.Result.Value(Object value) -> put(flag, typed, given, value);
    }
  }

  private void put(Flag flag, String typed, List<String> given, Object value) {
    FlagValue earlier = values.get(flag.name());
    int times = earlier == null ? 1 : earlier.timesGiven() + 1;
    values.put(
        flag.name(),
        new FlagValue(
            flag, value, Source.COMMAND_LINE, typed, String.join(" ", given), "--" + typed, times));
  }

  private List<String> followingWords(Flag flag) {
    int most =
        switch (flag.kind()) {
          case SWITCH -> 0;
          case TEXT_LIST, FLOAT_LIST -> Integer.MAX_VALUE;
          case TEXT, PATH, INT, FLOAT, INT_OR_RATIO -> 1;
        };
    List<String> found = new ArrayList<>();
    while (found.size() < most && next < words.size() && !isFlagLike(words.get(next))) {
      found.add(words.get(next++));
    }
    return found;
  }

  private String skipValues() {
    List<String> skipped = new ArrayList<>();
    while (next < words.size() && !isFlagLike(words.get(next))) {
      skipped.add(words.get(next++));
    }
    return String.join(" ", skipped);
  }

  private String unknown(String word, String typed, String unused) {
    String shown = word.contains("=") ? word.substring(0, word.indexOf('=')) : word;
    return "unknown flag %s%s%s"
        .formatted(
            shown,
            unused.isEmpty() ? "" : " (with \"" + unused + "\")",
            table.nearest(typed).map(name -> "\n  -> did you mean --" + name + "?").orElse(""));
  }

  private static String ambiguous(String typed, List<Flag> meant) {
    return "ambiguous flag --%s could mean %s"
        .formatted(typed, meant.stream().map(Flag::dashed).collect(Collectors.joining(", ")));
  }

  private String strayWord(String word, String previous) {
    List<Flag> before = previous.isEmpty() ? List.of() : table.matching(nameOf(previous));
    if (before.size() == 1 && before.getFirst().kind() == Kind.SWITCH) {
      return "unexpected word \"%s\": %s is a switch and takes no value".formatted(word, previous);
    }
    return "unexpected word \"%s\"%s: every value needs its flag before it"
        .formatted(word, previous.isEmpty() ? "" : " after " + previous);
  }

  private static String nameOf(String word) {
    String name = word.replaceFirst("^--?", "");
    return name.contains("=") ? name.substring(0, name.indexOf('=')) : name;
  }
}
