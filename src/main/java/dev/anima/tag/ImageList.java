package dev.anima.tag;

import dev.anima.dataset.CaptionFile;
import dev.anima.dataset.ImageFolder;
import dev.anima.dataset.PythonStrings;
import dev.anima.io.InputException;
import java.io.IOException;
import java.nio.file.FileVisitOption;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;

/// The pictures of some folders, each once, by path within each folder.
///
/// @param warnings what a person may not expect, one sentence each
public record ImageList(List<Path> images, List<String> warnings) {
  private static final int NAMED = 3;

  /// Lists folders.
  ///
  /// @throws InputException naming every folder that is none
  public static ImageList of(List<Path> folders, boolean recursive) {
    List<String> problems = new ArrayList<>();
    Set<Path> images = new LinkedHashSet<>();
    List<String> warnings = new ArrayList<>();
    for (Path folder : folders) {
      if (Files.isRegularFile(folder)) {
        problems.add(folder + ": is a file, expected a folder of pictures");
      } else if (!Files.isDirectory(folder)) {
        problems.add(folder + ": there is no such folder");
      } else {
        List<Path> found = new ArrayList<>();
        for (Path place : recursive ? foldersIn(folder) : List.of(folder)) {
          ImageFolder listed = ImageFolder.list(place.toString());
          listed.keys().forEach(key -> found.add(Path.of(key)));
          listed
              .overlooked()
              .forEach(name ->
                  warnings.add(
                      "%s: not tagged, its ending is neither all lower nor all upper case, so a training would not find it"
                          .formatted(place.resolve(name))));
        }
        found.sort(ImageList::byParts);
        images.addAll(found);
      }
    }
    if (!problems.isEmpty()) {
      throw new InputException(String.join("\n", problems));
    }
    List<Path> all = List.copyOf(images);
    warnings.addAll(sharedCaptions(all));
    return new ImageList(all, List.copyOf(warnings));
  }

  private static List<Path> foldersIn(Path folder) {
    // Links are followed, as Python's rglob follows a link that is named; a circle ends the walk.
    try (Stream<Path> tree = Files.walk(folder, FileVisitOption.FOLLOW_LINKS)) {
      return tree.filter(Files::isDirectory).toList();
    } catch (IOException | java.io.UncheckedIOException e) {
      throw new InputException("%s: cannot be searched (%s)".formatted(folder, e.getMessage()), e);
    }
  }

  /// As pathlib compares: name by name.
  private static int byParts(Path a, Path b) {
    int common = Math.min(a.getNameCount(), b.getNameCount());
    for (int i = 0; i < common; i++) {
      int order =
          PythonStrings.CODE_POINT_ORDER.compare(a.getName(i).toString(), b.getName(i).toString());
      if (order != 0) {
        return order;
      }
    }
    return Integer.compare(a.getNameCount(), b.getNameCount());
  }

  private static List<String> sharedCaptions(List<Path> images) {
    Map<String, List<Path>> byStem = new LinkedHashMap<>();
    for (Path image : images) {
      byStem.computeIfAbsent(CaptionFile.stem(image.toString()), _ -> new ArrayList<>()).add(image);
    }
    List<List<Path>> shared =
        byStem.values().stream().filter(sharing -> sharing.size() > 1).toList();
    List<String> warnings = new ArrayList<>();
    for (List<Path> sharing : shared.subList(0, Math.min(NAMED, shared.size()))) {
      warnings.add(
          "%s and %s share one caption file; the last one's tags stay in it"
              .formatted(sharing.get(0), sharing.get(1).getFileName()));
    }
    if (shared.size() > NAMED) {
      warnings.add("... and %d more pairs".formatted(shared.size() - NAMED));
    }
    return warnings;
  }
}
