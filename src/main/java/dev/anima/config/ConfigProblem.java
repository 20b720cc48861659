package dev.anima.config;

import java.util.List;

/// One thing wrong in a configuration file.
///
/// @param path keys and 0-based indices from the top, such as `datasets, 0, subsets, 1, foo`
/// @param line 1-based line in the file, 0 when unknown
/// @param message what is wrong, without the place
record ConfigProblem(Kind kind, List<Object> path, int line, String message) {
  enum Kind {
    SYNTAX,
    UNKNOWN_KEY,
    MISSING_KEY,
    WRONG_TYPE,
    MIXED_STYLES
  }

  ConfigProblem {
    path = List.copyOf(path);
  }

  /// `FILE:LINE: MESSAGE`, with the table where there is one.
  String in(String file) {
    StringBuilder place = new StringBuilder(file);
    if (line > 0) {
      place.append(':').append(line);
    }
    String table = table();
    return place + (table.isEmpty() ? "" : " " + table) + ": " + message;
  }

  private String table() {
    if (path.contains("subsets") && path.size() > 3) {
      return "[[datasets.subsets]]";
    }
    if (path.size() > 1 && path.getFirst().equals("datasets")) {
      return "[[datasets]]";
    }
    return path.size() > 1 ? "[" + path.getFirst() + "]" : "";
  }
}
