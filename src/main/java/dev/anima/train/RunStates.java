package dev.anima.train;

import dev.anima.dataset.BatchFeed;
import dev.anima.engine.Dtype;
import dev.anima.engine.RandomStream;
import dev.anima.io.InputException;
import dev.anima.io.RunFailedException;
import dev.anima.lora.LoraKeys;
import dev.anima.lora.LoraSaver;
import dev.anima.train.state.RunState;
import dev.anima.train.state.StateFolder;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/// Writes a run's states at the times the flags name, removes old ones, and puts a saved one back.
final class RunStates {
  private static final String ROLLING = "state-step";

  private final TrainSetup setup;
  private final RunParts parts;
  private final TrainListener listener;
  private final BatchFeed feed;
  private final LossAverage average;
  private final Supplier<String> progress;
  private final CheckpointRules rules;
  private @Nullable Path last;
  private @Nullable Path rolling;
  private long savedAt = System.nanoTime();
  private Supplier<BatchFeed.Position> place;

  /// @param progress text of [StateFolder#PROGRESS]
  RunStates(
      TrainSetup setup,
      RunParts parts,
      TrainListener listener,
      BatchFeed feed,
      LossAverage average,
      Supplier<String> progress) {
    this.setup = setup;
    this.parts = parts;
    this.listener = listener;
    this.feed = feed;
    this.place = feed::position;
    this.average = average;
    this.progress = progress;
    this.rules =
        setup
            .checkpoints()
            .withRetention(
                setup.config().output().keep().stepStates(),
                setup.config().output().keep().epochStates());
  }

  // ---- writing --------------------------------------------------------------------------------

  /// Whether optimizer step `step` is to be followed by [#afterStep]: a state must know the losses
  /// of all steps before it.
  boolean isDue(int step) {
    return isWriter() && (isKeptAt(step) || isRollingDue());
  }

  /// In a team, rank 0 writes for all.
  private boolean isWriter() {
    return setup.team().isFirst();
  }

  /// After everything that belongs to optimizer step `step`.
  void afterStep(int step, int epoch) {
    if (isKeptAt(step)) {
      save(rules.stepFile(step), step, epoch, false);
      rules.stepToRemove(step).ifPresent(old -> remove(rules.stepFile(old)));
    } else {
      saveRolling(step, epoch);
    }
  }

  /// Somebody asked for a checkpoint after step `step`; with it goes what resuming needs.
  void onRequest(int step, int epoch) {
    if (setup.config().output().saveState()) {
      if (!folder(rules.stepFile(step)).equals(last)) {
        save(rules.stepFile(step), step, epoch, false);
      }
    } else if (!setup.config().output().stateEvery().isZero()) {
      saveRolling(step, epoch);
    }
  }

  /// The batch that was to follow step `step` cannot be loaded: a run that goes on from here begins
  /// with it.
  ///
  /// @param handedOut whether it was handed out already
  void beforeLostBatch(int step, int epoch, boolean handedOut) {
    place = handedOut ? feed::positionBefore : feed::position;
    onRequest(step, epoch);
  }

  /// The command that goes on from the newest state of this run; empty if there is none.
  Optional<String> resumption() {
    return last == null && rolling == null
        ? Optional.empty()
        : Optional.of("anima resume " + runFolder());
  }

  private boolean isKeptAt(int step) {
    return setup.config().output().saveState() && rules.savesAtStep(step);
  }

  private boolean isRollingDue() {
    Duration every = setup.config().output().stateEvery();
    return !every.isZero() && System.nanoTime() - savedAt >= every.toNanos();
  }

  /// The newest state of this run replaces the one before it when it is whole. Nobody asked for it,
  /// so a full disk does not end the run: the one before stays, and the next is tried in its time.
  ///
  /// @return whether it was written
  private boolean saveRolling(int step, int epoch) {
    checkWeights(step);
    return saveRolling(state(step, epoch, false));
  }

  private boolean saveRolling(RunState state) {
    Path run = runFolder();
    Path next = rollingFolder(state.currentStep());
    try {
      Files.createDirectories(run);
      write(next, state);
    } catch (IOException | InputException | RunFailedException e) {
      savedAt = System.nanoTime();
      listener.on(
          new TrainEvent.Note(
              "the state to go on from after a crash could not be written: " + e.getMessage()));
      return false;
    }
    if (rolling != null && !rolling.equals(next)) {
      StateFolder.remove(rolling);
    }
    rolling = next;
    return true;
  }

  /// Writes a state of before, whose weights and optimizer are still there, as a rolling one.
  ///
  /// @return where; empty if that is not possible
  Optional<Path> rescue(RunState state) {
    return saveRolling(state) ? Optional.ofNullable(rolling) : Optional.empty();
  }

  /// Where the rolling state after optimizer step `step` lies, if there is one.
  Path rollingFolder(int step) {
    return runFolder().resolve(ROLLING + "%08d".formatted(step));
  }

  Path runFolder() {
    return setup.config().output().dir().resolve(rules.runFolder());
  }

  /// The run is complete: its final file is written, nothing is left to go on with.
  void afterEnd() {
    if (isWriter()) {
      if (rolling != null) {
        StateFolder.remove(rolling);
        rolling = null;
      }
      removeLeftovers();
    }
  }

