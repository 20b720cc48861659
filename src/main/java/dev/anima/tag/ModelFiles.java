package dev.anima.tag;

import dev.anima.io.InputException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/// The two files of a tagger.
///
/// @param onnx the network
/// @param tags what its outputs mean: `selected_tags.csv` or `tag_mapping.json`
public record ModelFiles(Path onnx, Path tags) {
  private static final List<String> NETWORKS = List.of("model.onnx", "model_optimized.onnx");
  private static final List<String> TAG_LISTS = List.of("selected_tags.csv", "tag_mapping.json");
  private static final int LISTED = 8;

  /// The tagger in a folder, or the one that a `.onnx` file and the list beside it make.
  ///
  /// @param given what the user named, for messages, such as `--model DIR`
  /// @throws InputException if something is missing, naming it and what is there
  public static ModelFiles in(Path place, String given) {
    if (Files.isRegularFile(place)) {
      Path folder = place.toAbsolutePath().getParent();
      Optional<Path> tags = folder == null ? Optional.empty() : first(folder, TAG_LISTS);
      return new ModelFiles(
          place,
          tags.orElseThrow(() ->
              new InputException(
                  "%s: beside it there is neither selected_tags.csv nor tag_mapping.json, which say what its outputs mean"
                      .formatted(given))));
    }
    if (!Files.isDirectory(place)) {
      throw new InputException(
          "%s: there is no such folder; it must hold model.onnx and selected_tags.csv"
              .formatted(given));
    }
    Optional<Path> onnx = first(place, NETWORKS);
    Optional<Path> tags = first(place, TAG_LISTS);
    if (onnx.isEmpty() || tags.isEmpty()) {
      String missing =
          onnx.isPresent()
              ? "selected_tags.csv (or tag_mapping.json)"
              : tags.isPresent() ? "model.onnx" : "model.onnx and selected_tags.csv";
      throw new InputException(
          "%s: there is no %s in it (%s)".formatted(given, missing, contents(place)));
    }
    return new ModelFiles(onnx.get(), tags.get());
  }

  /// Whether a tagger is in `folder`.
  public static boolean areIn(Path folder) {
    return first(folder, NETWORKS).isPresent() && first(folder, TAG_LISTS).isPresent();
  }

  private static Optional<Path> first(Path folder, List<String> names) {
    return names.stream().map(folder::resolve).filter(Files::isRegularFile).findFirst();
  }

  private static String contents(Path folder) {
    try (Stream<Path> files = Files.list(folder)) {
      List<String> names = files.map(file -> String.valueOf(file.getFileName())).sorted().toList();
      return names.isEmpty()
          ? "it is empty"
          : "it holds "
              + names.stream().limit(LISTED).collect(Collectors.joining(", "))
              + (names.size() > LISTED ? ", ..." : "");
    } catch (IOException e) {
      return "it cannot be listed: " + e.getMessage();
    }
  }
}
