package dev.anima.runs.script;

import dev.anima.io.InputException;
import dev.anima.runs.script.ShellWord.Part;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/// From the tokens of a shell script to its commands.
final class ShellParser {
  private final List<ShellToken> tokens;
  private final Place end;
  private int next;

  private ShellParser(List<ShellToken> tokens, Place end) {
    this.tokens = tokens;
    this.end = end;
  }

  static ShellNode parse(List<ShellToken> tokens, Place end) {
    ShellParser parser = new ShellParser(tokens, end);
    ShellNode node = parser.block(Set.of());
    if (parser.more()) {
      throw parser.unexpected();
    }
    return node;
  }

  private boolean more() {
    return next < tokens.size();
  }

  private ShellToken peek() {
    return tokens.get(next);
  }

  private Place place() {
    return more() ? peek().place() : end;
  }

  private boolean atOperator(String text) {
    return more() && peek().isOperator(text);
  }

  private boolean atKeyword(String word) {
    return more() && peek() instanceof ShellToken.Word(ShellWord read) && read.is(word);
  }

  private boolean atAny(Set<String> keywords) {
    return keywords.stream().anyMatch(word -> atOperator(word) || atKeyword(word));
  }

  private InputException unexpected() {
    String shown =
        switch (peek()) {
          case ShellToken.Word(ShellWord word) -> word.shown();
          case ShellToken.Operator(String text, _) -> text;
          case ShellToken.Redirect(String text, _) -> text;
          case ShellToken.Array(String name, _, _, _) -> name + "=(";
        };
    return place().problem("\"%s\" is unexpected here".formatted(shown));
  }

  private void expect(Place opened, String what, String keyword) {
    if (!atKeyword(keyword) && !atOperator(keyword)) {
      throw opened.problem("this \"%s\" has no \"%s\"".formatted(what, keyword));
    }
    next++;
  }

  private void skipSeparators() {
    while (atOperator("\n") || atOperator(";") || atOperator("&")) {
      next++;
    }
  }

  /// Commands up to one of `ends` (not taken) or the end.
  private ShellNode block(Set<String> ends) {
    Place place = place();
    List<ShellNode> nodes = new ArrayList<>();
    skipSeparators();
    while (more() && !atAny(ends)) {
      nodes.add(chain());
      if (more() && !atAny(ends) && !atOperator("\n") && !atOperator(";") && !atOperator("&")) {
        throw unexpected();
      }
      skipSeparators();
    }
    return nodes.size() == 1 ? nodes.getFirst() : new ShellNode.Block(place, nodes);
  }

  private ShellNode chain() {
    ShellNode node = command();
    while (atOperator("&&") || atOperator("||")) {
      boolean and = peek().isOperator("&&");
      next++;
      while (atOperator("\n")) {
        next++;
      }
      node = new ShellNode.Chain(node.place(), node, and, command());
    }
    return node;
  }

  private ShellNode command() {
    Place place = place();
    if (!more()) {
      throw place.problem("a command is missing at the end");
    }
    if (atOperator("(")) {
      next++;
      ShellNode inner = block(Set.of(")"));
      expect(place, "(", ")");
      return new ShellNode.Opaque(place, "( )", inner);
    }
    if (atKeyword("!")) {
      next++;
      return new ShellNode.Not(place, command());
    }
    if (atKeyword("{")) {
      next++;
      ShellNode inner = block(Set.of("}"));
      expect(place, "{", "}");
      return inner;
    }
    if (atKeyword("[[")) {
      return test();
    }
    if (atKeyword("if")) {
      next++;
      return condition(place);
    }
    if (atKeyword("for")) {
      return loop();
    }
    if (atKeyword("while") || atKeyword("until")) {
      next++;
      ShellNode head = block(Set.of("do"));
      expect(place, "while", "do");
      ShellNode body = block(Set.of("done"));
      expect(place, "while", "done");
      return new ShellNode.Opaque(place, "while", new ShellNode.Block(place, List.of(head, body)));
    }
    if (atKeyword("case")) {
      return choice();
    }
    if (isFunction()) {
      return function();
    }
    return simple();
  }

  private ShellNode test() {
    Place place = place();
    next++;
    List<ShellWord> words = new ArrayList<>();
    while (more() && !atKeyword("]]")) {
      switch (tokens.get(next++)) {
        case ShellToken.Word(ShellWord word) -> words.add(word);
        case ShellToken.Operator(String text, Place at) ->
            words.add(new ShellWord(List.of(new Part.Text(text, false)), at));
        case ShellToken.Redirect(String text, Place at) ->
            words.add(new ShellWord(List.of(new Part.Text(text, false)), at));
        case ShellToken.Array array -> throw array.place().problem("( ) is unexpected here");
      }
    }
    expect(place, "[[", "]]");
    return new ShellNode.Brackets(place, words);
  }

