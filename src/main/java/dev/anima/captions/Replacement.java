package dev.anima.captions;

import dev.anima.config.NearestName;
import dev.anima.io.InputException;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.MatchResult;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// What is put in place of a match of a regular expression.
public final class Replacement {
  private static final Pattern REFERENCE =
      Pattern.compile(
          "\\$(\\d+)|\\$\\{(\\w+)}|\\\\(\\d)|\\\\g<(\\w+)>|\\\\([\\\\$])|\\\\(?<wrong>.?)");

  private sealed interface Part {
    record Literal(String text) implements Part {}

    record Group(int number) implements Part {}

    record Named(String name) implements Part {}
  }

  private final List<Part> parts;

  private Replacement(List<Part> parts) {
    this.parts = List.copyOf(parts);
  }

  /// The same text for every match.
  static Replacement literal(String text) {
    return new Replacement(List.of(new Part.Literal(text)));
  }

  static Replacement parse(String template, int groups, List<String> names) {
    List<Part> parts = new ArrayList<>();
    Matcher reference = REFERENCE.matcher(template);
    int end = 0;
    while (reference.find()) {
      parts.add(new Part.Literal(template.substring(end, reference.start())));
      parts.add(part(reference, groups, names));
      end = reference.end();
    }
    parts.add(new Part.Literal(template.substring(end)));
    return new Replacement(parts);
  }

  private static Part part(Matcher reference, int groups, List<String> names) {
    if (reference.group("wrong") != null) {
      throw new InputException(
          "the replacement holds \"%s\": expected a group such as \\1 or $1; write \\\\ for a backslash"
              .formatted(reference.group()));
    }
    if (reference.group(5) != null) {
      return new Part.Literal(reference.group(5));
    }
    for (int i : new int[] {1, 3}) {
      if (reference.group(i) != null) {
        return number(reference, reference.group(i), groups);
      }
    }
    String name = reference.group(2) != null ? reference.group(2) : reference.group(4);
    if (name.chars().allMatch(Character::isDigit)) {
      return number(reference, name, groups);
    }
    String known = PythonRegex.groupName(name);
    if (!names.contains(known)) {
      throw new InputException(
          "the replacement names the group \"%s\", which the regular expression does not have%s"
              .formatted(name, NearestName.hint(known, names)));
    }
    return new Part.Named(known);
  }

  private static Part number(Matcher reference, String digits, int groups) {
    if (digits.length() > 4 || Integer.parseInt(digits) > groups) {
      throw new InputException(
          "the replacement names group %s, but the regular expression has %d"
              .formatted(reference.group(), groups));
    }
    return new Part.Group(Integer.parseInt(digits));
  }

  void appendTo(StringBuilder out, MatchResult match) {
    for (Part part : parts) {
      String text =
          switch (part) {
            case Part.Literal(String literal) -> literal;
            case Part.Group(int number) -> match.group(number);
            case Part.Named(String name) -> match.group(name);
          };
      out.append(text == null ? "" : text); // a group that took no part in the match
    }
  }
}
