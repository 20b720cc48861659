package dev.anima.runs.script;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// Reads the commands of a PowerShell script, word by word.
abstract class PsCommands extends PsExpressions {
  PsCommands(ScriptText script) {
    super(script);
  }

  PsNode call(Place place) {
    List<PsExpression> words = new ArrayList<>();
    List<String> notes = new ArrayList<>();
    if (here() == '&' || starts(". ")) {
      at++; // the call operators
    }
    blanks();
    while (more() && here() != '\n' && here() != ';' && here() != '}') {
      if (here() == '|') {
        notes.add("its output is not piped (%s)".formatted(restOfStatement()));
      } else if (here() == '>' || matcher(Pattern.compile("[0-9*]>")).lookingAt()) {
        String redirection = redirection();
        if (!redirection.contains("&1") && !redirection.contains("$null")) {
          notes.add("its output is not sent to a file (%s)".formatted(redirection));
        }
      } else if (here() == '&') {
        at++; // in the background
      } else {
        words.add(word());
      }
      blanks();
    }
    if (words.isEmpty()) {
      throw unexpected();
    }
    return new PsNode.Call(place, words, notes);
  }

  String redirection() {
    int start = at;
    while (more() && "0123456789*>&".indexOf(here()) >= 0) {
      at++;
    }
    blanks();
    if (!text.substring(start, at).contains("&")) {
      word();
    }
    return text.substring(start, at).strip();
  }

  /// A word of a command: plain characters with variables and quoted pieces.
  PsExpression word() {
    if (here() == '(') {
      at++;
      return inParentheses();
    }
    if (here() == '@' && more() && Character.isLetter(text.charAt(at + 1))) {
      Matcher list = matcher(Pattern.compile("@([A-Za-z0-9_]+)"));
      if (list.lookingAt()) {
        at = list.end();
        return new PsExpression.Variable(list.group(1).toLowerCase(Locale.ROOT));
      }
    }
    if (starts("@(") || starts("@{")) {
      return primary();
    }
    List<PsExpression> pieces = new ArrayList<>();
    StringBuilder plain = new StringBuilder();
    while (more() && " \t\r\n;|}".indexOf(here()) < 0) {
      char c = here();
      if (c == '"' || c == '\'') {
        flush(plain, pieces);
        pieces.add(primary());
      } else if (c == '$') {
        flush(plain, pieces);
        pieces.add(dollar());
      } else if (c == '`') {
        if (at + 1 < text.length() && text.charAt(at + 1) == '\n') {
          break;
        }
        at++;
        plain.append(here());
        at++;
      } else if (c == '(' || c == ')') {
        throw place()
            .problem("PowerShell reads the parenthesis in this word: put the word in quotes");
      } else {
        plain.append(c);
        at++;
      }
    }
    flush(plain, pieces);
    return pieces.size() == 1 ? pieces.getFirst() : new PsExpression.Joined(pieces);
  }

  /// What stands behind `=`.
  PsExpression assigned() {
    blanks();
    int start = at;
    boolean command = Character.isLetter(here()) || here() == '&' || starts(".\\") || starts("./");
    if (command) {
      if (keyword("if") || keyword("foreach") || keyword("switch") || keyword("while")) {
        return new PsExpression.Other(restOfStatement());
      }
      PsNode.Call call = (PsNode.Call) call(place());
      return new PsExpression.Output(call.words());
    }
    PsExpression value = logical(false);
    blanks();
    if (more() && here() != '\n' && here() != ';' && here() != '}') {
      restOfStatement();
      return new PsExpression.Other(text.substring(start, at).strip());
    }
    return value;
  }
}
