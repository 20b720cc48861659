package dev.anima.lora;

import dev.anima.config.NearestName;
import dev.anima.config.NetworkKind;
import dev.anima.config.PythonLiteral;
import dev.anima.config.PythonLiteral.MalformedLiteralException;
import dev.anima.config.PythonNumber;
import dev.anima.io.InputException;
import dev.anima.io.PythonText;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.Set;
import java.util.function.Function;
import java.util.regex.PatternSyntaxException;
import org.jspecify.annotations.Nullable;

/// `--network_args` of one kind of network, read once.
///
/// @param kind `--network_module`
/// @param exclude layers left out, besides the built-in exclusion
/// @param include layers kept although something excludes them
/// @param ranks own ranks by layer; the first full match wins, 0 leaves the layer out
/// @param alphas own alphas by layer; the first full match wins, 0 means the rank (the reference
///   has none)
/// @param learningRates own learning rates by layer; the first full match wins
/// @param decomposed `dora_wd`: the column lengths of the changed weights train too (the reference
///   has no DoRA; the name is LyCORIS')
/// @param factor of LoKr, -1 for as square as possible
/// @param verbose whether the run lists its modules at the start
/// @param warnings what the reference would ignore without a word
public record NetworkArgs(
    NetworkKind kind,
    OptionalDouble rankDropout,
    OptionalDouble moduleDropout,
    boolean trainLlmAdapter,
    List<PythonPattern> exclude,
    List<PythonPattern> include,
    List<RankRule> ranks,
    List<AlphaRule> alphas,
    List<RateRule> learningRates,
    LoraPlus loraPlus,
    boolean decomposed,
    int factor,
    boolean verbose,
    List<String> warnings) {

  public record RankRule(PythonPattern layers, int rank) {}

  public record AlphaRule(PythonPattern layers, double alpha) {}

  public record RateRule(PythonPattern layers, double learningRate) {}

  /// LoRA+: factor on the learning rate of LoRA's up matrices (LoHa: `hada_w2_a`, LoKr: `lokr_w1`).
  /// Absent: no group of their own.
  public record LoraPlus(OptionalDouble general, OptionalDouble dit, OptionalDouble textEncoder) {
    /// The specific ratio where it is given and not 0, else the general one.
    public OptionalDouble ratio(Network network) {
      OptionalDouble specific =
          switch (network) {
            case DIT -> dit;
            case TEXT_ENCODER -> textEncoder;
          };
      return specific.orElse(0) != 0 ? specific : general;
    }
  }

  private static final Set<String> COMMON_KEYS =
      Set.of(
          "rank_dropout",
          "module_dropout",
          "train_llm_adapter",
          "exclude_patterns",
          "include_patterns",
          "network_reg_dims",
          "network_reg_alphas",
          "network_reg_lrs",
          "loraplus_lr_ratio",
          "loraplus_unet_lr_ratio",
          "loraplus_text_encoder_lr_ratio",
          "dora_wd",
          "verbose");

  private static final String FACTOR = "factor";

  /// What the reference knows and Anima has no use for: it has no convolutions.
  private static final Set<String> CONVOLUTION_KEYS =
      Set.of("conv_dim", "conv_alpha", "use_tucker");

  // Behind the sets that parsing reads.
  public static final NetworkArgs NONE = parse(List.of());

  /// Of `networks.lora_anima`.
  ///
  /// @param arguments `key=value`, one each; the last of equal keys counts
  /// @throws InputException if a value cannot be read
  public static NetworkArgs parse(List<String> arguments) {
    return parse(NetworkKind.LORA, arguments);
  }

  /// @param arguments `key=value`, one each; the last of equal keys counts
  /// @throws InputException if a value cannot be read
  public static NetworkArgs parse(NetworkKind kind, List<String> arguments) {
    return new Parser(kind, arguments).parse();
  }

  private static final class Parser {
    private final NetworkKind kind;
    private final Set<String> keys;
    private final Map<String, String> values = new LinkedHashMap<>();
    private final List<String> warnings = new ArrayList<>();

    Parser(NetworkKind kind, List<String> arguments) {
      this.kind = kind;
      this.keys = new HashSet<>(COMMON_KEYS);
      if (kind == NetworkKind.LOKR) {
        keys.add(FACTOR);
      }
      for (String argument : arguments) {
        int equals = argument.indexOf('=');
        if (equals < 0) {
          throw new InputException("--network_args " + argument + ": expected key=value");
        }
        values.put(argument.substring(0, equals), argument.substring(equals + 1));
      }
    }

    NetworkArgs parse() {
      values.keySet().stream().filter(key -> !keys.contains(key)).forEach(this::warnUnknown);
      return new NetworkArgs(
          kind,
          number("rank_dropout"),
          number("module_dropout"),
          isTrue("train_llm_adapter"),
          patterns("exclude_patterns"),
          patterns("include_patterns"),
          rules("network_reg_dims", "rank", value -> PythonNumber.parseInt(value).map(this::rank))
              .entrySet()
              .stream()
              .map(e -> new RankRule(pattern("network_reg_dims", e.getKey()), e.getValue()))
              .toList(),
          rules("network_reg_alphas", "alpha", PythonNumber::parseFloat).entrySet().stream()
              .map(e ->
                  new AlphaRule(pattern("network_reg_alphas", e.getKey()), alpha(e.getValue())))
              .toList(),
          rules("network_reg_lrs", "learning rate", PythonNumber::parseFloat).entrySet().stream()
              .map(e -> new RateRule(pattern("network_reg_lrs", e.getKey()), e.getValue()))
              .toList(),
          new LoraPlus(
              number("loraplus_lr_ratio"),
              number("loraplus_unet_lr_ratio"),
              number("loraplus_text_encoder_lr_ratio")),
          isTrue("dora_wd"),
          factor(),
          isTrue("verbose"),
          List.copyOf(warnings));
    }

    private void warnUnknown(String key) {
      if (CONVOLUTION_KEYS.contains(key)) {
        warnings.add(
            "--network_args " + key + " has no effect: Anima has no convolutions to train");
        return;
      }
      String remedy =
          switch (key) {
            case "dropout" ->
                kind == NetworkKind.LORA
                    ? "; the flag --network_dropout is the one that counts"
                    : "; use rank_dropout or module_dropout";
            case FACTOR -> "; it belongs to --network_module=" + NetworkKind.LOKR.module();
            default ->
                NearestName.of(key, keys)
                    .map(name -> "; did you mean " + name + "?")
                    .orElse("; known are " + String.join(", ", keys.stream().sorted().toList()));
          };
      warnings.add(
          "--network_args %s has no effect: %s has no such key%s"
              .formatted(key, kind.module(), remedy));
    }

    private int factor() {
      String value = values.getOrDefault(FACTOR, "-1");
      if (kind != NetworkKind.LOKR) {
        return -1;
      }
      return PythonNumber.parseInt(value)
          .filter(factor -> factor == -1 || (factor > 0 && factor <= Integer.MAX_VALUE))
          .map(Math::toIntExact)
          .orElseThrow(() ->
              new InputException(
                  "--network_args factor=%s: expected a whole number such as 8, or -1 for factors as equal as possible"
                      .formatted(value)));
    }

    private static double alpha(double value) {
      if (!(Double.isFinite(value) && value >= 0)) {
        throw new InputException(
            "--network_args network_reg_alphas: an alpha must be 0 or more, got " + value);
      }
      return value;
    }

    private boolean isTrue(String key) {
      return values.getOrDefault(key, "false").equalsIgnoreCase("true");
    }

    private OptionalDouble number(String key) {
      String value = values.get(key);
      if (value == null) {
        return OptionalDouble.empty();
      }
      return OptionalDouble.of(
          PythonNumber.parseFloat(value)
              .orElseThrow(() ->
                  new InputException(
                      "--network_args " + key + "=" + value + ": expected a number such as 0.1")));
    }

    private List<PythonPattern> patterns(String key) {
      String value = values.get(key);
      if (value == null) {
        return List.of();
      }
      List<String> sources = new ArrayList<>();
      try {
        addStrings(sources, PythonLiteral.parse(value));
      } catch (MalformedLiteralException | IllegalArgumentException e) {
        throw new InputException(
            "--network_args %s=%s: expected a quoted string or a list of them, such as %s=\"['.*mlp.*']\" (%s)"
                .formatted(key, value, key, e.getMessage()),
            e);
      }
      List<PythonPattern> patterns = new ArrayList<>();
      for (String source : sources) {
        try {
          patterns.add(PythonPattern.compile(source));
        } catch (PatternSyntaxException e) {
          // As the reference: logged and left out, the others count.
          warnings.add(
              "--network_args %s: '%s' is no regular expression (%s) and is left out"
                  .formatted(key, source, e.getDescription()));
        }
      }
      return List.copyOf(patterns);
    }

    private static void addStrings(List<String> strings, @Nullable Object literal) {
      switch (literal) {
        case String string -> strings.add(string);
        case List<?> list -> addAll(strings, list);
        case PythonText.Tuple(List<@Nullable Object> items) -> addAll(strings, items);
        case null, default ->
            throw new IllegalArgumentException(
                PythonText.repr(literal) + " is not a quoted string");
      }
    }

    private static void addAll(List<String> strings, List<?> items) {
      for (Object item : items) {
        addStrings(strings, item);
      }
    }

    private static PythonPattern pattern(String key, String source) {
      try {
        return PythonPattern.compile(source);
      } catch (PatternSyntaxException e) {
        throw new InputException(
            "--network_args %s: '%s' is no regular expression (%s)"
                .formatted(key, source, e.getDescription()),
            e);
      }
    }

    /// `regex=value,regex=value`: split at the commas, then at the first equals sign, so neither
    /// can stand inside a regex.
    private <T> Map<String, T> rules(String key, String what, Function<String, Optional<T>> read) {
      Map<String, T> rules = new LinkedHashMap<>();
      for (String rule : values.getOrDefault(key, "").split(",")) {
        String trimmed = rule.strip();
        if (trimmed.isEmpty()) {
          continue;
        }
        int equals = trimmed.indexOf('=');
        Optional<T> value =
            equals < 0 ? Optional.empty() : read.apply(trimmed.substring(equals + 1));
        if (value.isEmpty()) {
          warnings.add(
              "--network_args %s: '%s' is left out, expected regex=%s (no comma or = inside the regex)"
                  .formatted(key, trimmed, what));
        } else {
          rules.put(trimmed.substring(0, equals).strip(), value.get());
        }
      }
      return rules;
    }

    private int rank(long value) {
      if (value < 0 || value > Integer.MAX_VALUE) {
        throw new InputException(
            "--network_args network_reg_dims: a rank must be 0 or more, got " + value);
      }
      return (int) value;
    }
  }
}
