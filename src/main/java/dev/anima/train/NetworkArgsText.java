package dev.anima.train;

import dev.anima.config.NetworkConfig;
import dev.anima.config.PythonNumber;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// `ss_network_args`: the pairs of `--network_args` as JSON, and the trainer's own `dropout`.
final class NetworkArgsText {
  private NetworkArgsText() {}

  /// Empty when no pairs were given, as in the reference.
  static Optional<String> of(NetworkConfig network) {
    if (network.arguments().isEmpty()) {
      return Optional.empty();
    }
    List<String> pairs = new ArrayList<>();
    network.args().forEach((key, value) -> pairs.add(quoted(key) + ": " + quoted(value)));
    if (!network.dimFromWeights()) {
      String dropout =
          network.dropout().isPresent()
              ? PythonNumber.text(network.dropout().getAsDouble())
              : "null";
      pairs.add("\"dropout\": " + dropout);
    }
    return Optional.of("{" + String.join(", ", pairs) + "}");
  }

  /// As Python's json.dumps: everything outside printable ASCII is escaped.
  private static String quoted(String text) {
    StringBuilder json = new StringBuilder("\"");
    for (char c : text.toCharArray()) {
      switch (c) {
        case '"' -> json.append("\\\"");
        case '\\' -> json.append("\\\\");
        case '\n' -> json.append("\\n");
        case '\r' -> json.append("\\r");
        case '\t' -> json.append("\\t");
        default -> {
          if (c < 0x20 || c > 0x7E) {
            json.append("\\u%04x".formatted((int) c));
          } else {
            json.append(c);
          }
        }
      }
    }
    return json.append('"').toString();
  }
}
