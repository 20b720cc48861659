package dev.anima.runs;

import dev.anima.config.CommandLine;
import dev.anima.config.Flags;
import dev.anima.config.FlagsReader;
import dev.anima.io.InputException;
import dev.anima.runs.QueuedRun.Need;
import dev.anima.runs.RunChecker.Findings;
import dev.anima.runs.script.Script;
import dev.anima.runs.script.ScriptKind;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;

/// From scripts to a queue: every training is checked as far as it can be before the first starts,
/// and files that earlier ones will make count as there.
public final class QueueReader {
  /// Flags that may name what an earlier run makes, and what hangs on them.
  private static final Map<String, Set<String>> MADE_BY_RUNS =
      Map.of(
          "network_weights", Set.of("network_weights", "dim_from_weights"),
          "base_weights", Set.of("base_weights", "base_weights_multiplier"),
          "resume", Set.of("resume"));

  private final RunChecker checker;
  private final boolean windows;
  private final List<QueuedRun> runs = new ArrayList<>();
  private final Map<Path, Integer> makers = new LinkedHashMap<>();

  private QueueReader(RunChecker checker, boolean windows) {
    this.checker = checker;
    this.windows = windows;
  }

  /// The queue of all trainings in `scripts`.
  ///
  /// @param windows whether this is Windows
  public static RunQueue read(List<Script> scripts, RunChecker checker, boolean windows) {
    QueueReader reader = new QueueReader(checker, windows);
    for (Script script : scripts) {
      boolean windowsScript = ScriptKind.of(script.file()) != ScriptKind.SHELL;
      boolean first = true;
      for (Script.Training training : script.trainings()) {
        reader.add(training, windowsScript, !first);
        first = false;
      }
    }
    return new RunQueue(reader.runs);
  }

  /// How many of the files its trainings need are there: tells whether a script was read in the
  /// folder it is meant for.
  public static int filesFound(Script script, boolean windows) {
    boolean windowsScript = ScriptKind.of(script.file()) != ScriptKind.SHELL;
    return script.trainings().stream()
        .mapToInt(training -> PathWords.adapt(training, windowsScript, windows).found())
        .sum();
  }

  private void add(Script.Training training, boolean windowsScript, boolean followsAnother) {
    PathWords.Adapted adapted = PathWords.adapt(training, windowsScript, windows);
    Path folder = training.folder().path();
    List<Need> needs = new ArrayList<>();
    Findings findings;
    try {
      findings = check(adapted, folder, needs);
    } catch (InputException e) {
      findings = wrong(List.of(String.valueOf(e.getMessage())));
    }
    int number = runs.size() + 1;
    runs.add(
        new QueuedRun(
            number,
            training.place(),
            adapted.words(),
            folder,
            training.afterSuccess() && followsAnother,
            training.notes(),
            needs,
            findings));
    findings.files().forEach(file -> makers.put(file, number));
  }

  private Findings check(PathWords.Adapted adapted, Path folder, List<Need> needs) {
    Flags typed = CommandLine.parse(adapted.words());
    if (typed.helpWanted() || typed.on("output_config")) {
      throw new InputException(
          "%s is no training: run it by itself, with \"anima train\""
              .formatted(typed.helpWanted() ? "--help" : "--output_config"));
    }
    if (!adapted.problems().isEmpty()) {
      return wrong(adapted.problems());
    }
    FlagsReader.Command command = FlagsReader.read(adapted.words(), folder);
    Flags flags = command.flags();
    Set<String> promised = new TreeSet<>();
    MADE_BY_RUNS.forEach((name, hanging) -> {
      List<Need> found = needs(flags, name, folder);
      if (!found.isEmpty()) {
        needs.addAll(found);
        promised.addAll(hanging);
      }
    });
    return checker.check(flags.without(promised), command.warnings(), folder);
  }

  private List<Need> needs(Flags flags, String name, Path folder) {
    List<String> texts =
        name.equals("base_weights") ? flags.texts(name) : flags.text(name).stream().toList();
    List<Need> needs = new ArrayList<>();
    for (String text : texts) {
      try {
        Path file = folder.resolve(text).toAbsolutePath().normalize();
        Integer maker = makers.get(file);
        if (maker != null) {
          needs.add(new Need("--" + name, file, maker));
        }
      } catch (InvalidPathException _) {
        // the checker says so
      }
    }
    return needs;
  }

  private static Findings wrong(List<String> errors) {
    return new Findings(errors, List.of(), 0, 0, 0, List.of());
  }
}
