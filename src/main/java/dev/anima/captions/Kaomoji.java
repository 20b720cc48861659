package dev.anima.captions;

import java.util.Set;

/// Tags made of punctuation: their underscores and brackets belong to the face.
public final class Kaomoji {
  private static final Set<String> FACES =
      Set.of(
          "0_0", "(o)_(o)", "+_+", "+_-", "._.", "<o>_<o>", "<|>_<|>", "=_=", ">_<", "3_3", "6_9",
          ">_o", "@_@", "^_^", "o_o", "u_u", "x_x", "|_|", "||_||");

  private Kaomoji() {}

  /// One of the known faces, or a tag without any letter or digit, such as `:)`.
  public static boolean is(String tag) {
    return FACES.contains(tag) || tag.codePoints().noneMatch(Character::isLetterOrDigit);
  }
}
