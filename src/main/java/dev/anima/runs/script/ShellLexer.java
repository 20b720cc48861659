package dev.anima.runs.script;

import dev.anima.runs.script.ShellWord.Part;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// Cuts a shell script into words and operators: quotes, comments, continued lines and
/// here-documents are settled here.
final class ShellLexer {
  private static final Pattern ARRAY = Pattern.compile("([A-Za-z_][A-Za-z0-9_]*)(\\+?)=\\(");
  private static final Pattern NAME = Pattern.compile("[A-Za-z_][A-Za-z0-9_]*|[0-9@*#?$!-]");

  private final ScriptText script;
  private final String text;
  private final List<ShellToken> tokens = new ArrayList<>();
  private final List<String> hereDocuments = new ArrayList<>();
  private final int firstLine;
  private int at;
  private int line;

  private ShellLexer(ScriptText script, String text, int firstLine) {
    this.script = script;
    this.text = text;
    this.firstLine = firstLine;
    this.line = firstLine;
  }

  static List<ShellToken> tokens(ScriptText script) {
    return new ShellLexer(script, script.joined(), 1).read();
  }

  /// Tokens of the commands inside `$( )`.
  static List<ShellToken> tokens(ScriptText script, String commands, int line) {
    return new ShellLexer(script, commands, line).read();
  }

  private Place place() {
    return script.at(line);
  }

  private boolean more() {
    return at < text.length();
  }

  private char take() {
    char c = text.charAt(at++);
    if (c == '\n') {
      line++;
    }
    return c;
  }

  private List<ShellToken> read() {
    while (more()) {
      char c = text.charAt(at);
      if (c == ' ' || c == '\t' || c == '\r') {
        at++;
      } else if (text.startsWith("\\\n", at)) {
        at++;
        take();
      } else if (c == '#') {
        skipComment();
      } else if (c == '\n') {
        tokens.add(new ShellToken.Operator("\n", place()));
        take();
        skipHereDocuments();
      } else if (";&|()".indexOf(c) >= 0) {
        operator();
      } else if (c == '<' || c == '>') {
        redirect("");
      } else {
        word();
      }
    }
    return tokens;
  }

  private void skipComment() {
    while (more() && text.charAt(at) != '\n') {
      at++;
    }
  }

  private void operator() {
    if (text.startsWith("&>", at)) {
      at++;
      redirect("&");
      return;
    }
    String both = text.substring(at, Math.min(text.length(), at + 2));
    int length = both.equals("&&") || both.equals("||") || both.equals(";;") ? 2 : 1;
    tokens.add(new ShellToken.Operator(text.substring(at, at + length), place()));
    at += length;
  }

  private void redirect(String stream) {
    Place place = place();
    int start = at;
    while (more() && "<>&|".indexOf(text.charAt(at)) >= 0) {
      at++;
    }
    String operator = text.substring(start, at);
    if (operator.equals("<") && more() && text.charAt(at) == '(') {
      throw place.problem("<( ) is not followed; write the command without it");
    }
    while (more() && text.charAt(at) == ' ') {
      at++;
    }
    int target = at;
    while (more() && " \t\n;&|)".indexOf(text.charAt(at)) < 0) {
      at++;
    }
    String to = text.substring(target, at);
    if (operator.startsWith("<<") && !operator.equals("<<<")) {
      hereDocuments.add(to.replaceFirst("^-", "").replaceAll("['\"\\\\]", ""));
    }
    tokens.add(new ShellToken.Redirect(stream + operator + to, place));
  }

  private void skipHereDocuments() {
    for (String end : hereDocuments) {
      boolean found = false;
      while (more() && !found) {
        int stop = text.indexOf('\n', at);
        String read = text.substring(at, stop < 0 ? text.length() : stop);
        at = stop < 0 ? text.length() : stop + 1;
        line++;
        found = read.strip().equals(end);
      }
    }
    hereDocuments.clear();
  }

  // ---- words ----------------------------------------------------------------------------------

  private void word() {
    Place place = place();
    Matcher array = ARRAY.matcher(text).region(at, text.length());
    if (array.lookingAt()) {
      at = array.end();
      tokens.add(
          new ShellToken.Array(array.group(1), !array.group(2).isEmpty(), arrayWords(), place));
      return;
    }
    ShellWord word = readWord();
    boolean stream =
        word.keyword().filter(name -> name.matches("[0-9]")).isPresent()
            && more()
            && (text.charAt(at) == '>' || text.charAt(at) == '<');
    if (stream) {
      redirect(word.keyword().orElseThrow());
    } else {
      tokens.add(new ShellToken.Word(word));
    }
  }

  private List<ShellWord> arrayWords() {
    Place place = place();
    List<ShellWord> words = new ArrayList<>();
    while (more() && text.charAt(at) != ')') {
      char c = text.charAt(at);
      if (Character.isWhitespace(c)) {
        take();
      } else if (text.startsWith("\\\n", at)) {
        at++;
        take();
      } else if (c == '#') {
        skipComment();
      } else {
        words.add(readWord());
      }
    }
    if (!more()) {
      throw place.problem("the list opened here with ( is not closed");
    }
    at++;
    return words;
  }

