package dev.anima.train;

import dev.anima.engine.PeerLost;
import dev.anima.io.InputException;
import dev.anima.io.RunFailedException;
import dev.anima.train.state.RunState;
import dev.anima.train.team.Loss;
import dev.anima.train.team.Team;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/// The end of a run that lost one of its processes: the state after the last finished step is
/// saved. Gradients are added up before anything is changed by them, so weights and optimizer are
/// still those of that step, on every process.
final class Rescue {
  private final Team team;
  private final RunStates states;
  private @Nullable RunState whole;

  Rescue(Team team, RunStates states) {
    this.team = team;
    this.states = states;
  }

  /// Notes where the run stands: between two steps, with nothing of the next one begun.
  void standsAt(int step, int epoch) {
    if (!team.isAlone()) {
      whole = states.state(step, epoch, false);
    }
  }

  /// Saves what can be saved.
  ///
  /// @param step optimizer steps done
  /// @return what to end with
  RunFailedException after(PeerLost problem, int step) {
    Optional<Loss> loss = team.loss();
    String who =
        loss.map(known ->
                known.reason().isEmpty()
                    ? "rank %d died after step %d".formatted(known.rank(), step)
                    : "rank %d failed after step %d: %s"
                        .formatted(known.rank(), step, known.reason()))
            .orElse(
                "a process of this run does not answer any more after step %d (%s)"
                    .formatted(step, problem.getMessage()));
    return new RunFailedException(who + "; " + saved(loss, step), problem);
  }

  /// The end of a process that cannot go on because a file it needs went bad. Rank 0 saves the
  /// state before it tells the others; of the others' trouble it hears, and saves it then.
  ///
  /// @param step optimizer steps done
  /// @return what to end with: before the first step, a bad file is wrong input as any other
  RuntimeException withoutThis(InputException problem, int step) {
    RunState state = whole;
    if (state == null || step == 0) {
      return problem;
    }
    String saved =
        team.isFirst()
            ? states
                .rescue(state)
                .map(folder -> "the state was saved in " + folder)
                .orElse("the state could not be saved")
            : "rank 0 saves the state";
    team.fail(String.valueOf(problem.getMessage()));
    return new RunFailedException(
        "%s; training ended after step %d, %s. When the file is back: anima resume %s (with %d processes again)"
            .formatted(problem.getMessage(), step, saved, states.runFolder(), team.size()),
        problem);
  }

  private String saved(Optional<Loss> loss, int step) {
    RunState state = whole;
    if (state == null || step == 0) {
      return "no step was finished, so there is no state to go on from";
    }
    String goOn =
        "; go on with: anima resume %s (with %d processes again)"
            .formatted(states.runFolder(), team.size());
    boolean firstIsGone = loss.map(known -> known.rank() == 0).orElse(false);
    if (!team.isFirst() && !firstIsGone) {
      return "rank 0 saves the state" + goOn;
    }
    if (team.isFirst()) {
      return states
          .rescue(state)
          .map(folder -> "the state was saved in " + folder + goOn)
          .orElse("the state could not be saved");
    }
    return rescueInPlaceOfFirst(state) + goOn;
  }

  /// All others know that rank 0 is gone; the one that makes a folder first writes.
  private String rescueInPlaceOfFirst(RunState state) {
    if (Files.isDirectory(states.rollingFolder(state.currentStep()))) {
      return "rank 0 saved the state";
    }
    Path mine = states.runFolder().resolve(".rescue-step%08d".formatted(state.currentStep()));
    try {
      Files.createDirectories(states.runFolder());
      Files.createDirectory(mine);
    } catch (IOException _) {
      return "another process saves the state";
    }
    try {
      return states
          .rescue(state)
          .map(folder -> "rank %d saved the state in %s".formatted(team.rank(), folder))
          .orElse("the state could not be saved");
    } finally {
      try {
        Files.deleteIfExists(mine);
      } catch (IOException _) {
        // an empty folder, which harms nothing
      }
    }
  }
}
