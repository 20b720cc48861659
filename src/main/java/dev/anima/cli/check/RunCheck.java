package dev.anima.cli.check;

import dev.anima.config.Flags;
import dev.anima.runs.RunChecker;
import java.nio.file.Path;
import java.util.List;

/// `anima check` for the runs of a queue.
public final class RunCheck implements RunChecker {
  @Override
  public Findings check(Flags flags, List<String> fileWarnings, Path folder) {
    Preview preview = Inspection.of(flags, fileWarnings, folder, Speed.UNKNOWN);
    return new Findings(
        preview.errors(),
        preview.warnings().stream().map(Preview.Warning::message).toList(),
        preview.images(),
        preview.epochs(),
        preview.totalSteps(),
        preview.outputs().stream()
            .filter(Preview.Output::kept)
            .map(output -> Path.of(output.path()))
            .toList());
  }
}
