package dev.anima.sample;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.util.EnumMap;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/// What one entry of a prompt file says, on the way to a [SamplePrompt].
///
/// What the reference tolerates is a warning here and the default is taken; what makes it fail is a
/// problem.
final class PromptFields {
  private static final Pattern DIGITS = Pattern.compile("\\d+");
  private static final Pattern DIGITS_AND_POINTS = Pattern.compile("[\\d.]+");
  private static final BigInteger SEEDS = BigInteger.ONE.shiftLeft(64);

  /// No model draws larger pictures, and no machine.
  private static final int LARGEST_SIDE = 16384;

  private static final int MOST_DIGITS = 100;

  /// @param value `String`, `Number` or anything else the file holds
  private record Field(Object value, int line) {}

  private final Map<PromptKey, Field> fields = new EnumMap<>(PromptKey.class);
  private final PromptFindings findings;

  PromptFields(PromptFindings findings) {
    this.findings = findings;
  }

  /// A copy that can be changed on its own.
  PromptFields copy() {
    PromptFields copy = new PromptFields(findings);
    copy.fields.putAll(fields);
    return copy;
  }

  /// Reads a text line: the prompt, then options, each behind a blank and two dashes. The text
  /// before the first of them is never taken for an option (the reference reads `s 20 people` as 20
  /// steps).
  PromptFields line(String text, int line) {
    // The blank lets a line begin with an option: an empty prompt.
    String[] pieces = (" " + text).split(" --", -1);
    fields.put(PromptKey.PROMPT, new Field(pieces[0].strip(), line));
    for (int i = 1; i < pieces.length; i++) {
      String[] words = pieces[i].strip().split("\\s+", 2);
      option(words[0], words.length > 1 ? words[1] : "", line);
    }
    return this;
  }

  private void option(String name, String value, int line) {
    Optional<PromptKey> known = PromptKey.ofOption(name);
    if (known.isEmpty()) {
      String hint = PromptKey.optionHint(name);
      findings.warn(line, "unknown option --" + name + " is ignored" + hint);
      return;
    }
    PromptKey key = known.get();
    if (isIgnored(key, "--" + name, line)) {
      return;
    }
    if (value.isEmpty()) {
      if (key != PromptKey.NEGATIVE) {
        findings.warn(line, "option --" + name + " has no value and is ignored");
      }
      return;
    }
    String read = read(key, value);
    if (read.isEmpty()) {
      findings.warn(
          line, "--%s %s is ignored: expected a number of 0 or more".formatted(name, value));
      return;
    }
    if (!read.equals(value)) {
      findings.warn(line, "--%s %s is read as %s".formatted(name, value, read));
    }
    fields.put(key, new Field(read, line));
  }

  // The part of an option's text that is its value; empty where there is none.
  private static String read(PromptKey key, String value) {
    return switch (key.kind()) {
      case TEXT -> value;
      case INTEGER -> beginning(DIGITS, value);
      case NUMBER -> {
        String number = beginning(DIGITS_AND_POINTS, value);
        yield parse(number) == null ? "" : number;
      }
    };
  }

  private static String beginning(Pattern pattern, String text) {
    Matcher matcher = pattern.matcher(text);
    return matcher.lookingAt() ? matcher.group() : "";
  }

  /// Reads one key of a table; later ones replace earlier ones.
  ///
  /// @param value null for JSON's null: as if it were not there
  PromptFields put(String name, @Nullable Object value, int line) {
    Optional<PromptKey> known = PromptKey.ofKey(name);
    if (known.isEmpty()) {
      findings.warn(line, "unknown key " + name + " is ignored" + PromptKey.keyHint(name));
    } else if (value != null && !isIgnored(known.get(), name, line)) {
      fields.put(known.get(), new Field(value, line));
    }
    return this;
  }

  private boolean isIgnored(PromptKey key, String name, int line) {
    key.reasonIgnored()
        .ifPresent(reason -> findings.warn(line, name + " has no effect: " + reason));
    return key.reasonIgnored().isPresent();
  }

