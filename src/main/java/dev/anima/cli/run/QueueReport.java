package dev.anima.cli.run;

import dev.anima.cli.Console;
import dev.anima.runs.QueuedRun;
import dev.anima.runs.RunQueue;
import dev.anima.runs.RunQueue.End;
import dev.anima.runs.RunQueue.Outcome;
import dev.anima.runs.script.Place;
import dev.anima.runs.script.Script;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Collectors;

/// What a person reads about a queue.
final class QueueReport {
  private final Console console;
  private final Path here;

  /// @param here paths below it are shown relative to it
  QueueReport(Console console, Path here) {
    this.console = console;
    this.here = here;
  }

  private String shown(Path path) {
    return path.startsWith(here) && !path.equals(here)
        ? here.relativize(path).toString()
        : path.toString();
  }

  private String shown(Place place) {
    return shown(place.file()) + ":" + place.line();
  }

  private String name(QueuedRun run) {
    return "run %d (%s)".formatted(run.number(), shown(run.place()));
  }

  /// What a script holds beside trainings.
  void script(Script script) {
    for (Script.Step step : script.steps()) {
      if (step instanceof Script.Skipped(Place place, String command, String reason)) {
        console.print("skipped %s: %s (%s)".formatted(shown(place), command, reason));
      }
    }
    script.notes().forEach(note -> console.report("note: " + note));
  }

  /// The queue at a glance, and what is wrong with it.
  void overview(RunQueue queue) {
    console.print("queue: " + counted(queue.runs().size(), "run"));
    queue.runs().forEach(run -> console.print(line(run)));
    queue.collisions().forEach(collision -> console.report("warning: " + collision));
    for (QueuedRun run : queue.runs()) {
      run.findings()
          .errors()
          .forEach(error -> console.report("%s cannot start: %s".formatted(name(run), error)));
    }
  }

  private String line(QueuedRun run) {
    if (!run.isSound()) {
      return "  %s: cannot start".formatted(name(run));
    }
    String needs =
        run.needs().stream()
            .map(need -> ", %s made by run %d".formatted(shown(need.file()), need.maker()))
            .collect(Collectors.joining());
    return "  %s: %s, %s, %s -> %s%s%s"
        .formatted(
            name(run),
            counted(run.findings().images(), "image"),
            counted(run.findings().epochs(), "epoch"),
            counted(run.findings().totalSteps(), "step"),
            shown(run.findings().files().getLast()),
            needs,
            run.afterSuccess() ? ", only after a success of the run before" : "");
  }

  private static String counted(int number, String thing) {
    return number + " " + thing + (number == 1 ? "" : "s");
  }

  /// The resolved command of a run.
  void details(QueuedRun run) {
    console.print("");
    console.print("%s in %s:".formatted(name(run), run.folder()));
    console.print("anima train \\");
    List<String> lines = run.lines();
    for (int i = 0; i < lines.size(); i++) {
      console.print("  " + lines.get(i) + (i + 1 < lines.size() ? " \\" : ""));
    }
    notes(run);
    run.findings()
        .warnings()
        .forEach(warning -> console.report("%s: warning: %s".formatted(name(run), warning)));
  }

  /// What the script asks around a training that will not happen.
  void notes(QueuedRun run) {
    run.notes().forEach(note -> console.report("%s: note: %s".formatted(name(run), note)));
  }

  void begin(QueuedRun run, RunQueue queue) {
    console.report("");
    console.report("%s of %d".formatted(name(run), queue.runs().size()));
  }

  /// How each run ended.
  void end(List<Outcome> outcomes) {
    long done = outcomes.stream().filter(outcome -> outcome.end() == End.DONE).count();
    console.report("");
    console.print("queue: %d of %d runs done".formatted(done, outcomes.size()));
    outcomes.forEach(outcome -> console.print("  " + name(outcome.run()) + ": " + end(outcome)));
  }

  private String end(Outcome outcome) {
    return switch (outcome.end()) {
      case DONE -> "done, " + shown(outcome.run().findings().files().getLast());
      case FAILED -> "failed (the message is above)";
      case WRONG_INPUT -> "not started, its input is wrong (the message is above)";
      case STOPPED -> "stopped by you";
      case NOT_STARTED -> "not started: " + outcome.reason();
    };
  }
}
