package dev.anima.train;

import dev.anima.config.NetworkConfig;
import dev.anima.io.PythonText;
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
    network
        .args()
        .forEach((key, value) -> pairs.add(PythonText.json(key) + ": " + PythonText.json(value)));
    if (!network.dimFromWeights()) {
      String dropout =
          network.dropout().isPresent() ? PythonText.repr(network.dropout().getAsDouble()) : "null";
      pairs.add("\"dropout\": " + dropout);
    }
    return Optional.of("{" + String.join(", ", pairs) + "}");
  }
}
