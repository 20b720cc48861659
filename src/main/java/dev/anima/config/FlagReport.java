package dev.anima.config;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;

/// What every flag that is set does to this run, for `anima check` and the start of a training: "no
/// silent surprise".
///
/// @param entries one for each flag that is set, in table order
/// @param warnings what a user would not expect, whether a flag says so or the lack of one
public record FlagReport(List<Entry> entries, List<Warning> warnings) {
  public FlagReport {
    entries = List.copyOf(entries);
    warnings = List.copyOf(warnings);
  }

  /// How a flag fares.
  public enum Effect {
    EFFECTIVE,
    /// Nothing changes by it.
    IGNORED,
    /// Another flag or the dataset configuration counts instead.
    OVERRIDDEN,
    /// The run does not start.
    CONFLICT,
    /// Effective, under a longer name than was typed.
    ABBREVIATED
  }

  /// One flag.
  ///
  /// @param flag full name with dashes
  /// @param typed name as written, without dashes
  /// @param value value as written; `true` for a switch
  /// @param resolved what the run makes of it
  /// @param reason why, or what to know; may be empty
  public record Entry(
      String flag, String typed, String value, Effect effect, String resolved, String reason) {}

  /// A remark on the whole run.
  ///
  /// @param code short and stable, for programs: `warmup_in_steps`
  public record Warning(String code, String message) {}

  /// What is known of the run beyond its flags.
  ///
  /// @param totalSteps optimizer steps
  /// @param largestBatch images in the largest micro-batch
  public record RunFacts(int totalSteps, int epochs, int stepsPerEpoch, int largestBatch) {}

  /// The report for a run.
  ///
  /// @param datasets empty while they are not read
  /// @param facts empty while images are not counted
  public static FlagReport of(
      Flags flags, Optional<DatasetConfig> datasets, Optional<RunFacts> facts) {
    FlagEffects effects = new FlagEffects(flags, datasets, facts);
    Map<String, String> conflicts =
        CrossChecks.of(flags).stream()
            .collect(
                Collectors.toMap(
                    CrossChecks.Conflict::flag,
                    CrossChecks.Conflict::message,
                    (first, _) -> first));
    List<Entry> entries = new ArrayList<>();
    for (FlagValue value : flags.set()) {
      String conflict = conflicts.get(value.flag().name());
      entries.add(
          conflict != null
              ? entry(value, new Finding(Effect.CONFLICT, "", conflict))
              : entry(value, effects.of(value)));
    }
    return new FlagReport(entries, FlagWarnings.of(flags, entries, facts));
  }

  /// What a rule says about a flag.
  record Finding(Effect effect, String resolved, String reason) {
    static Finding effective(String resolved, String reason) {
      return new Finding(Effect.EFFECTIVE, resolved, reason);
    }

    static Finding ignored(String reason) {
      return new Finding(Effect.IGNORED, "", reason);
    }

    static Finding overridden(String reason) {
      return new Finding(Effect.OVERRIDDEN, "", reason);
    }
  }

  private static Entry entry(FlagValue value, Finding finding) {
    boolean abbreviated = value.abbreviated() && finding.effect() == Effect.EFFECTIVE;
    List<String> reasons = new ArrayList<>();
    if (value.abbreviated()) {
      reasons.add("--%s means %s".formatted(value.typedName(), value.flag().dashed()));
    }
    if (value.source() == FlagValue.Source.PRESET) {
      reasons.add("set by " + value.where());
    }
    if (value.timesGiven() > 1) {
      reasons.add(
          "given %d times, the last one counts%s"
              .formatted(
                  value.timesGiven(),
                  value.flag().kind().isList() ? " (lists do not add up)" : ""));
    }
    if (!finding.reason().isEmpty()) {
      reasons.add(finding.reason());
    }
    String shown = FlagText.write(value.value());
    return new Entry(
        value.flag().dashed(),
        value.typedName(),
        value.value() instanceof Boolean on
            ? Boolean.toString(on)
            : value.typedText().isEmpty() ? shown : value.typedText(),
        abbreviated ? Effect.ABBREVIATED : finding.effect(),
        finding.resolved().isEmpty() && finding.effect() == Effect.EFFECTIVE
            ? shown
            : finding.resolved(),
        String.join("; ", reasons));
  }

  /// The entry of one flag (name without dashes), if it is set.
  public Optional<Entry> entry(String name) {
    return entries.stream().filter(entry -> entry.flag().equals("--" + name)).findFirst();
  }
}
