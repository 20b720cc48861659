package dev.anima.dataset;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.anima.Golden;
import dev.anima.config.Size;
import dev.anima.config.SubsetSpec;
import dev.anima.config.SubsetSpec.AugmentOptions;
import dev.anima.dataset.FoundImage.CaptionSource;
import dev.anima.io.InputException;
import dev.anima.io.NpyArray;
import dev.anima.io.NpyType;
import dev.anima.io.Npz;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

class CacheTest {
  @TempDir Path folder;

  @Test
  void readsTheReferencesLatents() throws IOException {
    copy("cache/rgba_50x70_0050x0070_anima.npz");
    JsonNode arrays = Golden.json("cache/index.json").get("arrays");
    TrainingImage image = image("rgba_50x70.png", new Size(50, 70), new Size(48, 64), true, true);
    assertThat(valid(image, false)).isTrue();
    LatentCache.Entry entry = LatentCache.read(image);
    assertArray(entry.latents(), arrays.get("latents_8x6"));
    assertArray(entry.flipped(), arrays.get("latents_flipped_8x6"));
    assertArray(entry.alphaMask(), arrays.get("alpha_mask_8x6"));
    assertThat(entry.originalSize()).isEqualTo(new Size(50, 70));
    assertThat(entry.edges()).isEqualTo(new BucketChoice.Edges(1, 0, 46.714285714285715, 64));
    assertThat(entry.edges()).isEqualTo(image.choice().edges());
  }

  @Test
  void aMaskCountsOnlyWhileItIsAskedFor() throws IOException {
    copy("cache/rgba_50x70_0050x0070_anima.npz");
    TrainingImage image = image("rgba_50x70.png", new Size(50, 70), new Size(48, 64), false, false);
    assertThat(LatentCache.read(image).alphaMask()).isNull();
  }

  @Test
  void latentsAreValidIfTheyHoldAllThatIsNeeded() throws IOException {
    Path cache = copy("cache/rgba_50x70_0050x0070_anima.npz");
    Size size = new Size(50, 70);
    Size second = new Size(64, 96); // has neither mirrored latents nor a mask
    assertThat(valid(size, second, false, false)).isTrue();
    assertThat(valid(size, second, true, false)).isFalse();
    assertThat(valid(size, second, false, true)).isFalse();
    assertThat(valid(size, new Size(64, 64), false, false)).isFalse();
    assertThat(valid(new Size(50, 71), second, false, false)).isFalse();
    TrainingImage image = image("rgba_50x70.png", size, new Size(64, 64), false, false);
    assertThat(valid(image, true)).isTrue();
    assertThatThrownBy(() -> LatentCache.read(image))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("64x64");
    Files.setLastModifiedTime(cache, FileTime.fromMillis(1000));
    assertThat(valid(size, second, false, false)).isFalse(); // the image is newer
  }

