package dev.anima.cli;

import dev.anima.config.FlagsReader;
import dev.anima.engine.Libtorch;
import dev.anima.runs.Resumption;
import dev.anima.runs.RunFolder;
import dev.anima.train.TrainSetup;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

/// `anima resume RUN`: goes on with a run that was stopped, failed or killed.
@Command(
    name = "resume",
    description = "Goes on with a training run that was stopped, failed or killed.")
public final class ResumeCommand implements Callable<Integer> {
  @Parameters(
      paramLabel = "RUN",
      description = "the folder NAME.run beside the LoRA's files, or the folder it is in")
  private Path run = Path.of("");

  private final Console console;

  public ResumeCommand(Console console) {
    this.console = console;
  }

  @Override
  public Integer call() {
    Resumption resumption = Resumption.of(run);
    TrainSetup setup =
        TrainSetup.of(
            FlagsReader.read(resumption.words(), resumption.workingDir()).flags(),
            resumption.workingDir());
    console.report(
        resumption.step() == 0
            ? "no state was saved yet: the run starts again, with the same seed"
            : "going on after step " + resumption.step());
    setup.config().machine().threads().ifPresent(Libtorch::threads);
    return TrainCommand.train(
        setup,
        resumption.workingDir(),
        resumption.folder().equals(RunFolder.of(setup).toAbsolutePath().normalize()),
        console);
  }
}
