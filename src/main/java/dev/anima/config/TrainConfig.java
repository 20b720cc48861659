package dev.anima.config;

import dev.anima.io.InputException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;

/// Everything a training run is told, made from the flags once and valid from then on. Datasets are
/// read by [DatasetConfig].
public record TrainConfig(
    ModelFiles models,
    OutputConfig output,
    NetworkConfig network,
    OptimizerFlags optimizer,
    ScheduleConfig schedule,
    RunLength length,
    Precision precision,
    MemoryConfig memory,
    NoiseConfig noise,
    LossConfig loss,
    CacheConfig cache,
    ValidationConfig validation,
    ProgressConfig progress,
    SampleConfig samples,
    LoggingConfig logging,
    PublishConfig publish,
    Machine machine) {

  /// Reads and checks all flags, alone and against each other. Model files, prompt files and
  /// weights must exist; none is opened.
  ///
  /// @param workingDir directory that relative paths are meant from
  /// @throws InputException with every problem
  public static TrainConfig of(Flags flags, Path workingDir) {
    List<Supplier<?>> sections =
        List.of(
            () -> ModelFiles.of(flags, workingDir),
            () -> OutputConfig.of(flags, workingDir),
            () -> NetworkConfig.of(flags, workingDir),
            () -> OptimizerFlags.of(flags),
            () -> ScheduleConfig.of(flags),
            () -> RunLength.of(flags, workingDir),
            () -> Precision.of(flags),
            () -> MemoryConfig.of(flags),
            () -> NoiseConfig.of(flags),
            () -> LossConfig.of(flags),
            () -> CacheConfig.of(flags),
            () -> ValidationConfig.of(flags),
            () -> ProgressConfig.of(flags),
            () -> SampleConfig.of(flags, workingDir),
            () -> LoggingConfig.of(flags, workingDir),
            () -> PublishConfig.of(flags, workingDir),
            () -> Machine.of(flags));
    List<String> problems = new ArrayList<>();
    CrossChecks.of(flags).forEach(conflict -> problems.add(conflict.message()));
    for (Supplier<?> section : sections) {
      try {
        var _ = section.get();
      } catch (InputException e) {
        problems.add(e.getMessage());
      }
    }
    if (!problems.isEmpty()) {
      throw new InputException(String.join("\n", problems));
    }
    return read(flags, workingDir);
  }

  private static TrainConfig read(Flags flags, Path workingDir) {
    return new TrainConfig(
        ModelFiles.of(flags, workingDir),
        OutputConfig.of(flags, workingDir),
        NetworkConfig.of(flags, workingDir),
        OptimizerFlags.of(flags),
        ScheduleConfig.of(flags),
        RunLength.of(flags, workingDir),
        Precision.of(flags),
        MemoryConfig.of(flags),
        NoiseConfig.of(flags),
        LossConfig.of(flags),
        CacheConfig.of(flags),
        ValidationConfig.of(flags),
        ProgressConfig.of(flags),
        SampleConfig.of(flags, workingDir),
        LoggingConfig.of(flags, workingDir),
        PublishConfig.of(flags, workingDir),
        Machine.of(flags));
  }
}
