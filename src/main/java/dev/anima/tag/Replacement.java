package dev.anima.tag;

import dev.anima.io.InputException;
import java.util.ArrayList;
import java.util.List;

/// One tag for another, as `--tag_replacement` asks.
record Replacement(String from, String to) {
  /// Reads `old,new;old2,new2`, where `\,` and `\;` are a comma and a semicolon inside a tag.
  ///
  /// @throws InputException if a pair is no pair
  static List<Replacement> parse(String text) {
    List<Replacement> replacements = new ArrayList<>();
    for (String pair : Escapes.split(text, ';')) {
      List<String> tags = Escapes.split(pair, ',');
      if (tags.size() != 2) {
        throw new InputException(
            "--tag_replacement: \"%s\" is not \"old,new\" (pairs are separated by ; and \\, is a comma inside a tag)"
                .formatted(Escapes.unescaped(pair)));
      }
      replacements.add(
          new Replacement(Escapes.unescaped(tags.get(0)), Escapes.unescaped(tags.get(1))));
    }
    return replacements;
  }

  static String apply(List<Replacement> replacements, String tag) {
    String result = tag;
    for (Replacement replacement : replacements) {
      if (result.equals(replacement.from)) {
        result = replacement.to;
      }
    }
    return result;
  }
}
