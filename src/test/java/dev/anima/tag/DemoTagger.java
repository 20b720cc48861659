package dev.anima.tag;

import dev.anima.io.InputException;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/// The tiny tagger that comes with the program, and what it must answer.
public final class DemoTagger {
  public static final List<String> EXAMPLES =
      List.of(
          "lumi.png",
          "lumi_large.png",
          "toto_cutout.png",
          "closed_eyes_palette.png",
          "grey.png",
          "beach_exif_rotated.jpg");

  private DemoTagger() {}

  /// Copies a file of the demo.
  public static Path copy(String name, Path target) {
    try (InputStream in =
        Objects.requireNonNull(DemoTagger.class.getResourceAsStream("/dev/anima/demo/" + name))) {
      Files.createDirectories(Objects.requireNonNull(target.getParent()));
      Files.copy(in, target, java.nio.file.StandardCopyOption.REPLACE_EXISTING);
      return target;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /// The model's two files in `folder`.
  public static ModelFiles files(Path folder) {
    copy("tagger/model.onnx", folder.resolve("model.onnx"));
    copy("tagger/selected_tags.csv", folder.resolve("selected_tags.csv"));
    return ModelFiles.in(folder, "--model");
  }

  /// What must be answered for a picture of the dataset or an example.
  ///
  /// @param resource below the demo's folder, such as `dataset/pimidress/pimidress_01.png`
  public record Expected(String resource, JsonNode node) {
    public Path in(Path folder) {
      return copy(resource, folder.resolve(resource));
    }

    @Override
    public String toString() {
      return resource;
    }
  }

  /// All 30 pictures.
  public static Stream<Expected> expected() {
    return Stream.concat(
        entries("tagger/expected.json", "dataset/"),
        entries("tagger/examples/expected.json", "tagger/examples/"));
  }

  private static Stream<Expected> entries(String resource, String below) {
    try (InputStream in =
        Objects.requireNonNull(
            DemoTagger.class.getResourceAsStream("/dev/anima/demo/" + resource))) {
      return JsonMapper.shared()
          .readTree(in.readAllBytes())
          .get("images")
          .valueStream()
          .map(node -> new Expected(below + node.get("file").asString(), node))
          .toList()
          .stream();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /// The sentence of a wrong input.
  static String sentence(Runnable action) {
    try {
      action.run();
    } catch (InputException e) {
      return String.valueOf(e.getMessage());
    }
    throw new AssertionError("nothing was refused");
  }
}