  /// Behind `if` or `elif`.
  private ShellNode condition(Place place) {
    ShellNode condition = block(Set.of("then"));
    expect(place, "if", "then");
    ShellNode then = block(Set.of("elif", "else", "fi"));
    if (atKeyword("elif")) {
      Place inner = place();
      next++;
      return new ShellNode.If(place, condition, then, condition(inner));
    }
    ShellNode otherwise = new ShellNode.Block(place, List.of());
    if (atKeyword("else")) {
      next++;
      otherwise = block(Set.of("fi"));
    }
    expect(place, "if", "fi");
    return new ShellNode.If(place, condition, then, otherwise);
  }

  private ShellNode loop() {
    Place place = place();
    next++;
    String variable =
        more() && peek() instanceof ShellToken.Word(ShellWord word)
            ? word.keyword().orElse("")
            : "";
    boolean plain = variable.matches("[A-Za-z_][A-Za-z0-9_]*");
    List<ShellWord> words = new ArrayList<>();
    if (plain) {
      next++;
      plain = atKeyword("in");
      if (plain) {
        next++;
      }
    }
    while (more() && !atKeyword("do")) {
      if (tokens.get(next++) instanceof ShellToken.Word(ShellWord word)) {
        words.add(word);
      }
    }
    expect(place, "for", "do");
    ShellNode body = block(Set.of("done"));
    expect(place, "for", "done");
    return plain
        ? new ShellNode.For(place, variable, words, body)
        : new ShellNode.Opaque(place, "for", body);
  }

  private ShellNode choice() {
    Place place = place();
    next++;
    List<ShellNode> bodies = new ArrayList<>();
    while (more() && !atKeyword("in")) {
      next++;
    }
    expect(place, "case", "in");
    skipSeparators();
    while (more() && !atKeyword("esac")) {
      while (more() && !atOperator(")")) {
        next++;
      }
      expect(place, "case", ")");
      bodies.add(block(Set.of(";;", "esac")));
      while (atOperator(";;") || atOperator("\n")) {
        next++;
      }
    }
    expect(place, "case", "esac");
    return new ShellNode.Opaque(place, "case", new ShellNode.Block(place, bodies));
  }

  private boolean isFunction() {
    return atKeyword("function")
        || (more()
            && peek() instanceof ShellToken.Word
            && next + 2 < tokens.size()
            && tokens.get(next + 1).isOperator("(")
            && tokens.get(next + 2).isOperator(")"));
  }

  private ShellNode function() {
    Place place = place();
    while (more() && !atKeyword("{")) {
      next++;
    }
    expect(place, "function", "{");
    ShellNode body = block(Set.of("}"));
    expect(place, "function", "}");
    return new ShellNode.Opaque(place, "function", body);
  }

  private ShellNode simple() {
    Place place = place();
    List<ShellWord> words = new ArrayList<>();
    List<ShellToken.Array> arrays = new ArrayList<>();
    List<String> notes = new ArrayList<>();
    boolean taken = true;
    while (more() && taken) {
      switch (peek()) {
        case ShellToken.Word(ShellWord word) -> words.add(word);
        case ShellToken.Array array -> arrays.add(array);
        case ShellToken.Redirect(String text, _) -> {
          if (!text.contains("/dev/null") && !text.contains("&1") && !text.contains("&2")) {
            notes.add("its output is not sent to a file (%s)".formatted(text));
          }
        }
        case ShellToken.Operator _ -> taken = false;
      }
      if (taken) {
        next++;
      }
    }
    if (words.isEmpty() && arrays.isEmpty() && notes.isEmpty()) {
      throw unexpected();
    }
    if (atOperator("|")) {
      notes.add("its output is not piped (%s)".formatted(pipe()));
    }
    return new ShellNode.Simple(place, words, arrays, notes);
  }

  /// The commands behind a pipe, passed over.
  private String pipe() {
    StringBuilder rest = new StringBuilder();
    while (more()
        && (peek() instanceof ShellToken.Word
            || peek() instanceof ShellToken.Redirect
            || atOperator("|"))) {
      switch (tokens.get(next++)) {
        case ShellToken.Word(ShellWord word) -> rest.append(' ').append(word.shown());
        case ShellToken.Operator(String text, _) -> rest.append(' ').append(text);
        case ShellToken.Redirect(String text, _) -> rest.append(' ').append(text);
        case ShellToken.Array _ -> {}
      }
    }
    return rest.toString().strip();
  }
}
