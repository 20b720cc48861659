package dev.anima.cli.captions;

import dev.anima.captions.CaptionSet;
import dev.anima.captions.Editor;
import dev.anima.captions.History;
import dev.anima.captions.Plan;
import dev.anima.captions.Snapshots;
import dev.anima.cli.Console;
import dev.anima.cli.ExitCode;
import dev.anima.io.InputException;
import java.time.ZoneId;
import java.time.format.DateTimeFormatter;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.function.Function;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/// Commands about what was done: history, undo, redo, snapshots.
final class HistoryVerbs {
  private static final DateTimeFormatter TIME =
      DateTimeFormatter.ofPattern("yyyy-MM-dd HH:mm:ss").withZone(ZoneId.systemDefault());

  private HistoryVerbs() {}

  @Command(
      name = "history",
      aliases = "log",
      description = "Lists the edits of a data set, the last one last.")
  static final class ShowHistory implements Callable<Integer> {
    @Mixin Selection selection = new Selection();

    @Option(names = "--json", description = "print the list as JSON")
    boolean json;

    private final Console console;
    private final Surroundings surroundings;

    ShowHistory(Console console, Surroundings surroundings) {
      this.console = console;
      this.surroundings = surroundings;
    }

    @Override
    public Integer call() {
      Workplace workplace = Workplace.of(selection, surroundings);
      List<History.Edit> edits = History.of(workplace.state()).edits();
      if (json) {
        console.print(EditReport.MAPPER.writeValueAsString(edits.stream().map(this::row).toList()));
        return ExitCode.OK;
      }
      if (edits.isEmpty()) {
        console.print("nothing was edited yet");
      }
      for (History.Edit edit : edits) {
        console.print(
            "%5d  %s  %s in %d captions%s"
                .formatted(
                    edit.id(),
                    TIME.format(edit.time()),
                    EditReport.shown(edit.description()),
                    edit.files(),
                    edit.undone() ? " (undone)" : ""));
      }
      return ExitCode.OK;
    }

    private Map<String, Object> row(History.Edit edit) {
      Map<String, Object> row = new LinkedHashMap<>();
      row.put("id", edit.id());
      row.put("operation", edit.name());
      row.put("description", edit.description());
      row.put("time", edit.time().toString());
      row.put("captions", edit.files());
      row.put("undone", edit.undone());
      return row;
    }
  }

  /// Undo or redo, some times.
  private static int repeat(
      Selection selection,
      Surroundings surroundings,
      Console console,
      int times,
      Function<Editor, Editor.Outcome> step) {
    if (times < 1) {
      throw new InputException("expected how many edits, from 1 on, got " + times);
    }
    Workplace workplace = Workplace.of(selection, surroundings);
    try (Editor editor = Editor.open(workplace.source().root(), workplace.state())) {
      editor.notes().forEach(note -> console.report("note: " + note));
      int exitCode = ExitCode.OK;
      for (int i = 0; i < times; i++) {
        Editor.Outcome outcome = step.apply(editor);
        console.print(
            "%s: %d captions changed"
                .formatted(EditReport.shown(outcome.description()), outcome.files()));
        exitCode =
            Math.max(
                exitCode, new EditReport(console, new EditOptions()).refused(outcome.failed()));
      }
      return exitCode;
    }
  }

  @Command(name = "undo", description = "Takes back the last edit, or the last N.")
  static final class Undo implements Callable<Integer> {
    @Mixin Selection selection = new Selection();

    @Parameters(index = "1", arity = "0..1", paramLabel = "N", description = "how many edits")
    int times = 1;

    private final Console console;
    private final Surroundings surroundings;

    Undo(Console console, Surroundings surroundings) {
      this.console = console;
      this.surroundings = surroundings;
    }

    @Override
    public Integer call() {
      return repeat(selection, surroundings, console, times, Editor::undo);
    }
  }

  @Command(name = "redo", description = "Does the edit again that was undone last, or the last N.")
  static final class Redo implements Callable<Integer> {
    @Mixin Selection selection = new Selection();

    @Parameters(index = "1", arity = "0..1", paramLabel = "N", description = "how many edits")
    int times = 1;

    private final Console console;
    private final Surroundings surroundings;

    Redo(Console console, Surroundings surroundings) {
      this.console = console;
      this.surroundings = surroundings;
    }

    @Override
    public Integer call() {
      return repeat(selection, surroundings, console, times, Editor::redo);
    }
  }

  @Command(
      name = "snapshot",
      description = "Keeps a copy of all captions (the first edit of a day does so too).")
  static final class Snapshot implements Callable<Integer> {
    @Mixin Selection selection = new Selection();

    private final Console console;
    private final Surroundings surroundings;

    Snapshot(Console console, Surroundings surroundings) {
      this.console = console;
      this.surroundings = surroundings;
    }

    @Override
    public Integer call() {
      Workplace workplace = Workplace.of(selection, surroundings);
      console.print("snapshot " + new Snapshots(workplace.state()).take(workplace.read()));
      return ExitCode.OK;
    }
  }

  @Command(
      name = "restore",
      description = "Brings captions back to a snapshot; without a name lists the snapshots.")
  static final class Restore implements Callable<Integer> {
    @Mixin Selection selection = new Selection();
    @Mixin EditOptions options = new EditOptions();

    @Parameters(
        index = "1",
        arity = "0..1",
        paramLabel = "SNAPSHOT",
        description = "its name, or last")
    Optional<String> name = Optional.empty();

    private final Console console;
    private final Surroundings surroundings;

    Restore(Console console, Surroundings surroundings) {
      this.console = console;
      this.surroundings = surroundings;
    }

    @Override
    public Integer call() {
      Workplace workplace = Workplace.of(selection, surroundings);
      Snapshots snapshots = new Snapshots(workplace.state());
      if (name.isEmpty()) {
        List<String> names = snapshots.names();
        (names.isEmpty() ? List.of("there is no snapshot yet") : names).forEach(console::print);
        return ExitCode.OK;
      }
      EditReport report = new EditReport(console, options);
      if (options.dryRun) {
        return report.preview(snapshots.restore(workplace.read(), name.get()));
      }
      try (Editor editor = Editor.open(workplace.source().root(), workplace.state())) {
        CaptionSet set = workplace.read();
        Plan plan = snapshots.restore(set, name.get());
        return report.done(plan, Optional.of(editor.apply(plan)), selection.data);
      }
    }
  }
}
