package dev.anima.config;

import dev.anima.io.InputException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.tomlj.Toml;
import org.tomlj.TomlArray;
import org.tomlj.TomlParseResult;
import org.tomlj.TomlPosition;
import org.tomlj.TomlTable;

/// Changes `num_repeats` in the text of a dataset file: nothing else moves, comments and order
/// stay.
public final class RepeatsInToml {
  private static final Pattern LINE = Pattern.compile("[^\\r\\n]*(\\r\\n|\\r|\\n|$)");
  private static final Pattern KEY =
      Pattern.compile("([\"']?num_repeats[\"']?\\s*=\\s*)[+]?[0-9_]+");

  private RepeatsInToml() {}

  /// @param file it comes from, for messages
  /// @param repeats of every subset, in file order
  /// @throws InputException if the text is no such file, or has another number of subsets
  public static String with(String text, List<Integer> repeats, Path file) {
    String mark = text.startsWith("\ufeff") ? "\ufeff" : "";
    String toml = text.substring(mark.length());
    TomlParseResult parsed = Toml.parse(toml);
    List<TomlTable> subsets = subsets(parsed);
    if (parsed.hasErrors() || subsets.size() != repeats.size()) {
      throw InputException.inFile(
          file,
          "%d [[datasets.subsets]] tables were expected, there are %d"
              .formatted(repeats.size(), subsets.size()));
    }
    List<String> lines = lines(toml);
    Map<Integer, String> added = new HashMap<>();
    for (int i = 0; i < repeats.size(); i++) {
      set(subsets.get(i), repeats.get(i), lines, added, file);
    }
    StringBuilder out = new StringBuilder(mark);
    for (int i = 0; i < lines.size(); i++) {
      out.append(lines.get(i));
      out.append(added.getOrDefault(i, ""));
    }
    return out.toString();
  }

  private static List<TomlTable> subsets(TomlParseResult parsed) {
    List<TomlTable> found = new ArrayList<>();
    TomlArray datasets = parsed.isArray("datasets") ? parsed.getArray("datasets") : null;
    for (int i = 0; datasets != null && i < datasets.size(); i++) {
      TomlTable dataset = datasets.getTable(i);
      TomlArray subsets = dataset.isArray("subsets") ? dataset.getArray("subsets") : null;
      for (int j = 0; subsets != null && j < subsets.size(); j++) {
        found.add(subsets.getTable(j));
      }
    }
    return found;
  }

  private static List<String> lines(String text) {
    List<String> lines = new ArrayList<>();
    Matcher line = LINE.matcher(text);
    while (line.find() && line.end() > line.start()) {
      lines.add(line.group());
    }
    return lines;
  }

  private static void set(
      TomlTable subset, int repeats, List<String> lines, Map<Integer, String> added, Path file) {
    TomlPosition position = subset.inputPositionOf(List.of("num_repeats"));
    if (position != null) {
      int index = position.line() - 1;
      String line = lines.get(index);
      Matcher key = KEY.matcher(line);
      int from = Math.clamp(position.column() - 1L, 0, line.length());
      if (!key.find(from) && !key.find(0)) {
        throw InputException.inFile(
            file, "line %d: num_repeats is not a plain number".formatted(position.line()));
      }
      lines.set(
          index,
          line.substring(0, key.start()) + key.group(1) + repeats + line.substring(key.end()));
      return;
    }
    TomlPosition folder = subset.inputPositionOf(List.of("image_dir"));
    if (folder == null) {
      throw InputException.inFile(file, "a subset without image_dir has no place for num_repeats");
    }
    int index = folder.line() - 1;
    String line = lines.get(index);
    if (!line.strip().matches("[\"']?image_dir[\"']?\\s*=.*")) {
      throw InputException.inFile(
          file,
          "line %d: the subset is written on one line; add num_repeats to it by hand"
              .formatted(folder.line()));
    }
    String indent = line.substring(0, line.indexOf(line.strip()));
    String end = line.endsWith("\r\n") ? "\r\n" : "\n";
    boolean lastLine = !line.endsWith("\n") && !line.endsWith("\r");
    added.put(
        index, (lastLine ? end : "") + indent + "num_repeats = " + repeats + (lastLine ? "" : end));
  }
}