  /// Rolling states that were to be removed when the process was killed.
  private void removeLeftovers() {
    if (!Files.isDirectory(runFolder())) {
      return;
    }
    try (Stream<Path> files = Files.list(runFolder())) {
      files
          .filter(file -> String.valueOf(file.getFileName()).startsWith(ROLLING))
          .toList()
          .forEach(StateFolder::remove);
    } catch (IOException _) {
      // they stay, which harms nothing
    }
  }

  /// After everything that belongs to the end of an epoch.
  void afterEpoch(int epoch, int step) {
    if (isWriter()
        && setup.config().output().saveState()
        && rules.savesAtEpoch(epoch, setup.plan().epochs())) {
      save(rules.epochFile(epoch), step, epoch, true);
      rules.epochToRemove(epoch).ifPresent(old -> remove(rules.epochFile(old)));
    }
  }

  /// At the planned end, before the final LoRA file.
  void atEnd(int step, int epoch) {
    if (isWriter() && wantedAtEnd()) {
      save(
          rules.finalFile(),
          step,
          epoch,
          feed.position().delivered() == setup.plan().batchesPerEpoch() * setup.team().size());
    }
  }

  /// After a stop by the user; says how to go on.
  void atStop(int step, int epoch) {
    if (!isWriter()) {
      return;
    }
    if (!wantedAtEnd()) {
      stopWithRolling(step, epoch);
      return;
    }
    Path folder = folder(rules.stepFile(step));
    if (!folder.equals(last)) {
      save(rules.stepFile(step), step, epoch, false);
    }
    listener.on(
        new TrainEvent.Note("to go on from here, give the same flags and --resume=" + folder));
  }

  private void stopWithRolling(int step, int epoch) {
    if (setup.config().output().stateEvery().isZero()) {
      listener.on(
          new TrainEvent.Note(
              "no state was saved, so this run cannot be gone on with exactly (--save_state writes one at a stop)"));
      return;
    }
    if (saveRolling(step, epoch)) {
      listener.on(new TrainEvent.Note("to go on from here: anima resume " + runFolder()));
    }
  }

  private boolean wantedAtEnd() {
    return setup.config().output().saveState() || setup.config().output().saveStateOnTrainEnd();
  }

  private Path folder(String file) {
    return setup.config().output().dir().resolve(CheckpointRules.stateBeside(file));
  }

  private void save(String file, int step, int epoch, boolean epochDone) {
    checkWeights(step);
    write(folder(file), state(step, epoch, epochDone));
  }

  private void checkWeights(int step) {
    new NotFinite(setup, parts)
        .checkWeights(step, last == null ? "there is no state yet" : "the last state is " + last);
  }

  private void write(Path folder, RunState state) {
    LoraSaver.Options exact =
        new LoraSaver.Options(LoraKeys.Style.SD_SCRIPTS, Optional.of(Dtype.F32), false);
    StateFolder.write(
        folder,
        weights -> LoraSaver.save(parts.loras(), weights, Map.of(), exact),
        optimizer -> parts.learner().saveOptimizer(optimizer),
        progress.get(),
        state);
    last = folder;
    savedAt = System.nanoTime();
    listener.on(new TrainEvent.StateSaved(folder, state.currentStep()));
  }

  private void remove(String file) {
    Path folder = folder(file);
    if (StateFolder.remove(folder)) {
      listener.on(new TrainEvent.Removed(folder));
    }
  }

  /// Where the run stands, without the tensors.
  RunState state(int step, int epoch, boolean epochDone) {
    return new RunState(
        epoch,
        step,
        RunState.FORMAT,
        RunState.VERSION,
        parts.metadata().program(),
        epochDone,
        parts.learner().scheduleSteps(),
        parts.learner().scalerState(),
        average.state(),
        parts.streams().stream()
            .map(stream -> Base64.getEncoder().encodeToString(stream.state()))
            .toList(),
        place.get(),
        setup.recipe());
  }

  // ---- going on -------------------------------------------------------------------------------

  /// Puts back what [RunStart] holds: data, random numbers, average. Weights and optimizer are put
  /// back by [Learner].
  void restore(RunState run) {
    Path from = setup.config().length().resume().orElseThrow();
    if (from.startsWith(runFolder())) {
      rolling = from; // ours to replace
    }
    feed.resume(run.feed());
    average.restore(run.average());
    List<RandomStream> streams = parts.streams();
    if (run.streams().size() != streams.size()) {
      listener.on(
          new TrainEvent.Note(
              "the state was saved on another kind of device: noise and dropout go on with other numbers"));
    }
    List<byte[]> states = decoded(run);
    for (int i = 0; i < Math.min(states.size(), streams.size()); i++) {
      if (states.get(i).length != streams.get(i).state().length) {
        throw new InputException(damaged());
      }
      streams.get(i).restore(states.get(i));
    }
  }

  private List<byte[]> decoded(RunState run) {
    List<byte[]> states = new ArrayList<>();
    try {
      run.streams().forEach(text -> states.add(Base64.getDecoder().decode(text)));
    } catch (IllegalArgumentException e) {
      throw new InputException(damaged(), e);
    }
    return states;
  }

  private String damaged() {
    return "--resume=%s: the random states in it are damaged\n  -> resume from another state"
        .formatted(setup.config().length().resume().orElseThrow());
  }
}
