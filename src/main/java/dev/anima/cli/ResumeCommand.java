package dev.anima.cli;

import dev.anima.config.Flags;
import dev.anima.config.FlagsReader;
import dev.anima.config.Ranks;
import dev.anima.engine.Libtorch;
import dev.anima.runs.Resumption;
import dev.anima.runs.RunFolder;
import dev.anima.train.TrainSetup;
import dev.anima.train.team.Team;
import java.nio.file.Path;
import java.util.List;
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
    Flags flags = FlagsReader.read(resumption.words(), resumption.workingDir()).flags();
    Ranks ranks = TeamWork.ranks(flags);
    if (!ranks.isAlone()) {
      return TeamWork.run(ranks, flags, team -> goOn(resumption, flags, team));
    }
    if (resumption.processes() > 1) {
      return LocalTeam.run(
          resumption.processes(),
          List.of("resume", resumption.folder().toString()),
          Path.of("").toAbsolutePath(),
          console);
    }
    return goOn(resumption, flags, Team.ALONE);
  }

  private int goOn(Resumption resumption, Flags flags, Team team) {
    TrainSetup setup = TrainSetup.of(flags, resumption.workingDir(), team);
    TeamWork.compare(setup, TrainCommand.program());
    Console told = TeamWork.console(team, console);
    told.report(
        resumption.step() == 0
            ? "no state was saved yet: the run starts again, with the same seed"
            : "going on after step " + resumption.step());
    setup.config().machine().threads().ifPresent(Libtorch::threads);
    return TrainCommand.train(
        setup,
        resumption.workingDir(),
        resumption.folder().equals(RunFolder.of(setup).toAbsolutePath().normalize()),
        told);
  }
}
