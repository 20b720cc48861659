package dev.anima.captions;

import dev.anima.io.InputException;
import java.util.ArrayList;
import java.util.List;
import java.util.function.IntPredicate;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;

/// Which tags are meant: one tag, or tags by `*` (any run), `?` (one character), `[abc]` and
/// `[!abc]` (one of a set, or none of it). Upper and lower case differ.
public sealed interface TagPattern {
  boolean matches(String tag);

  /// Exactly this tag.
  record Literal(String tag) implements TagPattern {
    @Override
    public boolean matches(String other) {
      return tag.equals(other);
    }
  }

  /// A regular expression that must cover the whole tag.
  record Regex(BoundedRegex regex) implements TagPattern {
    @Override
    public boolean matches(String tag) {
      return regex.matches(tag);
    }
  }

  /// A pattern with wildcards. Takes at most as many steps as the product of both lengths.
  record Glob(List<Piece> pieces) implements TagPattern {
    /// A piece of a pattern.
    sealed interface Piece {
      /// Any run of characters.
      record Run() implements Piece {}

      /// One character.
      record One(IntPredicate accepts) implements Piece {}
    }

    public Glob {
      pieces = List.copyOf(pieces);
    }

    @Override
    public boolean matches(String tag) {
      int[] letters = tag.codePoints().toArray();
      int at = 0;
      int piece = 0;
      int lastRun = -1; // the last star passed, and where it began to match
      int runStart = 0;
      while (at < letters.length) {
        if (piece < pieces.size() && pieces.get(piece) instanceof Piece.Run) {
          lastRun = piece++;
          runStart = at;
        } else if (piece < pieces.size()
            && pieces.get(piece) instanceof Piece.One(IntPredicate accepts)
            && accepts.test(letters[at])) {
          piece++;
          at++;
        } else if (lastRun >= 0) {
          piece = lastRun + 1;
          at = ++runStart;
        } else {
          return false;
        }
      }
      while (piece < pieces.size() && pieces.get(piece) instanceof Piece.Run) {
        piece++;
      }
      return piece == pieces.size();
    }
  }

  /// A pattern from text where a backslash takes the meaning from the character after it, but only
  /// from `*`, `?`, `[` and the backslash itself: in captions a backslash is a character of its
  /// own.
  ///
  /// @throws InputException if a set is not valid, such as `[z-a]`
  static TagPattern parse(String text) {
    StringBuilder plain = new StringBuilder();
    List<Glob.Piece> pieces = new ArrayList<>();
    boolean wild = false;
    for (int at = 0; at < text.length(); ) {
      int c = text.codePointAt(at);
      int setEnd = GlobSet.end(text, at);
      boolean escapes =
          c == '\\' && at + 1 < text.length() && "*?[\\".indexOf(text.charAt(at + 1)) >= 0;
      if (!escapes && (c == '*' || c == '?' || setEnd > 0)) {
        wild = true;
        pieces.add(
            c == '*'
                ? new Glob.Piece.Run()
                : new Glob.Piece.One(c == '?' ? _ -> true : GlobSet.of(text, at, setEnd)));
        at = setEnd > 0 ? setEnd : at + 1;
        continue;
      }
      at += escapes ? 1 : 0;
      int letter = text.codePointAt(at);
      plain.appendCodePoint(letter);
      pieces.add(new Glob.Piece.One(other -> other == letter));
      at += Character.charCount(letter);
    }
    return wild ? new Glob(pieces) : new Literal(plain.toString());
  }

  /// Whether any of `patterns` means `tag`.
  static boolean any(List<TagPattern> patterns, String tag) {
    return patterns.stream().anyMatch(pattern -> pattern.matches(tag));
  }

  /// `[abc]` in a pattern.
  final class GlobSet {
    private GlobSet() {}

    /// Where the set that begins at `start` ends, 0 if none begins there.
    static int end(String text, int start) {
      if (text.charAt(start) != '[') {
        return 0;
      }
      int at = start + 1;
      if (at < text.length() && text.charAt(at) == '!') {
        at++;
      }
      int close = text.indexOf(']', at + 1); // one that comes first is a member
      return close < 0 ? 0 : close + 1;
    }

    static IntPredicate of(String text, int start, int end) {
      String members = text.substring(start + 1, end - 1);
      boolean negative = members.startsWith("!");
      String plain = negative ? members.substring(1) : members;
      String escaped =
          plain.replaceAll("[\\\\\\[\\]&^]", "\\\\$0"); // a - between two stays a range
      try {
        Pattern set = Pattern.compile((negative ? "[^" : "[") + escaped + "]", Pattern.DOTALL);
        return c -> set.matcher(Character.toString(c)).matches();
      } catch (PatternSyntaxException e) {
        throw new InputException(
            "the set \"%s\" is not valid: %s"
                .formatted(text.substring(start, end), e.getDescription()),
            e);
      }
    }
  }
}
