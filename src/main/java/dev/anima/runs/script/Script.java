package dev.anima.runs.script;

import dev.anima.io.InputException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// A script file, read: the trainings it would start, and what else it holds.
///
/// @param steps in the order of the script
/// @param notes what a reader of the script may not expect, one sentence each
public record Script(Path file, List<Step> steps, List<String> notes) {

  /// One command of a script.
  public sealed interface Step {
    Place place();
  }

  /// A training of an Anima LoRA.
  ///
  /// @param flags as `anima train` takes them
  /// @param folder where it would run
  /// @param afterSuccess only if the training before it succeeded
  /// @param notes what the script asks around it that will not happen
  public record Training(
      Place place, List<String> flags, Folder folder, boolean afterSuccess, List<String> notes)
      implements Step {
    public Training {
      flags = List.copyOf(flags);
      notes = List.copyOf(notes);
    }
  }

  /// A command that is no training and is not carried out.
  public record Skipped(Place place, String command, String reason) implements Step {}

  public Script {
    steps = List.copyOf(steps);
    notes = List.copyOf(notes);
  }

  /// Reads a script.
  ///
  /// @throws InputException with every problem, each with its line: what cannot be understood, a
  ///   training that depends on it, a training of something else, no training at all
  public static Script read(Path file, Surroundings surroundings) {
    ScriptKind kind = ScriptKind.of(file);
    ScriptText text = ScriptText.read(file);
    Session session = new Session(kind, surroundings);
    switch (kind) {
      case BATCH -> BatchScript.follow(text, session);
      case SHELL -> ShellScript.follow(text, session);
      case POWERSHELL -> PowerShellScript.follow(text, session);
    }
    List<Step> steps = new ArrayList<>();
    List<String> problems = new ArrayList<>();
    for (Command command : session.commands()) {
      try {
        steps.add(step(command, kind));
      } catch (InputException e) {
        problems.add(e.getMessage());
      }
    }
    if (problems.isEmpty() && steps.stream().noneMatch(Training.class::isInstance)) {
      problems.add(nothing(file, steps));
    }
    if (!problems.isEmpty()) {
      throw new InputException(String.join("\n", problems));
    }
    return new Script(file, steps, session.notes());
  }

  private static Step step(Command command, ScriptKind kind) {
    return switch (Launcher.meaning(command.words())) {
      case Launcher.Meaning.Training(List<String> flags, List<String> notes) -> {
        for (String word : flags) {
          Optional<String> unknown = Unknown.in(word);
          if (unknown.isPresent()) {
            throw command
                .place()
                .problem("%s (in %s)".formatted(unknown.get(), Unknown.shown(word)));
          }
        }
        List<String> all = new ArrayList<>(command.notes());
        all.addAll(notes);
        yield new Training(command.place(), flags, command.folder(), command.afterSuccess(), all);
      }
      case Launcher.Meaning.OtherTraining(String script, String what) ->
          throw command
              .place()
              .problem(
                  "%s trains %s, not an Anima LoRA\n  -> take this command out, or use anima_train_network.py"
                      .formatted(script, what));
      case Launcher.Meaning.Unclear(String script) ->
          throw command
              .place()
              .problem(
                  "\"%s\" is not known to start %s: write \"python %s\" or \"accelerate launch %s\""
                      .formatted(command.words().getFirst(), script, script, script));
      case Launcher.Meaning.Nested(String script) -> nested(command, script, kind);
      case Launcher.Meaning.Else(String reason) ->
          new Skipped(command.place(), command.shown(), reason);
    };
  }

  /// A script inside the script: harmless if it starts no training (`activate.bat`).
  private static Step nested(Command command, String script, ScriptKind kind) {
    Path file;
    try {
      file =
          command.folder().path().resolve(kind.windowsPaths() ? script.replace('\\', '/') : script);
    } catch (InvalidPathException _) {
      return new Skipped(command.place(), command.shown(), "it is not here");
    }
    if (!Files.isRegularFile(file)) {
      return new Skipped(
          command.place(),
          command.shown(),
          script.contains("activate") ? "no Python is needed" : "it is not here");
    }
    if (Launcher.namesTraining(List.of(ScriptText.read(file).joined().split("[\\s=]+")))) {
      throw command
          .place()
          .problem(
              "%s starts trainings of its own, and scripts inside scripts are not followed\n  -> give that file to \"anima run\" too, and take this line out"
                  .formatted(script));
    }
    return new Skipped(command.place(), command.shown(), "it starts no training");
  }

  private static String nothing(Path file, List<Step> steps) {
    return "%s: there is no training command in it (looked for anima_train_network.py%s)"
        .formatted(
            file, steps.isEmpty() ? "" : "; found %d other commands".formatted(steps.size()));
  }

  /// The trainings alone.
  public List<Training> trainings() {
    return steps.stream().filter(Training.class::isInstance).map(Training.class::cast).toList();
  }
}
