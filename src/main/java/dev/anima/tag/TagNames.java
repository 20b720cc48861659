package dev.anima.tag;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/// How the labels of a model are spelt in captions.
final class TagNames {
  /// Faces whose underscore is no space (TagGUI's list).
  private static final Set<String> KAOMOJI =
      Set.of(
          "0_0", "(o)_(o)", "+_+", "+_-", "._.", "<o>_<o>", "<|>_<|>", "=_=", ">_<", "3_3", "6_9",
          ">_o", "@_@", "^_^", "o_o", "u_u", "x_x", "|_|", "||_||");

  /// sd-scripts takes names up to this long for faces.
  private static final int LONGEST_FACE = 3;

  private TagNames() {}

  /// What becomes of underscores.
  enum Underscores {
    KEEP,
    /// Spaces in names longer than three letters.
    SPACES_IN_LONG_NAMES,
    /// Spaces, but for TagGUI's list of faces.
    SPACES_BUT_FACES,
    SPACES;

    String apply(String name) {
      boolean kept =
          switch (this) {
            case KEEP -> true;
            case SPACES_IN_LONG_NAMES -> name.codePointCount(0, name.length()) <= LONGEST_FACE;
            case SPACES_BUT_FACES -> KAOMOJI.contains(name);
            case SPACES -> false;
          };
      return kept ? name : name.replace('_', ' ');
    }
  }

  /// The names of all labels. A character that is expanded stays one entry, with the separator
  /// inside, as in sd-scripts.
  static List<String> of(TagList list, TagRules rules) {
    List<String> names = new ArrayList<>(list.size());
    for (TagList.Label label : list.labels()) {
      String name = label.name();
      if (rules.expandCharacters() && label.category() == TagCategory.CHARACTER) {
        name = expanded(name, rules.separator(), rules.underscores());
      } else {
        name = rules.underscores().apply(name);
      }
      names.add(Replacement.apply(rules.replacements(), name));
    }
    return names;
  }

  /// `artoria_(x)_(fate)` to `artoria_(x), fate`.
  private static String expanded(String name, String separator, Underscores underscores) {
    int open = name.lastIndexOf('(');
    if (!name.endsWith(")") || open < 0) {
      return underscores.apply(name);
    }
    String character = name.substring(0, open);
    if (character.endsWith("_")) {
      character = character.substring(0, character.length() - 1);
    }
    // Replaced as one text: sd-scripts measures the length of the whole entry.
    String series = name.substring(open + 1).replace(")", "");
    return underscores.apply(character + separator + series);
  }
}
