package dev.anima.config;

import static dev.anima.config.Checks.check;

import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;

/// Where and how a run computes.
///
/// @param device `auto`, `cpu`, `cuda`, `cuda:N` or `mps`
/// @param threads CPU threads; empty means as many as the engine thinks best
/// @param referenceExact follow the reference even where it errs
/// @param processes that train together, where this program starts them
/// @param teamTimeout how long processes wait for each other
/// @param dryRun stop before training
/// @param debugDataset report what the datasets yield and stop
public record Machine(
    String device,
    OptionalInt threads,
    boolean referenceExact,
    OptionalInt processes,
    Optional<Duration> teamTimeout,
    boolean dryRun,
    boolean debugDataset) {

  public Machine {
    check(
        device.matches("auto|cpu|cuda(:\\d+)?|mps"),
        "--device must be auto, cpu, cuda or cuda:N, got \"%s\"".formatted(device));
    Checks.atLeastOne("threads", threads);
  }

  /// `--nproc` and the names that accelerate and torchrun have for it.
  public static OptionalInt processes(Flags flags) {
    OptionalInt found = OptionalInt.empty();
    for (String name : List.of("nproc", "num_processes", "nproc_per_node")) {
      OptionalInt value = flags.maybeInteger(name);
      Checks.atLeastOne(name, value);
      if (value.isPresent() && found.isPresent()) {
        check(
            value.equals(found),
            "--%s=%d: another flag says %d processes\n  -> give --nproc alone"
                .formatted(name, value.getAsInt(), found.getAsInt()));
      }
      found = value.isPresent() ? value : found;
    }
    return found;
  }

  /// `--ddp_timeout`, in minutes.
  public static Optional<Duration> teamTimeout(Flags flags) {
    OptionalInt minutes = flags.maybeInteger("ddp_timeout");
    Checks.atLeastOne("ddp_timeout", minutes);
    return minutes.isPresent()
        ? Optional.of(Duration.ofMinutes(minutes.getAsInt()))
        : Optional.empty();
  }

  static Machine of(Flags flags) {
    return new Machine(
        flags.text("device", "auto"),
        flags.maybeInteger("threads"),
        flags.on("reference_exact"),
        processes(flags),
        teamTimeout(flags),
        flags.on("dry_run"),
        flags.on("debug_dataset"));
  }
}