  /// The finished prompt. Where something is wrong the findings say so and a default stands in.
  SamplePrompt prompt(int number) {
    return new SamplePrompt(
        number,
        text(PromptKey.PROMPT),
        text(PromptKey.NEGATIVE),
        side(PromptKey.WIDTH),
        side(PromptKey.HEIGHT),
        seed(),
        steps(),
        number(PromptKey.SCALE, SamplePrompt.DEFAULT_SCALE),
        shift());
  }

  private String text(PromptKey key) {
    Field field = fields.get(key);
    if (field == null) {
      return "";
    }
    if (field.value instanceof String text) {
      return text;
    }
    return wrong(key, field, "a text", "");
  }

  private int side(PromptKey key) {
    BigInteger value = integer(key);
    if (value == null) {
      return SamplePrompt.DEFAULT_SIDE;
    }
    if (value.compareTo(BigInteger.valueOf(LARGEST_SIDE)) > 0) {
      return wrong(key, "at most " + LARGEST_SIDE + " pixels", SamplePrompt.DEFAULT_SIDE);
    }
    int side = value.max(BigInteger.valueOf(SamplePrompt.SMALLEST_SIDE)).intValueExact();
    return side - side % SamplePrompt.SIDE_STEP;
  }

  private OptionalLong seed() {
    BigInteger value = integer(PromptKey.SEED);
    if (value == null) {
      return OptionalLong.empty();
    }
    if (value.signum() < 0 || value.compareTo(SEEDS) >= 0) {
      // -1 means any seed to other programs
      Field field = fields.get(PromptKey.SEED);
      findings.warn(
          field == null ? 0 : field.line,
          "seed " + value + " is ignored: expected 0 to " + SEEDS.subtract(BigInteger.ONE));
      return OptionalLong.empty();
    }
    return OptionalLong.of(value.longValue());
  }

  private int steps() {
    BigInteger value = integer(PromptKey.STEPS);
    return value == null
        ? SamplePrompt.DEFAULT_STEPS
        : value
            .max(BigInteger.ONE)
            .min(BigInteger.valueOf(SamplePrompt.MOST_STEPS))
            .intValueExact();
  }

  private double shift() {
    double shift = number(PromptKey.SHIFT, SamplePrompt.DEFAULT_SHIFT);
    return shift > 0
        ? shift
        : wrong(PromptKey.SHIFT, "a number above 0", SamplePrompt.DEFAULT_SHIFT);
  }

  private double number(PromptKey key, double otherwise) {
    Field field = fields.get(key);
    if (field == null) {
      return otherwise;
    }
    BigDecimal value = parse(field.value);
    return value == null || Double.isInfinite(value.doubleValue())
        ? wrong(key, field, "a number", otherwise)
        : value.doubleValue();
  }

  private @Nullable BigInteger integer(PromptKey key) {
    Field field = fields.get(key);
    if (field == null) {
      return null;
    }
    BigDecimal value = parse(field.value);
    if (value == null
        || value.stripTrailingZeros().scale() > 0
        || (long) value.precision() - value.scale() > MOST_DIGITS) {
      return wrong(key, field, "a whole number", null);
    }
    return value.toBigInteger();
  }

  private static @Nullable BigDecimal parse(Object value) {
    if (!(value instanceof Number) && !(value instanceof String)) {
      return null;
    }
    try {
      return new BigDecimal(value.toString().strip());
    } catch (NumberFormatException _) {
      return null;
    }
  }

  private <T> T wrong(PromptKey key, String expected, T otherwise) {
    Field field = fields.get(key);
    return field == null ? otherwise : wrong(key, field, expected, otherwise);
  }

  private <T extends @Nullable Object> T wrong(
      PromptKey key, Field field, String expected, T otherwise) {
    Object shown = field.value instanceof String text ? "\"" + text + "\"" : field.value;
    findings.problem(field.line, "%s is %s, expected %s".formatted(key.key(), shown, expected));
    return otherwise;
  }
}
