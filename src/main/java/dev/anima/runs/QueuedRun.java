package dev.anima.runs;

import dev.anima.runs.script.Place;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;

/// A training of the queue.
///
/// @param number from 1, in the order of the scripts
/// @param place where the script starts it
/// @param words flags as `anima train` takes them, paths in the form of this system
/// @param folder that relative paths are meant from
/// @param afterSuccess the script wants it only after a success of the run before
/// @param notes what the script asks around it that will not happen
/// @param needs files that earlier runs of the queue will make
/// @param findings what is known before it starts; its errors keep it from starting
public record QueuedRun(
    int number,
    Place place,
    List<String> words,
    Path folder,
    boolean afterSuccess,
    List<String> notes,
    List<Need> needs,
    RunChecker.Findings findings) {

  /// A file that an earlier run will make.
  ///
  /// @param flag that names it, with dashes
  /// @param maker number of that run
  public record Need(String flag, Path file, int maker) {}

  public QueuedRun {
    words = List.copyOf(words);
    notes = List.copyOf(notes);
    needs = List.copyOf(needs);
  }

  /// Whether it can start, as far as is known.
  public boolean isSound() {
    return findings.errors().isEmpty();
  }

  /// Numbers of the runs whose files it needs.
  public Set<Integer> makers() {
    Set<Integer> makers = new TreeSet<>();
    needs.forEach(need -> makers.add(need.maker()));
    return makers;
  }

  /// Each flag with its values on one line, quoted for a POSIX shell.
  public List<String> lines() {
    List<String> lines = new ArrayList<>();
    for (String word : words) {
      if (word.startsWith("--") || lines.isEmpty()) {
        lines.add(quoted(word));
      } else {
        lines.add(lines.removeLast() + " " + quoted(word));
      }
    }
    return lines;
  }

  private static String quoted(String word) {
    return word.matches("[A-Za-z0-9_./:=,+@%-]+") ? word : "'" + word.replace("'", "'\\''") + "'";
  }
}
