package dev.anima.runs.script;

import java.util.List;

/// A program that a script starts.
///
/// @param words the program and its arguments, quotes gone and variables filled in
/// @param folder where it runs
/// @param afterSuccess whether the script runs it only if what it started before succeeded (`&&`,
///   `set -e`, `|| exit`)
/// @param notes what the script asks around it that will not happen, one sentence each
record Command(
    Place place, List<String> words, Folder folder, boolean afterSuccess, List<String> notes) {
  Command {
    words = List.copyOf(words);
    notes = List.copyOf(notes);
  }

  /// The words as one line, for lists.
  String shown() {
    return Unknown.shown(String.join(" ", words));
  }
}
