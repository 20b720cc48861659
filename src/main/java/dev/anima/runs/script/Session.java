package dev.anima.runs.script;

import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Optional;

/// What all script languages share while a script is followed: the working folder, and the commands
/// found so far.
final class Session {
  private final ScriptKind kind;
  private final Surroundings surroundings;
  private final List<Command> commands = new ArrayList<>();
  private final Deque<Folder> pushed = new ArrayDeque<>();
  private final List<String> notes = new ArrayList<>();
  private Folder folder;
  private boolean afterSuccess;

  Session(ScriptKind kind, Surroundings surroundings) {
    this.kind = kind;
    this.surroundings = surroundings;
    this.folder = Folder.of(surroundings.folder());
  }

  Surroundings surroundings() {
    return surroundings;
  }

  List<Command> commands() {
    return List.copyOf(commands);
  }

  /// What a reader of the script may not expect, one sentence each.
  List<String> notes() {
    return List.copyOf(notes);
  }

  void note(String sentence) {
    notes.add(sentence);
  }

  /// A variable is set that Python's torch would obey and this process, already running, cannot.
  void environment(Place place, String name, String value) {
    if (name.equalsIgnoreCase("CUDA_VISIBLE_DEVICES")) {
      note(
          "%s: %s=%s is not read: give the training --device cuda:%s"
              .formatted(place, name, Unknown.shown(value), value.matches("\\d+") ? value : "N"));
    }
  }

  Path folder() {
    return folder.path();
  }

  /// From here on every command needs the ones before it.
  void stopAtFailures() {
    afterSuccess = true;
  }

  /// A program is started.
  ///
  /// @param needsPrevious whether it runs only after a success of the one before
  void start(Place place, List<String> words, boolean needsPrevious, List<String> notes) {
    commands.add(new Command(place, words, folder, afterSuccess || needsPrevious, notes));
  }

  // ---- folders --------------------------------------------------------------------------------

  /// `cd`. A folder that is not here is remembered: it matters once a relative path is used.
  void enter(Place place, String text) {
    folder = folderOf(place, text);
  }

  void push(Place place, String text) {
    pushed.push(folder);
    enter(place, text);
  }

  void pop() {
    if (!pushed.isEmpty()) {
      folder = pushed.pop();
    }
  }

  private Folder folderOf(Place place, String text) {
    if (surroundings.foldersGiven()) {
      return folder; // --working_dir stands for whatever the script enters
    }
    Optional<String> unknown = Unknown.in(text);
    if (unknown.isPresent()) {
      return new Folder(folder.path(), Optional.of(place + ": " + unknown.get()));
    }
    String native_ = nativePath(text);
    if (isForeign(native_)) {
      return new Folder(
          folder.path(),
          Optional.of(
              "%s: the folder %s is a Windows path, and this is not Windows"
                  .formatted(place, text)));
    }
    try {
      Path path = folder.path().resolve(native_).normalize();
      if (folder.lost().isPresent() && !Path.of(native_).isAbsolute()) {
        return folder; // still lost
      }
      return Files.isDirectory(path)
          ? Folder.of(path)
          : new Folder(
              folder.path(), Optional.of("%s: there is no folder %s".formatted(place, path)));
    } catch (InvalidPathException e) {
      return new Folder(
          folder.path(),
          Optional.of("%s: \"%s\" is no path: %s".formatted(place, text, e.getReason())));
    }
  }

  /// A path as this system writes it: scripts for Windows separate folders by backslashes.
  String nativePath(String text) {
    return kind.windowsPaths() && !surroundings.windows() ? text.replace('\\', '/') : text;
  }

  private boolean isForeign(String path) {
    return !surroundings.windows() && path.matches("[A-Za-z]:([/\\\\].*)?");
  }

  /// Whether `text`, meant from the working folder, exists.
  boolean exists(String text) {
    try {
      return Files.exists(folder.path().resolve(nativePath(text)));
    } catch (InvalidPathException _) {
      return false;
    }
  }
}
