package dev.anima.captions;

import dev.anima.io.InputException;
import java.time.Duration;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;

/// A regular expression of the user: Python's way of writing is understood, and one that would run
/// for ever is stopped.
public final class BoundedRegex {
  /// For one text.
  static final Duration LIMIT = Duration.ofSeconds(1);

  private final String source;
  private final Pattern pattern;

  /// The expression needed too long for a text.
  public static final class TooSlowException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    TooSlowException(String source) {
      super(
          "the regular expression \"%s\" takes longer than %d second on this text; make it simpler (a repeat inside a repeat, such as (a+)+, is the usual cause)"
              .formatted(source, LIMIT.toSeconds()));
    }
  }

  private BoundedRegex(String source, Pattern pattern) {
    this.source = source;
    this.pattern = pattern;
  }

  /// @param source in Python's or Java's way of writing
  /// @throws InputException saying at which character it is wrong
  public static BoundedRegex compile(String source, boolean ignoreCase, boolean dotAll) {
    int flags = Pattern.UNICODE_CHARACTER_CLASS;
    flags |= ignoreCase ? Pattern.CASE_INSENSITIVE | Pattern.UNICODE_CASE : 0;
    flags |= dotAll ? Pattern.DOTALL : 0;
    try {
      return new BoundedRegex(source, Pattern.compile(PythonRegex.toJava(source), flags));
    } catch (PatternSyntaxException e) {
      String at = e.getIndex() < 0 ? "" : " near character " + (e.getIndex() + 1);
      throw new InputException(
          "the regular expression \"%s\" is not valid%s: %s"
              .formatted(source, at, e.getDescription()),
          e);
    } catch (StackOverflowError e) {
      throw new InputException(
          "the regular expression is nested too deeply (%d characters)".formatted(source.length()),
          e);
    }
  }

  /// This text, in upper or lower case.
  static BoundedRegex anyCase(String text) {
    int flags = Pattern.LITERAL | Pattern.CASE_INSENSITIVE | Pattern.UNICODE_CASE;
    return new BoundedRegex(text, Pattern.compile(text, flags));
  }

  public boolean matches(String text) {
    return bounded(text, Matcher::matches);
  }

  public boolean finds(String text) {
    return bounded(text, Matcher::find);
  }

  /// Every match replaced.
  public String replace(String text, Replacement replacement) {
    return bounded(
        text,
        matcher -> {
          StringBuilder out = new StringBuilder();
          int end = 0;
          while (matcher.find()) {
            out.append(text, end, matcher.start());
            replacement.appendTo(out, matcher);
            end = matcher.end();
          }
          return out.append(text, end, text.length()).toString();
        });
  }

  /// The text with the whole of it replaced if the whole of it matches.
  public String replaceWhole(String text, Replacement replacement) {
    return bounded(
        text,
        matcher -> {
          if (!matcher.matches()) {
            return text;
          }
          StringBuilder out = new StringBuilder();
          replacement.appendTo(out, matcher);
          return out.toString();
        });
  }

  /// What to put in place of a match: `$1`, `\1`, `${name}` and `\g<name>` stand for groups.
  ///
  /// @throws InputException if it names a group that the expression does not have
  public Replacement replacement(String template) {
    return Replacement.parse(template, pattern.matcher("").groupCount(), groupNames());
  }

  private List<String> groupNames() {
    return List.copyOf(pattern.namedGroups().keySet());
  }

  @FunctionalInterface
  private interface Use<T> {
    T of(Matcher matcher);
  }

  private <T> T bounded(String text, Use<T> use) {
    try {
      return use.of(pattern.matcher(new Deadline(text, System.nanoTime() + LIMIT.toNanos())));
    } catch (PastDeadline | StackOverflowError _) {
      throw new TooSlowException(source);
    }
  }

  @Override
  public String toString() {
    return source;
  }

  private static final class PastDeadline extends RuntimeException {
    private static final long serialVersionUID = 1L;

    PastDeadline() {
      super(null, null, false, false);
    }
  }

  /// A text that looks at the clock now and then: the engine reads characters all the time.
  private static final class Deadline implements CharSequence {
    private static final int CHECK_EVERY = 1 << 12;

    private final String text;
    private final long end;
    private int reads;

    Deadline(String text, long end) {
      this.text = text;
      this.end = end;
    }

    @Override
    public char charAt(int index) {
      if (++reads % CHECK_EVERY == 0 && System.nanoTime() - end > 0) {
        throw new PastDeadline();
      }
      return text.charAt(index);
    }

    @Override
    public int length() {
      return text.length();
    }

    @Override
    public CharSequence subSequence(int start, int stop) {
      return text.substring(start, stop);
    }

    @Override
    public String toString() {
      return text;
    }
  }
}
