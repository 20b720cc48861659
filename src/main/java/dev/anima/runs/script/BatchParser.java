package dev.anima.runs.script;

import dev.anima.runs.script.BatchToken.Kind;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;

/// From the tokens of one batch command to its structure.
final class BatchParser {
  private final List<BatchToken> tokens;
  private int next;

  private BatchParser(List<BatchToken> tokens) {
    this.tokens = tokens;
  }

  static BatchNode parse(List<BatchToken> tokens) {
    BatchParser parser = new BatchParser(tokens);
    BatchNode node = parser.block();
    if (parser.more()) {
      throw parser
          .peek()
          .place()
          .problem("\"%s\" is unexpected here".formatted(parser.peek().text()));
    }
    return node;
  }

  private boolean more() {
    return next < tokens.size();
  }

  private BatchToken peek() {
    return tokens.get(next);
  }

  private boolean at(Kind kind) {
    return more() && peek().is(kind);
  }

  private boolean atWord(String word) {
    return more() && peek().isWord(word);
  }

  private Place place() {
    return (more() ? peek() : tokens.getLast()).place();
  }

  /// Commands up to a closing parenthesis or the end.
  private BatchNode block() {
    Place place = place();
    List<BatchNode> nodes = new ArrayList<>();
    while (more() && !at(Kind.CLOSE)) {
      if (at(Kind.NEXT)) {
        next++;
      } else {
        nodes.add(chain());
      }
    }
    return nodes.size() == 1 ? nodes.getFirst() : new BatchNode.Block(place, nodes);
  }

  private BatchNode chain() {
    BatchNode node = command();
    while (at(Kind.AND) || at(Kind.OR)) {
      boolean and = tokens.get(next++).is(Kind.AND);
      node = new BatchNode.Chain(node.place(), node, and, command());
    }
    return node;
  }

  private BatchNode command() {
    if (!more()) {
      throw tokens.getLast().place().problem("a command is missing at the end");
    }
    if (at(Kind.OPEN)) {
      return parenthesised();
    }
    if (atWord("if")) {
      return condition();
    }
    if (atWord("for")) {
      return loop();
    }
    return simple();
  }

  private BatchNode parenthesised() {
    Place place = tokens.get(next++).place();
    BatchNode inner = block();
    if (!at(Kind.CLOSE)) {
      throw place.problem("the parenthesis opened here is not closed");
    }
    next++;
    while (at(Kind.REDIRECT)) {
      next++; // of a whole block; its commands print to the terminal anyway
    }
    return inner;
  }

  private BatchNode condition() {
    Place place = tokens.get(next++).place();
    List<String> words = new ArrayList<>();
    int wanted = 1;
    while (more() && peek().is(Kind.WORD) && words.size() < wanted) {
      String word = tokens.get(next++).text();
      words.add(word);
      wanted += extraWords(word, words.size() == wanted);
    }
    BatchNode then = command();
    skipLinesBeforeElse();
    Optional<BatchNode> otherwise = Optional.empty();
    if (atWord("else")) {
      next++;
      otherwise = Optional.of(command());
    }
    return new BatchNode.If(place, words, then, otherwise);
  }

  /// How many words a condition has beyond this one: `not exist FILE`, `"a"=="b"`, `a == b`.
  private int extraWords(String word, boolean last) {
    String lower = word.toLowerCase(Locale.ROOT);
    if (Set.of("not", "/i", "exist", "defined", "errorlevel").contains(lower)) {
      return last ? 1 : 0;
    }
    boolean comparisonFollows =
        more()
            && (peek().text().startsWith("==")
                || Set.of("equ", "neq", "gtr", "lss", "geq", "leq")
                    .contains(peek().text().toLowerCase(Locale.ROOT)));
    if (comparisonFollows) {
      return peek().text().startsWith("==") && peek().text().length() > 2 ? 1 : 2;
    }
    return word.endsWith("==") && last ? 1 : 0;
  }

  private void skipLinesBeforeElse() {
    if (at(Kind.NEXT)
        && next + 1 < tokens.size()
        && peek().text().equals("newline")
        && tokens.get(next + 1).isWord("else")) {
      next++;
    }
  }

  private BatchNode loop() {
    Place place = tokens.get(next++).place();
    List<String> head = new ArrayList<>();
    while (at(Kind.WORD) && !atWord("in")) {
      head.add(tokens.get(next++).text());
    }
    List<String> set = new ArrayList<>();
    if (!atWord("in") || next + 1 >= tokens.size() || !tokens.get(next + 1).is(Kind.OPEN)) {
      throw place.problem("this \"for\" cannot be understood; write its commands one by one");
    }
    next += 2;
    while (more() && !at(Kind.CLOSE)) {
      if (at(Kind.WORD)) {
        set.add(peek().text());
      }
      next++;
    }
    next++;
    if (!atWord("do")) {
      throw place.problem("this \"for\" has no \"do\"");
    }
    next++;
    return new BatchNode.For(place, head, set, command());
  }

  private BatchNode simple() {
    Place place = place();
    List<String> words = new ArrayList<>();
    List<String> notes = new ArrayList<>();
    while (at(Kind.WORD) || at(Kind.REDIRECT)) {
      BatchToken token = tokens.get(next++);
      if (token.is(Kind.WORD)) {
        words.add(token.text());
      } else if (!token.text().contains("&")
          && !token.text().toLowerCase(Locale.ROOT).endsWith("nul")) {
        notes.add("its output is not sent to a file (%s)".formatted(token.text()));
      }
    }
    if (at(Kind.PIPE)) {
      List<String> rest = new ArrayList<>();
      while (at(Kind.PIPE) || at(Kind.WORD) || at(Kind.REDIRECT)) {
        rest.add(tokens.get(next++).text());
      }
      notes.add("its output is not piped (%s)".formatted(String.join(" ", rest)));
    }
    if (words.isEmpty() && more() && !at(Kind.NEXT) && !at(Kind.CLOSE)) {
      throw place.problem("\"%s\" is unexpected here".formatted(peek().text()));
    }
    return new BatchNode.Simple(place, words, notes);
  }
}
