package dev.anima.runs.script;

import dev.anima.runs.script.BatchToken.Kind;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Set;

/// Cuts the lines of one batch command (a block in parentheses counts as one) into tokens.
///
/// Two readers look at the quotes: cmd.exe, for which every quote toggles and operators count
/// outside, and the started program, which cuts words and for which `\"` is a character.
final class BatchLexer {
  /// Their whole rest of the line is one word.
  private static final Set<String> RAW =
      Set.of(
          "set", "echo", "echo.", "echo:", "title", "prompt", "color", "rem", "cd", "chdir",
          "pushd");

  /// An opening parenthesis after them starts a block.
  private static final Set<String> COMPOUND = Set.of("if", "for", "else", "do");

  private final List<BatchToken> tokens = new ArrayList<>();
  private final StringBuilder word = new StringBuilder();
  private boolean wordBegun;
  private boolean cmdQuote;
  private boolean programQuote;
  private boolean commandStart = true;
  private boolean compound;
  private boolean raw;
  private int depth;
  private boolean continued;
  private Place place;
  private Place quoteAt;

  BatchLexer(Place start) {
    this.place = start;
    this.quoteAt = start;
  }

  /// Whether the command needs another line.
  boolean wantsMore() {
    return continued || depth > 0;
  }

  boolean continued() {
    return continued;
  }

  /// Takes the next line, variables filled in.
  void line(String text, Place at) {
    place = at;
    boolean first = !continued;
    continued = false;
    if (first && !tokens.isEmpty()) {
      add(Kind.NEXT, "newline");
    }
    int i = 0;
    while (i < text.length()) {
      char c = text.charAt(i);
      if (!cmdQuote && c == '^') {
        if (i + 1 == text.length()) {
          continued = true;
          return;
        }
        append(text.charAt(i + 1)); // the next character means itself
        i += 2;
      } else if (c == '"') {
        quote();
        i++;
      } else if (!cmdQuote && (c == ' ' || c == '\t') && !(raw && wordBegun)) {
        endWordUnlessQuoted(c);
        i++;
      } else {
        i = cmdQuote ? plain(text, i) : special(text, i);
      }
    }
    if (programQuote || cmdQuote) {
      checkQuote(text);
    }
    endWord();
  }

  private int plain(String text, int i) {
    append(text.charAt(i));
    return i + 1;
  }

  /// A character outside cmd.exe's quotes.
  private int special(String text, int i) {
    char c = text.charAt(i);
    if (c == '&' || c == '|') {
      return operator(text, i);
    }
    if (c == '>' || c == '<') {
      return redirect(text, i);
    }
    if (c == '(' && !wordBegun && (commandStart || compound)) {
      depth++;
      add(Kind.OPEN, "(");
      return i + 1;
    }
    if (c == ')' && depth > 0) {
      endWord();
      depth--;
      add(Kind.CLOSE, ")");
      return i + 1;
    }
    return plain(text, i);
  }

  private int operator(String text, int i) {
    endWord();
    boolean and = text.charAt(i) == '&';
    boolean twice = text.startsWith(and ? "&&" : "||", i);
    if (twice) {
      add(and ? Kind.AND : Kind.OR, text.substring(i, i + 2));
    } else {
      add(and ? Kind.NEXT : Kind.PIPE, text.substring(i, i + 1));
    }
    return i + (twice ? 2 : 1);
  }

  private int redirect(String text, int start) {
    String stream = "";
    if (wordBegun && word.toString().matches("[0-9]")) {
      stream = word.toString();
      word.setLength(0);
      wordBegun = false;
    } else {
      endWord();
    }
    int i = start;
    while (i < text.length() && (text.charAt(i) == '>' || text.charAt(i) == '<')) {
      i++;
    }
    int target = i;
    if (target < text.length() && text.charAt(target) == '&') {
      i++;
    }
    while (i < text.length() && text.charAt(i) == ' ' && i == target) {
      i++;
      target++;
    }
    boolean quoted = false;
    while (i < text.length() && (quoted || " \t&|)".indexOf(text.charAt(i)) < 0)) {
      quoted ^= text.charAt(i) == '"';
      i++;
    }
    tokens.add(new BatchToken(Kind.REDIRECT, stream + text.substring(start, i), place));
    return i;
  }

  private void quote() {
    cmdQuote = !cmdQuote;
    int backslashes = 0;
    while (backslashes < word.length() && word.charAt(word.length() - 1 - backslashes) == '\\') {
      backslashes++;
    }
    if (backslashes % 2 == 0) {
      programQuote = !programQuote;
      quoteAt = place;
    }
    append('"');
  }

  /// A line ends inside a quote: cmd.exe forgets the quote there, the program would not.
  private void checkQuote(String text) {
    cmdQuote = false;
    programQuote = false;
    if (raw) {
      return; // echo it's "so
    }
    String why =
        word.indexOf("\\\"") >= 0
            ? "a backslash before a quote makes the quote part of the text: write \"C:\\folder\" without a backslash at its end"
            : text.endsWith("^")
                ? "so the ^ at the end of the line does not continue the command"
                : "";
    throw quoteAt.problem(
        "a quote is opened and not closed on this line%s"
            .formatted(why.isEmpty() ? "" : "; " + why));
  }

  private void endWordUnlessQuoted(char blank) {
    if (programQuote) {
      append(blank);
    } else {
      endWord();
    }
  }

  private void append(char c) {
    word.append(c);
    wordBegun = true;
  }

  private void endWord() {
    if (!wordBegun) {
      return;
    }
    String text = raw ? word.toString().stripTrailing() : word.toString();
    word.setLength(0);
    wordBegun = false;
    if (commandStart && text.startsWith("@")) {
      text = text.substring(1);
      if (text.isEmpty()) {
        return;
      }
    }
    tokens.add(new BatchToken(Kind.WORD, text, place));
    String name = text.toLowerCase(Locale.ROOT);
    if (commandStart) {
      raw = RAW.contains(name);
      compound = COMPOUND.contains(name);
      commandStart = name.equals("else") || name.equals("do");
    } else if (compound && name.equals("do")) {
      commandStart = true;
    }
  }

  private void add(Kind kind, String text) {
    tokens.add(new BatchToken(kind, text, place));
    commandStart = true;
    raw = false;
    compound = kind == Kind.CLOSE; // "else" or "do" may follow, and a block behind them
  }

  /// The tokens of the whole command.
  List<BatchToken> tokens() {
    return List.copyOf(tokens);
  }
}
