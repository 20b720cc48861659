package dev.anima.runs.script;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// From the text of a PowerShell script to its statements.
final class PsParser extends PsCommands {
  private static final Set<String> OPAQUE =
      Set.of("while", "for", "do", "switch", "function", "filter", "class", "trap", "catch");

  private PsParser(ScriptText script) {
    super(script);
  }

  static PsNode parse(ScriptText script) {
    PsParser parser = new PsParser(script);
    PsNode node = parser.block();
    if (parser.more()) {
      throw parser.unexpected();
    }
    return node;
  }

  private PsNode block() {
    Place place = place();
    List<PsNode> nodes = new ArrayList<>();
    blanksAndLines();
    while (more() && here() != '}') {
      nodes.add(statement());
      blanksAndLines();
    }
    return nodes.size() == 1 ? nodes.getFirst() : new PsNode.Block(place, nodes);
  }

  private PsNode braces() {
    blanksAndLines();
    Place place = place();
    take("{");
    PsNode node = block();
    if (here() != '}') {
      throw place.problem("the { opened here is not closed");
    }
    at++;
    return node;
  }

  private PsNode statement() {
    Place place = place();
    if (keyword("if")) {
      at += 2;
      return condition(place);
    }
    if (keyword("foreach")) {
      return loop(place);
    }
    if (keyword("try") || keyword("finally")) {
      at += keyword("try") ? 3 : 7;
      return braces();
    }
    if (keyword("param")) {
      return parameters(place);
    }
    for (String word : OPAQUE) {
      if (keyword(word)) {
        return opaque(place, word);
      }
    }
    return assignmentOrCall(place);
  }

  private PsNode condition(Place place) {
    blanksAndLines();
    take("(");
    PsExpression condition = inParentheses();
    PsNode then = braces();
    int behind = at;
    blanksAndLines();
    if (keyword("elseif")) {
      Place inner = place();
      at += 6;
      return new PsNode.If(place, condition, then, condition(inner));
    }
    if (keyword("else")) {
      at += 4;
      return new PsNode.If(place, condition, then, braces());
    }
    at = behind;
    return new PsNode.If(place, condition, then, new PsNode.Block(place, List.of()));
  }

  private PsNode loop(Place place) {
    at += "foreach".length();
    blanks();
    take("(");
    blanks();
    Matcher variable = matcher(VARIABLE);
    if (!variable.lookingAt()) {
      throw unexpected();
    }
    at = variable.end();
    blanks();
    take("in");
    PsExpression items = inParentheses();
    return new PsNode.ForEach(place, name(variable), items, braces());
  }

  /// `param([int]$dim = 4, $name = "nami")`: the defaults count.
  private PsNode parameters(Place place) {
    at += "param".length();
    blanks();
    take("(");
    List<PsNode> nodes = new ArrayList<>();
    blanksAndLines();
    while (more() && here() != ')') {
      skipTypes();
      blanksAndLines();
      Matcher variable = matcher(VARIABLE);
      if (!variable.lookingAt()) {
        throw unexpected();
      }
      at = variable.end();
      blanksAndLines();
      if (here() == '=') {
        at++;
        blanks();
        nodes.add(new PsNode.Assign(place(), name(variable), false, primary()));
      }
      blanksAndLines();
      if (here() == ',') {
        at++;
      }
      blanksAndLines();
    }
    take(")");
    return new PsNode.Block(place, nodes);
  }

  private PsNode opaque(Place place, String word) {
    at += word.length();
    while (more() && here() != '{' && here() != '\n') {
      if (here() == '(') {
        enclosed('(', ')');
      } else {
        at++;
      }
    }
    PsNode body = braces();
    blanks();
    if (word.equals("do") && (keyword("while") || keyword("until"))) {
      restOfStatement();
    }
    return new PsNode.Opaque(place, word, body);
  }

  private PsNode assignmentOrCall(Place place) {
    int start = at;
    skipTypes();
    Matcher variable = matcher(VARIABLE);
    if (variable.lookingAt()) {
      String name = name(variable);
      at = variable.end();
      Matcher add = matcher(Pattern.compile("\\.(Add|AddRange)\\(", Pattern.CASE_INSENSITIVE));
      if (add.lookingAt()) {
        at = add.end();
        PsExpression value = inParentheses();
        restOfStatement();
        return new PsNode.Add(place, name, value);
      }
      blanks();
      if (starts("+=") || (here() == '=' && !starts("=="))) {
        boolean append = here() == '+';
        at += append ? 2 : 1;
        return new PsNode.Assign(place, name, append, assigned());
      }
      restOfStatement(); // an expression whose value is shown
      return new PsNode.Block(place, List.of());
    }
    at = start;
    if (here() == '"' || here() == '\'' || here() == '(' || here() == '[' || here() == '@') {
      restOfStatement();
      return new PsNode.Block(place, List.of());
    }
    return call(place);
  }
}
