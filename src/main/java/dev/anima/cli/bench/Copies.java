package dev.anima.cli.bench;

import dev.anima.io.RunFailedException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/// A small dataset made large: every picture again and again under other names, with its caption
/// and its caches.
final class Copies {
  private Copies() {}

  /// @param count pictures there shall be at least
  /// @return pictures there are
  static int make(Path dataset, int count) {
    try {
      List<Path> originals = files(dataset);
      List<Path> pictures = originals.stream().filter(Copies::isPicture).toList();
      int made = pictures.size();
      for (int number = 1; made < count; number++) {
        for (Path picture : pictures) {
          if (made < count) {
            copy(picture, originals, number);
            made++;
          }
        }
      }
      return made;
    } catch (IOException e) {
      throw new RunFailedException(dataset + ": could not be copied (" + e.getMessage() + ")", e);
    }
  }

  private static List<Path> files(Path folder) throws IOException {
    try (Stream<Path> files = Files.walk(folder)) {
      return files.filter(Files::isRegularFile).sorted().toList();
    }
  }

  private static boolean isPicture(Path file) {
    return file.toString().endsWith(".png");
  }

  /// The picture first: a cache older than its picture does not count.
  private static void copy(Path picture, List<Path> originals, int number) throws IOException {
    String name = String.valueOf(picture.getFileName());
    String stem = name.substring(0, name.length() - ".png".length());
    String copied = "copy%d_%s".formatted(number, stem);
    Files.copy(picture, picture.resolveSibling(copied + ".png"));
    for (Path file : originals) {
      String other = String.valueOf(file.getFileName());
      boolean belongs = other.equals(stem + ".txt") || other.startsWith(stem + "_");
      if (belongs && !isPicture(file) && file.resolveSibling(name).equals(picture)) {
        Files.copy(file, file.resolveSibling(copied + other.substring(stem.length())));
      }
    }
  }
}
