package dev.anima.config;

import dev.anima.config.Flag.Kind;
import dev.anima.config.Flag.Status;
import java.util.Locale;

/// The flags as `--help` shows them.
public final class FlagHelp {
  private static final String INDENT = "      ";

  private FlagHelp() {}

  /// All flags by section.
  ///
  /// @param columns width to wrap at
  public static String text(FlagTable table, int columns) {
    StringBuilder out = new StringBuilder();
    String section = "";
    for (Flag flag : table.all()) {
      if (!flag.section().equals(section)) {
        section = flag.section();
        out.append(out.isEmpty() ? "" : "\n").append(section).append('\n');
      }
      out.append("  ").append(usage(flag)).append('\n');
      wrap(out, sentence(flag), columns);
    }
    return out.toString();
  }

  /// One flag with its kind of value: `--network_dim INT`.
  static String usage(Flag flag) {
    String kind = flag.kind().word().toUpperCase(Locale.ROOT);
    return switch (flag.kind()) {
      case SWITCH -> flag.dashed();
      case TEXT_LIST -> flag.dashed() + " WORD ...";
      case FLOAT_LIST -> flag.dashed() + " NUMBER ...";
      case TEXT, PATH, INT, FLOAT, INT_OR_RATIO ->
          flag.dashed()
              + " "
              + (flag.choices().isEmpty() ? kind : String.join("|", flag.choices()));
    };
  }

  private static String sentence(Flag flag) {
    StringBuilder text = new StringBuilder(flag.help());
    Object fallback = flag.defaultValue();
    if (flag.kind() != Kind.SWITCH && fallback != null && !fallback.equals("")) {
      text.append(" Default: ").append(FlagText.write(fallback)).append('.');
    }
    if (flag.status() == Status.REJECTED) {
      text.append(" Refused: ").append(flag.reason()).append('.');
    } else if (!flag.reason().isEmpty()) {
      text.append(" No effect: ").append(flag.reason()).append('.');
    }
    return text.toString();
  }

  private static void wrap(StringBuilder out, String text, int columns) {
    int column = 0;
    for (String word : text.split(" ")) {
      if (column > 0 && column + 1 + word.length() > columns - INDENT.length()) {
        out.append('\n');
        column = 0;
      }
      out.append(column == 0 ? INDENT : " ").append(word);
      column += word.length() + (column == 0 ? 0 : 1);
    }
    out.append('\n');
  }
}
