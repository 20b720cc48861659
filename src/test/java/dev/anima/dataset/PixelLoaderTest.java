package dev.anima.dataset;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.anima.Golden;
import dev.anima.config.DatasetSpec;
import dev.anima.config.Size;
import dev.anima.config.SubsetSpec;
import dev.anima.config.SubsetSpec.AugmentOptions;
import dev.anima.config.SubsetSpec.Range;
import dev.anima.dataset.FoundImage.CaptionSource;
import dev.anima.io.ImageFile;
import dev.anima.io.InputException;
import dev.anima.io.Pixels;
import java.awt.Color;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.function.IntBinaryOperator;
import java.util.stream.Stream;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import tools.jackson.databind.JsonNode;

class PixelLoaderTest {
  @TempDir Path folder;

  static Stream<Arguments> images() {
    return Golden.json("images/index.json")
        .get("cases")
        .valueStream()
        .map(golden -> Arguments.of(golden.get("expected").stringValue(), golden));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("images")
  void everyImageBecomesTheReferencesPixels(String name, JsonNode golden) throws IOException {
    boolean alpha = golden.get("load_alpha").booleanValue();
    TrainingImage image = image(golden, alpha);
    BucketChoice choice = image.choice();
    assertThat(choice.bucket()).isEqualTo(size(golden.get("bucket")));
    assertThat(choice.resized()).isEqualTo(size(golden.get("resized")));
    Path file = image.found().file();
    Pixels decoded = alpha ? ImageFile.loadWithAlpha(file) : ImageFile.load(file);
    Pixels actual = PixelLoader.window(decoded, Framing.centred(choice), image.interpolation());
    byte[] expected = npy(Golden.path("images/" + name));
    JsonNode tolerance = golden.get("tolerance");
    int largest = 0;
    double total = 0;
    assertThat(actual.data()).hasSameSizeAs(expected);
    for (int i = 0; i < expected.length; i++) {
      int difference =
          Math.abs(Byte.toUnsignedInt(expected[i]) - Byte.toUnsignedInt(actual.data()[i]));
      largest = Math.max(largest, difference);
      total += difference;
    }
    assertThat(largest).isLessThanOrEqualTo(tolerance.path("max_abs").intValue(0));
    assertThat(total / expected.length)
        .isLessThanOrEqualTo(tolerance.path("mean_abs").doubleValue(3));
    SamplePixels sample = PixelLoader.loadForCache(image);
    assertPlanes(sample, actual);
  }

  /// The float arrays say the same as the bytes.
  private static void assertPlanes(SamplePixels sample, Pixels pixels) {
    int area = pixels.width() * pixels.height();
    for (int i = 0; i < area; i++) {
      int x = i % pixels.width();
      int y = i / pixels.width();
      for (int channel = 0; channel < 3; channel++) {
        assertThat(sample.image()[channel * area + i])
            .isEqualTo(pixels.at(x, y, channel) / 127.5f - 1);
      }
      float[] mask = sample.mask();
      if (mask != null) {
        assertThat(mask[i]).isEqualTo(pixels.at(x, y, 3) / 255f);
      }
    }
    assertThat(sample.mask() != null).isEqualTo(pixels.channels() == 4);
  }

  @Test
  void aFlippedSampleIsTheMirrorOfThePlainOne() {
    TrainingImage image = image(Golden.json("images/index.json").get("cases").get(0), true);
    SamplePixels plain = PixelLoader.loadForCache(image);
    SamplePlan flipped =
        new SamplePlan(
            image, Framing.centred(image.choice()), new ColourChange.None(), true, "", 1);
    assertThat(PixelLoader.load(flipped)).usingRecursiveComparison().isEqualTo(plain.mirrored());
    assertThat(plain.image()[0]).isEqualTo(plain.mirrored().image()[plain.size().width() - 1]);
  }

  @Test
  void coloursChangeButAlphaDoesNot() {
    TrainingImage image = image("rgba_50x70.png", true);
    SamplePlan plan =
        new SamplePlan(
            image, Framing.centred(image.choice()), new ColourChange.Gamma(0.95), false, "", 1);
    SamplePixels plain = PixelLoader.loadForCache(image);
    SamplePixels changed = PixelLoader.load(plan);
    assertThat(changed.mask()).isEqualTo(plain.mask());
    assertThat(changed.image()).isNotEqualTo(plain.image());
  }

  @Test
  void masksAreFramedLikeTheirImage() throws IOException {
    // A white column in image and mask; the image is cropped on the left and on the right.
    IntBinaryOperator column = (x, _) -> x == 30 ? 0xffffff : 0;
    Path file = draw("image.png", 128, 80, column);
    Path mask = draw("mask.png", 128, 80, column);
    DatasetSpec spec = Specs.dataset().build();
    BucketChoice choice = BucketRule.of(spec).choose(new Size(128, 80));
    assertThat(choice.centreLeft()).isPositive();
    TrainingImage image = image(file, mask, choice);
    SamplePixels sample = PixelLoader.loadForCache(image);
    float[] actual = sample.mask();
    assertThat(actual).isNotNull();
    for (int i = 0; actual != null && i < actual.length; i++) {
      assertThat(actual[i]).isCloseTo((sample.image()[i] + 1) / 2, within(1e-6f));
    }
    draw("mask.png", 64, 40, column);
    assertThatThrownBy(() -> PixelLoader.loadForCache(image))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("mask.png: the mask is 64x40 but its image is 128x80");
  }

  @Test
  void batchesAreLoadedInTheBackgroundAndStacked() {
    TrainingImage masked = image("rgba_50x70.png", true);
    TrainingImage plain = image("rgba_50x70.png", false);
    List<SamplePlan> samples = new ArrayList<>();
    for (TrainingImage image : List.of(plain, masked)) {
      samples.add(
          new SamplePlan(
              image, Framing.centred(image.choice()), new ColourChange.None(), false, "", 1));
    }
    Size size = masked.choice().bucket();
    try (PixelLoader loader = new PixelLoader(2)) {
      BatchPixels batch = loader.start(new BatchPlan(0, size, samples)).await();
      int area = (int) size.area();
      assertThat(batch.images()).hasSize(2 * 3 * area);
      float[] masks = batch.masks();
      assertThat(masks).hasSize(2 * area);
      SamplePixels alone = PixelLoader.loadForCache(masked);
      assertThat(Arrays.copyOfRange(batch.images(), 3 * area, 6 * area)).isEqualTo(alone.image());
      if (masks != null) {
        assertThat(Arrays.copyOfRange(masks, 0, area)).containsOnly(1f);
        assertThat(Arrays.copyOfRange(masks, area, 2 * area)).isEqualTo(alone.mask());
      }
      BatchPlan unreadable =
          new BatchPlan(
              0,
              size,
              List.of(
                  new SamplePlan(
                      image(folder.resolve("none.png"), null, masked.choice()),
                      Framing.centred(masked.choice()),
                      new ColourChange.None(),
                      false,
                      "",
                      1)));
      assertThatThrownBy(() -> loader.start(unreadable).await())
          .isInstanceOf(InputException.class)
          .hasMessageContaining("none.png");
    }
  }

  @Test
  void theReportLooksIntoRealImages() {
    Path rotated = Golden.path("images/exif6_64x48.jpg");
    assertThat(ImageInspector.DECODING.look(rotated)).isEqualTo(new ImageInspector.Look(6, false));
    assertThat(ImageInspector.DECODING.look(Golden.path("images/rgba_50x70.png")).transparent())
        .isTrue();
    assertThat(SizeReader.HEADER.size(Golden.path("images/lossy_vp8x_64x48.webp")))
        .isEqualTo(new Size(64, 48)); // not one less, as the reference reads it
  }

  @Test
  void facesAreFramedAsTheReferenceComputesIt() {
    Size image = new Size(400, 300);
    Size target = new Size(96, 96);
    Framing.Face face = Framing.Face.in("x_200_150_60_50").orElseThrow();
    // size/(face*range) = 96/(60*0.5) = 3.2 and 96/(60*2) = 0.8: scale drawn from 0.8 to 1.
    PythonRandom random = new PythonRandom(1);
    PythonRandom twin = new PythonRandom(1);
    Framing framing = Framing.aroundFace(image, target, face, new Range(0.5, 2), false, random);
    double scale = twin.uniform(0.8, 1);
    int width = (int) (400 * scale + 0.5);
    int height = (int) (300 * scale + 0.5);
    int top = (int) (150 * scale + 0.5) - 48 + (int) twin.randint(-3, 3);
    int left = (int) (200 * scale + 0.5) - 48 + (int) twin.randint(-3, 3);
    assertThat(framing).isEqualTo(new Framing(new Size(width, height), left, top, target));
    assertThat(random.state()).isEqualTo(twin.state());
    assertThat(Framing.Face.in("a_b_c")).isEmpty();
    assertThat(Framing.Face.in("x_0_150_60_50")).isEmpty();
    assertThatThrownBy(() -> Framing.Face.in("a_b_c_d_e")).isInstanceOf(InputException.class);
  }

  @Test
  void randomCropsDrawOnlyWhereThereIsAChoice() {
    BucketChoice choice = BucketChoice.of(new Size(128, 80), new Size(112, 80), new Size(128, 80));
    PythonRandom random = new PythonRandom(3);
    PythonRandom twin = new PythonRandom(3);
    assertThat(Framing.random(choice, random))
        .isEqualTo(new Framing(new Size(128, 80), (int) twin.randint(0, 16), 0, new Size(112, 80)));
    // Without buckets the rows are drawn before the columns.
    int top = (int) twin.randint(0, 4);
    int left = (int) twin.randint(0, 32);
    assertThat(Framing.randomUnscaled(new Size(128, 100), new Size(96, 96), random))
        .isEqualTo(new Framing(new Size(128, 100), left, top, new Size(96, 96)));
  }

  @Test
  void unknownInterpolationsAreRefused() {
    Scenario.image(folder.resolve("a.png"), 96, 96);
    SubsetSpec subset = Specs.subset(folder.toString()).interpolation("blurry").build();
    assertThatThrownBy(() ->
            DatasetGroup.build(
                List.of(Specs.dataset().subsets(subset).build()), new PythonRandom(0)))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("blurry");
  }

  /// A recorded image in its bucket.
  private static TrainingImage image(JsonNode golden, boolean alpha) {
    JsonNode config = golden.get("config");
    DatasetSpec spec =
        Specs.dataset()
            .resolution(size(config.get("resolution")))
            .buckets(
                config.path("enable_bucket").booleanValue(true),
                config.path("min_bucket_reso").intValue(32),
                config.path("max_bucket_reso").intValue(128),
                config.path("bucket_reso_steps").intValue(16),
                config.path("bucket_no_upscale").booleanValue(false))
            .interpolation(
                golden.hasNonNull("resize_interpolation")
                    ? golden.get("resize_interpolation").stringValue()
                    : null)
            .build();
    Path file = Golden.path("images/" + golden.get("image").stringValue());
    Specs.SubsetBuilder builder = Specs.subset("images");
    SubsetSpec subset = (alpha ? builder.alphaMask() : builder).build();
    Size size = SizeReader.HEADER.size(file);
    FoundImage found =
        new FoundImage(file.toString(), file, "", "", CaptionSource.NONE, size, null);
    List<Subset> subsets = List.of(new Subset(subset, "images", 1, List.of(found)));
    return Dataset.of(
            spec, Dataset.Role.TRAINING, subsets, Registration.of(subsets), new Findings())
        .images()
        .getFirst();
  }

  private static TrainingImage image(String name, boolean alpha) {
    return images()
        .map(arguments -> arguments.get()[1])
        .filter(JsonNode.class::isInstance)
        .map(JsonNode.class::cast)
        .filter(golden -> golden.get("image").stringValue().equals(name))
        .map(golden -> image(golden, alpha))
        .findFirst()
        .orElseThrow();
  }

  private static TrainingImage image(
      Path file, @org.jspecify.annotations.Nullable Path mask, BucketChoice choice) {
    SubsetSpec spec =
        Specs.subset("f").augment(new AugmentOptions(false, false, false, null)).build();
    FoundImage found =
        new FoundImage(file.toString(), file, "", "", CaptionSource.NONE, choice.image(), mask);
    return new TrainingImage(
        found, new Subset(spec, "f", 1, List.of(found)), 1, choice, Optional.empty());
  }

  private Path draw(String name, int width, int height, IntBinaryOperator colour)
      throws IOException {
    BufferedImage image = new BufferedImage(width, height, BufferedImage.TYPE_INT_RGB);
    for (int y = 0; y < height; y++) {
      for (int x = 0; x < width; x++) {
        image.setRGB(x, y, new Color(colour.applyAsInt(x, y)).getRGB());
      }
    }
    Path file = folder.resolve(name);
    ImageIO.write(image, "png", file.toFile());
    return file;
  }

  /// The elements of a uint8 `.npy` file.
  private static byte[] npy(Path file) throws IOException {
    ByteBuffer bytes = ByteBuffer.wrap(Files.readAllBytes(file)).order(ByteOrder.LITTLE_ENDIAN);
    int start = 10 + Short.toUnsignedInt(bytes.getShort(8));
    return Arrays.copyOfRange(bytes.array(), start, bytes.limit());
  }

  private static Size size(JsonNode pair) {
    return new Size(pair.get(0).intValue(), pair.get(1).intValue());
  }
}
