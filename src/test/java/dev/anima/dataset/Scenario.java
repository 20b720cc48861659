package dev.anima.dataset;

import dev.anima.config.DatasetSpec;
import dev.anima.config.Size;
import dev.anima.config.SubsetSpec.AugmentOptions;
import dev.anima.io.InputException;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;
import javax.imageio.ImageIO;
import org.jspecify.annotations.Nullable;
import org.tomlj.Toml;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/// A recorded dataset configuration with its image files written to a folder.
record Scenario(JsonNode golden, Path root) {
  static Scenario create(JsonNode golden, Path root) {
    golden
        .get("files")
        .properties()
        .forEach(folder ->
            folder.getValue().forEach(file -> write(root.resolve(folder.getKey()), file)));
    return new Scenario(golden, root);
  }

  private static void write(Path folder, JsonNode file) {
    String name = file.get("file").stringValue();
    image(folder.resolve(name), file.get("w").intValue(), file.get("h").intValue());
    try {
      if (file.hasNonNull("caption")) {
        Files.writeString(
            folder.resolve(name.replace(".png", ".txt")), file.get("caption").stringValue());
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /// A black PNG.
  static Path image(Path file, int width, int height) {
    try {
      Files.createDirectories(file.toAbsolutePath().getParent());
      BufferedImage image = new BufferedImage(width, height, BufferedImage.TYPE_3BYTE_BGR);
      ImageIO.write(image, "png", file.toFile());
      return file;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /// Reads sizes with the JDK's own decoder.
  static Size size(Path file) {
    try {
      BufferedImage image = ImageIO.read(file.toFile());
      if (image == null) {
        throw InputException.inFile(file, "no image");
      }
      return new Size(image.getWidth(), image.getHeight());
    } catch (IOException e) {
      throw new InputException(file + ": cannot be read", e);
    }
  }

  DatasetGroup group() {
    PythonRandom random = new PythonRandom(golden.path("seed").longValue(0));
    return DatasetGroup.build(specs(), random, Scenario::size);
  }

  List<DatasetSpec> specs() {
    String toml =
        golden.get("config_toml").stringValue().replace("@", root + java.io.File.separator);
    JsonNode config = JsonMapper.shared().readTree(Toml.parse(toml).toJson());
    JsonNode general = config.path("general");
    List<DatasetSpec> specs = new ArrayList<>();
    for (JsonNode dataset : config.get("datasets")) {
      specs.add(spec(merged(general, dataset)));
    }
    return specs;
  }

  private DatasetSpec spec(JsonNode dataset) {
    Specs.DatasetBuilder builder =
        Specs.dataset()
            .resolution(size(dataset.get("resolution")))
            .batchSize(dataset.path("batch_size").intValue(1))
            .buckets(
                dataset.path("enable_bucket").booleanValue(false),
                dataset.path("min_bucket_reso").intValue(256),
                dataset.path("max_bucket_reso").intValue(1024),
                dataset.path("bucket_reso_steps").intValue(64),
                dataset.path("bucket_no_upscale").booleanValue(false))
            .priorLossWeight(argument("--prior_loss_weight", 1))
            .validation(
                dataset.path("validation_split").doubleValue(0),
                dataset.has("validation_seed")
                    ? OptionalInt.of(dataset.get("validation_seed").intValue())
                    : OptionalInt.empty());
    return builder
        .subsets(
            dataset
                .get("subsets")
                .valueStream()
                .map(subset -> subset(merged(dataset, subset)))
                .toArray(dev.anima.config.SubsetSpec[]::new))
        .build();
  }

  private static dev.anima.config.SubsetSpec subset(JsonNode node) {
    return Specs.subset(node.get("image_dir").stringValue())
        .reg(node.path("is_reg").booleanValue(false))
        .repeats(node.path("num_repeats").intValue(1))
        .classTokens(node.has("class_tokens") ? node.get("class_tokens").stringValue() : null)
        .captionExtension(node.path("caption_extension").stringValue(".caption"))
        .caption(Specs.caption(node))
        .augment(new AugmentOptions(false, node.path("flip_aug").booleanValue(false), false, null))
        .build();
  }

  private double argument(String name, double otherwise) {
    List<String> arguments = golden.get("args").valueStream().map(JsonNode::stringValue).toList();
    int at = arguments.indexOf(name);
    return at < 0 ? otherwise : Double.parseDouble(arguments.get(at + 1));
  }

  private static JsonNode merged(JsonNode outer, JsonNode inner) {
    ObjectNode all = JsonMapper.shared().createObjectNode();
    outer.properties().forEach(e -> all.set(e.getKey(), e.getValue()));
    inner.properties().forEach(e -> all.set(e.getKey(), e.getValue()));
    return all;
  }

  private static @Nullable Size size(@Nullable JsonNode node) {
    if (node == null) {
      return null;
    }
    return node.isArray()
        ? new Size(node.get(0).intValue(), node.get(1).intValue())
        : new Size(node.intValue(), node.intValue());
  }

  /// A key as the recording has it: below the root, with forward slashes.
  String relative(TrainingImage image) {
    return root.relativize(Path.of(image.key())).toString().replace('\\', '/');
  }
}
