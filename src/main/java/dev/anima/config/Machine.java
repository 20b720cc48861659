package dev.anima.config;

import static dev.anima.config.Checks.check;

import java.util.OptionalInt;

/// Where and how a run computes.
///
/// @param device `auto`, `cpu`, `cuda`, `cuda:N` or `mps`
/// @param threads CPU threads; empty means as many as the engine thinks best
/// @param referenceExact follow the reference even where it errs
/// @param dryRun stop before training
/// @param debugDataset report what the datasets yield and stop
public record Machine(
    String device,
    OptionalInt threads,
    boolean referenceExact,
    boolean dryRun,
    boolean debugDataset) {

  public Machine {
    check(
        device.matches("auto|cpu|cuda(:\\d+)?|mps"),
        "--device must be auto, cpu, cuda or cuda:N, got \"%s\"".formatted(device));
    Checks.atLeastOne("threads", threads);
  }

  static Machine of(Flags flags) {
    return new Machine(
        flags.text("device", "auto"),
        flags.maybeInteger("threads"),
        flags.on("reference_exact"),
        flags.on("dry_run"),
        flags.on("debug_dataset"));
  }
}