  private ShellWord readWord() {
    Place place = place();
    List<Part> parts = new ArrayList<>();
    StringBuilder plain = new StringBuilder();
    int begun = at;
    while (more() && " \t\r\n;&|()<>".indexOf(text.charAt(at)) < 0) {
      char c = text.charAt(at);
      switch (c) {
        case '\'', '"' -> {
          flush(plain, parts);
          if (c == '"') {
            doubleQuoted(parts);
          } else {
            parts.add(new Part.Text(singleQuoted(), true));
          }
        }
        case '$', '`' -> {
          flush(plain, parts);
          dollar(parts, false);
        }
        case '\\' -> {
          at++;
          if (more() && text.charAt(at) == '\n') {
            take();
          } else if (more()) {
            flush(plain, parts);
            parts.add(new Part.Text(String.valueOf(text.charAt(at++)), true));
          }
        }
        default -> {
          plain.append(c);
          at++;
        }
      }
    }
    flush(plain, parts);
    if (at == begun) {
      throw place.problem("\"%s\" is unexpected here".formatted(text.charAt(at)));
    }
    return new ShellWord(parts, place);
  }

  private static void flush(StringBuilder plain, List<Part> parts) {
    if (!plain.isEmpty()) {
      parts.add(new Part.Text(plain.toString(), false));
      plain.setLength(0);
    }
  }

  private String singleQuoted() {
    Place place = place();
    at++;
    int end = text.indexOf('\'', at);
    if (end < 0) {
      throw place.problem("the quote ' opened here is not closed");
    }
    String inner = text.substring(at, end);
    line += (int) inner.chars().filter(c -> c == '\n').count();
    at = end + 1;
    return inner;
  }

  private void doubleQuoted(List<Part> parts) {
    Place place = place();
    at++;
    StringBuilder plain = new StringBuilder();
    while (more() && text.charAt(at) != '"') {
      char c = text.charAt(at);
      if (c == '$' || c == '`') {
        parts.add(new Part.Text(plain.toString(), true));
        plain.setLength(0);
        dollar(parts, true);
      } else if (c == '\\' && at + 1 < text.length()) {
        at++;
        char escaped = take();
        if (escaped != '\n') {
          plain.append("\"\\$`".indexOf(escaped) >= 0 ? "" : "\\").append(escaped);
        }
      } else {
        plain.append(take());
      }
    }
    if (!more()) {
      throw place.problem("the quote \" opened here is not closed");
    }
    at++;
    parts.add(new Part.Text(plain.toString(), true));
  }

  /// Reads what a `$` or a backtick begins.
  private void dollar(List<Part> parts, boolean quoted) {
    if (text.charAt(at) == '`') {
      int end = text.indexOf('`', at + 1);
      if (end < 0) {
        throw place().problem("the quote ` opened here is not closed");
      }
      parts.add(new Part.Substitution(text.substring(at + 1, end), quoted));
      at = end + 1;
    } else if (text.startsWith("$((", at)) {
      String inner = enclosed(at + 1, '(', ')');
      parts.add(new Part.Sum(inner.substring(1, Math.max(1, inner.length() - 1)), quoted));
    } else if (text.startsWith("$(", at)) {
      parts.add(new Part.Substitution(enclosed(at + 1, '(', ')'), quoted));
    } else if (text.startsWith("${", at)) {
      variable(enclosed(at + 1, '{', '}'), parts, quoted);
    } else if (text.startsWith("$'", at) && !quoted) {
      at++;
      parts.add(new Part.Text(singleQuoted(), true));
    } else {
      Matcher name = NAME.matcher(text).region(at + 1, text.length());
      if (name.lookingAt()) {
        parts.add(new Part.Variable(name.group(), "", quoted));
        at = name.end();
      } else {
        parts.add(new Part.Text("$", true));
        at++;
      }
    }
  }

  private void variable(String inner, List<Part> parts, boolean quoted) {
    Matcher name = NAME.matcher(inner);
    if ((inner.startsWith("#") && inner.length() > 1) || !name.lookingAt()) {
      parts.add(new Part.Variable(inner, "#", quoted));
    } else {
      parts.add(new Part.Variable(name.group(), inner.substring(name.end()), quoted));
    }
  }

  /// What stands between the bracket at `open` and its partner; quotes inside are passed over.
  private String enclosed(int open, char opening, char closing) {
    Place place = place();
    int depth = 0;
    char quote = 0;
    for (int i = open; i < text.length(); i++) {
      char c = text.charAt(i);
      if (c == '\n') {
        line++;
      }
      if (quote != 0) {
        if (c == quote) {
          quote = 0;
        }
      } else if (c == '\'' || c == '"') {
        quote = c;
      } else if (c == opening) {
        depth++;
      } else if (c == closing && --depth == 0) {
        at = i + 1;
        return text.substring(open + 1, i);
      }
    }
    line = Math.max(firstLine, place.line());
    throw place.problem("the %s opened here is not closed".formatted(opening));
  }
}
