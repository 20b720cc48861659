package dev.anima.cli;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/// The program as a process of its own, on the class path of the tests.
final class AnimaProcess {
  private AnimaProcess() {}

  /// The words that start it.
  ///
  /// @param words a command of the program with its flags
  static List<String> command(List<String> words) {
    List<String> command =
        new ArrayList<>(
            List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "--enable-native-access=ALL-UNNAMED",
                "--sun-misc-unsafe-memory-access=allow",
                "-XX:+UseSerialGC",
                "-Xmx1g"));
    for (String name : List.of("org.bytedeco.openblas.load", "org.bytedeco.javacpp.cachedir")) {
      String value = System.getProperty(name);
      if (value != null) {
        command.add("-D" + name + "=" + value);
      }
    }
    command.addAll(List.of("-cp", System.getProperty("java.class.path"), Main.class.getName()));
    command.addAll(words);
    return command;
  }
}