  @Test
  void writtenLatentsAreTheReferencesBytesAndKeepOtherBuckets() throws IOException {
    Path golden = Golden.path("cache/rgba_50x70_0050x0070_anima.npz");
    Map<String, NpyArray> arrays = Npz.read(golden);
    Size size = new Size(50, 70);
    TrainingImage first = image("rgba_50x70.png", size, new Size(48, 64), true, true);
    LatentCache.write(
        first,
        get(arrays, "latents_8x6"),
        arrays.get("latents_flipped_8x6"),
        arrays.get("alpha_mask_8x6"));
    TrainingImage second = image("rgba_50x70.png", size, new Size(64, 96), false, false);
    LatentCache.write(second, get(arrays, "latents_12x8"), null, null);
    assertThat(LatentCache.file(first)).isEqualTo(LatentCache.file(second));
    assertThat(Npz.names(LatentCache.file(first))).isEqualTo(Npz.names(golden));
    assertThat(Files.readAllBytes(LatentCache.file(first))).isEqualTo(Files.readAllBytes(golden));
    assertThatThrownBy(() -> LatentCache.write(second, get(arrays, "latents_8x6"), null, null))
        .isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  void theCachesOfARunOfTheReferenceAreValid() throws IOException {
    for (String name : List.of("img02_0160x0096", "pic_c_0131x0117")) {
      copy("training/e2e/cache/" + name + "_anima.npz");
    }
    copy("training/e2e/cache/img02_anima_te.npz");
    TrainingImage landscape =
        image("img02.png", new Size(160, 96), new Size(160, 96), false, false);
    assertThat(LatentCache.read(landscape).latents().shape()).isEqualTo(List.of(16, 12, 20));
    TrainingImage square = image("pic_c.png", new Size(131, 117), new Size(128, 128), true, false);
    assertThat(valid(square, false)).isTrue();
    assertThat(LatentCache.read(square).edges())
        .isEqualTo(
            new BucketRule.FromList(List.of(new Size(128, 128)))
                .choose(new Size(131, 117))
                .edges());
    TextCache.Source unknown = new TextCache.Source("whatever", "encoder", 512, 512);
    assertThat(TextCache.isValid(landscape, unknown, false)).isTrue();
    assertThat(TextCache.read(landscape).promptEmbeds().shape()).isEqualTo(List.of(96, 32));
    assertThat(TextCache.isValid(square, unknown, false)).isFalse();
  }

  @Test
  void framesOfOldLatentsAreDropped() {
    NpyArray old = NpyArray.ofFloats(new float[12], 2, 1, 2, 3);
    LatentCache.Entry entry =
        new LatentCache.Entry(old, null, null, new Size(1, 1), new BucketChoice.Edges(0, 0, 1, 1));
    assertThat(entry.latents().shape()).isEqualTo(List.of(2, 2, 3));
  }

  @Test
  void readsTheReferencesTextOutputs() throws IOException {
    copy("cache/rgba_50x70_anima_te.npz");
    JsonNode arrays = Golden.json("cache/index.json").get("text_arrays");
    TrainingImage image = image("rgba_50x70.png", new Size(50, 70), new Size(48, 64), false, false);
    TextCache.Entry entry = TextCache.read(image);
    assertArray(entry.promptEmbeds(), arrays.get("prompt_embeds"));
    assertArray(entry.attentionMask(), arrays.get("attn_mask"));
    assertArray(entry.t5Ids(), arrays.get("t5_input_ids"));
    assertArray(entry.t5Mask(), arrays.get("t5_attn_mask"));
    assertThat(entry.captionDropoutRate()).isEqualTo(0.1f);
  }

  @Test
  void writtenTextOutputsNoticeAnEditedCaption() throws IOException {
    copy("cache/rgba_50x70_anima_te.npz");
    TrainingImage reference =
        image("rgba_50x70.png", new Size(50, 70), new Size(48, 64), false, false);
    TextCache.Entry entry = TextCache.read(reference);
    TrainingImage image = image("other.png", new Size(50, 70), new Size(48, 64), false, false);
    TextCache.Source source = new TextCache.Source("a, b", "qwen", 8, 8);
    TextCache.write(image, entry, source);
    assertThat(TextCache.isValid(image, source, false)).isTrue();
    for (TextCache.Source changed :
        List.of(
            new TextCache.Source("a, c", "qwen", 8, 8),
            new TextCache.Source("a, b", "other", 8, 8),
            new TextCache.Source("a, b", "qwen", 9, 8),
            new TextCache.Source("a, b", "qwen", 8, 9))) {
      assertThat(TextCache.isValid(image, changed, false)).isFalse();
      assertThat(TextCache.isValid(image, changed, true)).isTrue();
    }
    Map<String, NpyArray> written = Npz.read(TextCache.file(image));
    Npz.read(TextCache.file(reference))
        .forEach((name, array) -> {
          NpyArray ours = get(written, name);
          assertThat(ours.type()).isEqualTo(array.type());
          assertThat(ours.shape()).isEqualTo(array.shape());
          assertThat(ours.doubles()).isEqualTo(array.doubles());
        });
  }

  @Test
  void halfPrecisionOutputsStayHalf() {
    TrainingImage image = image("x.png", new Size(50, 70), new Size(48, 64), false, false);
    NpyArray ones = NpyArray.ofInts(new int[] {1, 1}, 2);
    TextCache.Entry entry =
        new TextCache.Entry(NpyArray.ofFloatsAsHalf(new float[] {1, 2}, 2, 1), ones, ones, ones, 0);
    TextCache.write(image, entry, new TextCache.Source("", "", 2, 2));
    assertThat(TextCache.read(image).promptEmbeds().type()).isEqualTo(NpyType.FLOAT16);
  }

  @Test
  void imagesAreEncodedInRunsOfTheSameBucket() {
    Size small = new Size(48, 64);
    Size large = new Size(96, 96);
    Size turned = new Size(64, 48);
    List<TrainingImage> images =
        List.of(
            image("a.png", large, large, false, false),
            image("b.png", small, small, false, false),
            image("c.png", turned, turned, false, false),
            image("d.png", small, small, false, false),
            image("e.png", large, large, false, false),
            image("f.png", large, large, true, false),
            image("g.png", large, large, true, false),
            image("h.png", large, large, true, false));
    assertThat(LatentCache.batches(images, 2))
        .extracting(batch -> batch.stream().map(image -> CaptionFile.name(image.key())).toList())
        .containsExactly(
            List.of("b.png"),
            List.of("c.png"),
            List.of("d.png"),
            List.of("a.png", "e.png"),
            List.of("f.png", "g.png"),
            List.of("h.png"));
  }

  @Test
  void cacheNamesBelongToExactlyOneStem() throws IOException {
    Path file = folder.resolve("a_1_0096x0128_anima.npz");
    Files.createFile(file);
    assertThat(LatentCacheName.in(folder))
        .isEqualTo(Map.of("a_1", List.of(new LatentCacheName(file, new Size(96, 128)))));
    assertThat(LatentCacheName.of(folder.resolve("a_1.png"), new Size(96, 128))).isEqualTo(file);
    assertThat(LatentCacheName.of(Path.of("x.png"), new Size(12345, 7)))
        .isEqualTo(Path.of("x_12345x0007_anima.npz"));
  }

  private boolean valid(Size size, Size bucket, boolean flip, boolean mask) {
    return valid(image("rgba_50x70.png", size, bucket, flip, mask), false);
  }

  private static boolean valid(TrainingImage image, boolean unseen) {
    return LatentCache.use(image, new LatentSources(), unseen) == LatentCache.Use.VALID;
  }

  /// An image in the folder; its file is older than any cache written now.
  private TrainingImage image(String name, Size size, Size bucket, boolean flip, boolean mask) {
    Path file = folder.resolve(name);
    Specs.SubsetBuilder builder =
        Specs.subset(folder.toString()).augment(new AugmentOptions(false, flip, false, null));
    SubsetSpec spec = (mask ? builder.alphaMask() : builder).build();
    FoundImage found =
        new FoundImage(file.toString(), file, "", "", CaptionSource.NONE, size, null);
    try {
      if (!Files.exists(file)) {
        Files.createFile(file);
        Files.setLastModifiedTime(file, FileTime.fromMillis(2000));
      }
    } catch (IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
    return new TrainingImage(
        found,
        new Subset(spec, "f", 1, List.of(found)),
        1,
        BucketChoice.of(size, bucket, bucket),
        java.util.Optional.empty());
  }

  private Path copy(String golden) throws IOException {
    Path source = Golden.path(golden);
    return Files.copy(source, folder.resolve(String.valueOf(source.getFileName())));
  }

  private static NpyArray get(Map<String, NpyArray> arrays, String name) {
    NpyArray array = arrays.get(name);
    if (array == null) {
      throw new AssertionError("no array " + name);
    }
    return array;
  }

  private static void assertArray(
      @org.jspecify.annotations.Nullable NpyArray actual, JsonNode expected) {
    if (actual == null) {
      throw new AssertionError("no array");
    }
    assertThat(actual.type().name().toLowerCase(java.util.Locale.ROOT))
        .isEqualTo(expected.get("dtype").stringValue());
    assertThat(actual.shape())
        .isEqualTo(expected.get("shape").valueStream().map(JsonNode::intValue).toList());
    for (int i = 0; i < expected.get("first").size(); i++) {
      assertThat(actual.doubleAt(i)).isEqualTo(expected.get("first").get(i).doubleValue());
    }
    if (expected.has("sum")) {
      double sum = java.util.Arrays.stream(actual.doubles()).sum();
      assertThat(sum)
          .isCloseTo(
              expected.get("sum").doubleValue(), org.assertj.core.api.Assertions.within(1e-3));
    }
  }
}
