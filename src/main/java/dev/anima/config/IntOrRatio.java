package dev.anima.config;

import dev.anima.io.PythonText;
import java.util.Optional;

/// Value of `--lr_warmup_steps` and `--lr_decay_steps`: a number of optimizer steps or a share of
/// all of them. `5` is five steps; `5%` and `0.05` are a twentieth of the run.
public sealed interface IntOrRatio {
  /// Optimizer steps, whatever the run's length.
  record Steps(int steps) implements IntOrRatio {}

  /// Share of all steps.
  record Ratio(double ratio) implements IntOrRatio {}

  /// Steps in a run of `totalSteps`; shares are cut off, not rounded.
  default int resolve(int totalSteps) {
    return switch (this) {
      case Steps(int steps) -> steps;
      case Ratio(double ratio) -> (int) (ratio * totalSteps);
    };
  }

  /// An `Integer` of steps or a `Double` share.
  default Number number() {
    return switch (this) {
      case Steps(int steps) -> steps;
      case Ratio(double ratio) -> ratio;
    };
  }

  /// False for negative values and shares above the whole.
  default boolean isValid() {
    return switch (this) {
      case Steps(int steps) -> steps >= 0;
      case Ratio(double ratio) -> 0 <= ratio && ratio <= 1;
    };
  }

  /// The reference's text of the value in metadata: `5`, `0.05`.
  default String pythonText() {
    return PythonText.str(number());
  }

  /// Reads what a user typed: a trailing `%` makes a share; else from 1 on it must be an integer;
  /// below 1 it is a share (so `0` is the share 0.0). Empty for anything else.
  static Optional<IntOrRatio> parse(String text) {
    if (text.endsWith("%")) {
      return PythonNumber.parseFloat(text.substring(0, text.length() - 1))
          .map(percent -> new Ratio(percent / 100));
    }
    return PythonNumber.parseFloat(text)
        .flatMap(value ->
            value < 1
                ? Optional.of(new Ratio(value))
                : PythonNumber.parseInt(text)
                    .filter(steps -> steps <= Integer.MAX_VALUE)
                    .map(steps -> new Steps(steps.intValue())));
  }
}
