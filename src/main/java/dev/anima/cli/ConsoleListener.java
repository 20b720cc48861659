package dev.anima.cli;

import dev.anima.config.LoggingConfig.Level;
import dev.anima.train.TrainEvent;
import dev.anima.train.TrainListener;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/// Shows a run on the console: one bar per phase, then one for the steps.
final class ConsoleListener implements TrainListener, AutoCloseable {
  private final Console console;
  private final Level level;
  private @Nullable Progress progress;
  private int steps;
  private boolean training;
  private String progressWords = "";

  ConsoleListener(Console console) {
    this(console, Level.INFO);
  }

  /// @param level of `WARNING`: only notes are told; above: nothing
  ConsoleListener(Console console, Level level) {
    this.console = console;
    this.level = level;
  }

  private boolean tells(TrainEvent event) {
    return switch (level) {
      case DEBUG, INFO -> true;
      case WARNING -> event instanceof TrainEvent.Note;
      case ERROR, CRITICAL -> false;
    };
  }

  @Override
  public void on(TrainEvent event) {
    if (!tells(event)) {
      return;
    }
    switch (event) {
      case TrainEvent.PhaseStarted phase -> {
        end();
        training = false;
        if (phase.total() > 0) {
          progress = console.progress(phase.name(), phase.total(), phase.unit());
        }
      }
      case TrainEvent.PhaseProgress phase -> show(phase.done(), "");
      case TrainEvent.Note note -> console.report("note: " + note.message());
      case TrainEvent.Memory memory -> {
        end();
        console.report("memory: " + memory.lines().getFirst());
        memory.lines().stream().skip(1).forEach(line -> console.report("  " + line));
      }
      case TrainEvent.Started started -> {
        end();
        console.report(
            "training: %d steps, %d epochs of %d batches"
                .formatted(
                    started.plan().totalSteps(),
                    started.plan().epochs(),
                    started.plan().batchesPerEpoch()));
        steps = started.plan().totalSteps();
        showTraining();
      }
      case TrainEvent.BatchDone done -> {
        showTraining();
        show(done.step(), detail(done));
      }
      case TrainEvent.Validated done ->
          console.report(
              String.format(
                  Locale.ROOT,
                  "validation loss %.4f at %s %d",
                  done.loss(),
                  done.byEpoch() ? "epoch" : "step",
                  done.x()));
      case TrainEvent.Measured done -> measured(done);
      case TrainEvent.BestMarked best -> console.report("best until now: " + best.file());
      case TrainEvent.EndedEarly end -> {
        end();
        console.report("the run ends after step %d: %s".formatted(end.step(), end.reason()));
      }
      case TrainEvent.Saved saved -> {
        if (saved.last()) {
          end();
        }
        console.report("saved " + saved.file());
      }
      case TrainEvent.StateSaved saved -> console.report("saved " + saved.folder());
      case TrainEvent.Removed removed -> console.report("removed " + removed.file());
      case TrainEvent.SampleDrawn drawn -> console.report("sample " + drawn.file());
      case TrainEvent.Finished finished -> {
        end();
        if (finished.stopped()) {
          console.report("stopped by request after step " + finished.step());
        }
      }
      case TrainEvent.EpochStarted _, TrainEvent.EpochDone _ -> {}
    }
  }

  private void measured(TrainEvent.Measured done) {
    progressWords = ", " + done.summary();
    StringBuilder line =
        new StringBuilder(
            "progress at step %d: %s; from little noise to much %s"
                .formatted(
                    done.step(),
                    done.summary(),
                    String.join(
                        ", ", done.bands().stream().map(TrainEvent.Measured::percent).toList())));
    if (done.heldOut()) {
      line.append("; pictures trained on ").append(TrainEvent.Measured.percent(done.training()));
    }
    done.withoutTrigger()
        .ifPresent(interval ->
            line.append("; without the trigger word ")
                .append(TrainEvent.Measured.percent(interval)));
    console.report(line.toString());
  }

  private String detail(TrainEvent.BatchDone done) {
    double rate = done.learningRates().values().stream().mapToDouble(r -> r).max().orElse(0);
    return String.format(
            Locale.ROOT,
            "loss %.4f, average %.4f, lr %.3g, %.2f s/it",
            done.loss(),
            done.averageLoss(),
            rate,
            done.seconds())
        + progressWords;
  }

  /// The bar of the steps, again after a phase between two of them.
  private void showTraining() {
    if (!training) {
      end();
      training = true;
      progress = console.progress("training", steps, "steps");
    }
  }

  private void show(long done, String detail) {
    if (progress != null) {
      progress.at(done, detail);
    }
  }

  private void end() {
    if (progress != null) {
      progress.close();
      progress = null;
    }
  }

  @Override
  public void close() {
    end();
  }
}
