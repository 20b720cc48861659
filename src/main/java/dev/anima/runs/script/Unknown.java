package dev.anima.runs.script;

import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// Text that only executing the script would tell: a variable that is not set, the output of a
/// command. It travels inside words as a mark, so that `echo %TIME%` does no harm and
/// `--seed=%TIME%` is an error.
final class Unknown {
  // Characters for private use: no script contains them.
  private static final Pattern MARK = Pattern.compile("\uE000([^\uE001]*)\uE001([^\uE002]*)\uE002");

  /// From ASCII to characters for private use: a blank in a mark must not cut a word.
  private static final int SHIFT = 0xE100;

  private static final String UNSET = "is not set above";

  private Unknown() {}

  /// A mark.
  ///
  /// @param shown as it stands in the script, such as `%TIME%`
  /// @param why a half sentence: `is not set above`
  static String of(String shown, String why) {
    return "\uE000" + moved(shown, SHIFT) + "\uE001" + moved(why, SHIFT) + "\uE002";
  }

  private static String moved(String text, int by) {
    int first = by > 0 ? 0 : SHIFT;
    StringBuilder out = new StringBuilder();
    text.chars().forEach(c -> out.append((char) (first <= c && c < first + 128 ? c + by : c)));
    return out.toString();
  }

  /// The mark of a variable that is not set.
  static String unset(String shown) {
    return of(shown, UNSET);
  }

  /// `text` with variables that are not set left out, as the shells do in comparisons.
  static String unsetLeftOut(String text) {
    return MARK.matcher(text)
        .replaceAll(match ->
            Matcher.quoteReplacement(
                moved(match.group(2), -SHIFT).equals(UNSET) ? "" : match.group()));
  }

  /// What to say about the first mark in `text`: `%LORA% is not set above`.
  static Optional<String> in(String text) {
    Matcher matcher = MARK.matcher(text);
    return matcher.find()
        ? Optional.of(moved(matcher.group(1), -SHIFT) + " " + moved(matcher.group(2), -SHIFT))
        : Optional.empty();
  }

  static boolean isIn(String text) {
    return MARK.matcher(text).find();
  }

  /// `text` as it stands in the script.
  static String shown(String text) {
    return MARK.matcher(text)
        .replaceAll(match -> Matcher.quoteReplacement(moved(match.group(1), -SHIFT)));
  }
}
