package dev.anima.dataset;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.anima.config.DatasetSpec;
import dev.anima.config.Size;
import dev.anima.config.SubsetSpec;
import dev.anima.config.SubsetSpec.AugmentOptions;
import dev.anima.dataset.Findings.Finding;
import dev.anima.dataset.FoundImage.CaptionSource;
import dev.anima.io.InputException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

class DatasetGroupTest {
  @TempDir Path root;

  @Test
  void findsImagesOfTheFolderByCodePoint() throws IOException {
    Path folder = images("f", "b.png", "B.PNG", "\ud83d\ude00.png", "\uff21.png", ".hidden.png");
    Scenario.image(folder.resolve("mixed.Png"), 96, 96);
    Files.writeString(folder.resolve("notes.md"), "no image");
    Files.createDirectories(folder.resolve("deeper.png"));
    Files.delete(folder.resolve("deeper.png"));
    DatasetGroup group = inspect(subset(folder));
    assertThat(keys(group)).containsExactly("B.PNG", "b.png", "\uff21.png", "\ud83d\ude00.png");
    assertThat(codes(group)).contains("extension-case");
  }

  @Test
  void keysAreTheFolderAsWrittenAndTheName() {
    Path folder = images("f", "a.png");
    DatasetGroup group = inspect(Specs.subset(folder + "/").build());
    TrainingImage image = group.training().getFirst().images().getFirst();
    assertThat(image.key()).isEqualTo(folder + java.io.File.separator + "a.png");
    assertThat(image.subset().name()).isEmpty(); // as os.path.basename of a path ending with /
  }

  @Test
  void captionsComeFromFilesThenClassTokensThenNothing() throws IOException {
    Path folder = images("f", "a.png", "b.png");
    Files.writeString(folder.resolve("a.txt"), "from file");
    DatasetGroup withTokens = inspect(Specs.subset(folder.toString()).classTokens("tok").build());
    assertThat(captions(withTokens)).containsExactly("from file", "tok");
    DatasetGroup without = inspect(subset(folder));
    assertThat(captions(without)).containsExactly("from file", "");
    assertThat(images(without).get(1).found().source()).isEqualTo(CaptionSource.NONE);
    assertThat(codes(without)).containsOnlyOnce("caption-missing");
  }

  @Test
  void aWrongCaptionExtensionIsHinted() throws IOException {
    Path folder = images("f", "a.png");
    Files.writeString(folder.resolve("a.txt"), "x");
    DatasetGroup group =
        inspect(Specs.subset(folder.toString()).captionExtension(".caption").build());
    assertThat(group.findings().warnings())
        .extracting(Finding::message)
        .anyMatch(message -> message.contains("caption_extension = \".txt\""));
  }

  @Test
  void everyUnusableFileIsNamedAtOnce() throws IOException {
    Path folder = images("f", "a.png", "b.png", "c.png");
    Files.writeString(folder.resolve("broken.png"), "not an image");
    Files.createFile(folder.resolve("a.txt"));
    Files.write(folder.resolve("b.txt"), new byte[] {'x', (byte) 0xff});
    Scenario.image(folder.resolve("tiny.png"), 10, 200);
    DatasetSpec spec =
        Specs.dataset().buckets(true, 32, 192, 16, true).subsets(subset(folder)).build();
    assertThatThrownBy(() -> build(spec))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("broken.png")
        .hasMessageContaining("a.txt")
        .hasMessageContaining("b.txt: not UTF-8")
        .hasMessageContaining("tiny.png: is 10x200, too small");
  }

  @Test
  void runsWithoutImagesAreRefused() throws IOException {
    Path empty = Files.createDirectories(root.resolve("empty"));
    DatasetSpec spec =
        Specs.dataset()
            .subsets(subset(empty), Specs.subset(root.resolve("absent").toString()).build())
            .build();
    assertThatThrownBy(() -> build(spec))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("no images found");
  }

  @Test
  void subsetsThatAddNothingAreSkippedWithAWarning() {
    Path folder = images("f", "a.png");
    DatasetGroup group =
        inspect(
            subset(folder),
            subset(folder),
            Specs.subset(images("g", "x.png").toString()).repeats(0).build(),
            Specs.subset(root.resolve("absent").toString()).build());
    assertThat(group.training().getFirst().subsets()).hasSize(1);
    assertThat(codes(group)).contains("subset-duplicate", "repeats-zero", "folder-missing");
  }

  @Test
  void imagesOfOneStemAreWarnedAbout() {
    assertThat(codes(inspect(subset(images("f", "a.png", "a.PNG"))))).contains("same-stem");
  }

  @Test
  void surplusRegularisationImagesStayUnused() {
    SubsetSpec reg =
        Specs.subset(images("r", "a.png", "b.png", "c.png").toString()).reg(true).build();
    DatasetGroup group = inspect(subset(images("t", "x.png", "y.png")), reg);
    assertThat(keys(group)).containsExactly("x.png", "y.png", "a.png", "b.png");
    assertThat(group.numRegImages()).isEqualTo(3);
    assertThat(codes(group)).contains("regularisation-surplus");
  }

  @Test
  void aSeededSplitLeavesTheRunsStreamAlone() {
    Path folder =
        images("f", IntStream.range(0, 20).mapToObj(i -> i + ".png").toArray(String[]::new));
    DatasetSpec spec =
        Specs.dataset().validation(0.2, OptionalInt.of(3)).subsets(subset(folder)).build();
    DatasetGroup group = build(spec);
    assertThat(group.seed()).isEqualTo(1654615998L);
    List<String> all = new ArrayList<>(keys(group));
    assertThat(all).hasSize(16);
    group.validation().getFirst().images().forEach(image -> all.add(name(image)));
    assertThat(all).doesNotHaveDuplicates().hasSize(20);
  }

  @Test
  void anUnseededSplitOverlapsAsInTheReferenceAndSaysSo() {
    Path folder =
        images("f", IntStream.range(0, 20).mapToObj(i -> i + ".png").toArray(String[]::new));
    DatasetSpec spec =
        Specs.dataset().validation(0.2, OptionalInt.empty()).subsets(subset(folder)).build();
    DatasetGroup group = build(spec);
    // Recorded in the training specification: all 4 validation images are trained on, 4 are unused.
    assertThat(keys(group))
        .hasSize(16)
        .containsAll(
            group.validation().getFirst().images().stream().map(DatasetGroupTest::name).toList());
    assertThat(group.numValidationImages()).isEqualTo(4);
    assertThat(codes(group)).contains("validation-overlap");
  }

  @Test
  void splitsRoundLikeTheReference() {
    List<Integer> numbers = IntStream.range(0, 5).boxed().toList();
    PythonRandom random = new PythonRandom(0);
    OptionalInt seed = OptionalInt.of(1);
    assertThat(ValidationSplit.part(numbers, 0.3, seed, Dataset.Role.TRAINING, random)).hasSize(4);
    assertThat(ValidationSplit.part(numbers, 0.3, seed, Dataset.Role.VALIDATION, random))
        .hasSize(2);
    assertThat(ValidationSplit.part(numbers, 0.5, seed, Dataset.Role.VALIDATION, random))
        .hasSize(2); // 2.5 to even
    assertThat(ValidationSplit.part(numbers, 1.6, seed, Dataset.Role.TRAINING, random)).hasSize(2);
    assertThat(ValidationSplit.part(numbers, 1, seed, Dataset.Role.TRAINING, random)).isEmpty();
  }

  @Test
  void cachingExcludesOptionsThatChangeFromSampleToSample() {
    SubsetSpec subset =
        Specs.subset(images("f", "a.png").toString())
            .caption(Specs.caption(json("{\"shuffle_caption\": true, \"enable_wildcard\": true}")))
            .augment(new AugmentOptions(true, true, true, null))
            .build();
    DatasetGroup group = inspect(subset);
    group.check(Caching.NONE);
    assertThatThrownBy(() -> group.check(new Caching(true, true)))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("color_aug")
        .hasMessageContaining("random_crop")
        .hasMessageContaining("shuffle_caption")
        .hasMessageContaining("enable_wildcard");
  }

  @Test
  void withoutBucketsUncachedImagesMustFit() {
    Path folder = root.resolve("f");
    Scenario.image(folder.resolve("large.png"), 200, 96);
    Scenario.image(folder.resolve("small.png"), 95, 96);
    Scenario.image(folder.resolve("right.png"), 96, 96);
    DatasetSpec spec =
        Specs.dataset().buckets(false, 32, 192, 16, false).subsets(subset(folder)).build();
    DatasetGroup group = build(spec);
    group.check(new Caching(true, false));
    assertThatThrownBy(() -> group.check(Caching.NONE))
        .hasMessageContaining("large.png")
        .hasMessageContaining("small.png")
        .hasMessageNotContaining("right.png");
  }

  @Test
  void masksAreMatchedByStem() {
    Path folder = images("f", "a.png", "b.png");
    Path masks = images("m", "a.PNG", "b.png", "surplus.png");
    SubsetSpec subset = Specs.subset(folder.toString()).masks(masks.toString()).build();
    DatasetSpec spec = Specs.dataset().style(DatasetSpec.Style.MASKED).subsets(subset).build();
    assertThat(build(spec).training().getFirst().images())
        .extracting(image -> image.found().mask())
        .containsExactly(masks.resolve("a.PNG"), masks.resolve("b.png"));
    Scenario.image(folder.resolve("c.png"), 96, 96);
    assertThatThrownBy(() -> build(spec)).hasMessageContaining("c.png");
  }

  @Test
  void fineTuningListsAreReadLongestKeyFirst() throws IOException {
    Path folder = images("f", "a.png", "longer.png", "c.png");
    Path list =
        Files.writeString(
            root.resolve("meta.json"),
            """
            {"a.png": {"caption": "one", "tags": "x, Y"},
             "longer.png": {"tags": "z", "image_size": [1, 2]},
             "c.png": {"caption": "three"}}
            """);
    SubsetSpec subset =
        Specs.subset(folder.toString()).metadataFile(list.toString()).repeats(2).build();
    DatasetSpec spec =
        Specs.dataset()
            .style(DatasetSpec.Style.FINE_TUNING)
            .validation(0.5, OptionalInt.empty())
            .subsets(subset)
            .build();
    DatasetGroup group = build(spec);
    assertThat(images(group))
        .extracting(TrainingImage::key)
        .containsExactly("longer.png", "a.png", "c.png");
    assertThat(captions(group)).containsExactly("z", "one,x, Y", "three");
    assertThat(group.numTrainImages()).isEqualTo(6);
    assertThat(group.numValidationImages()).isEqualTo(6); // never split
    assertThat(codes(group)).contains("size-differs");
    assertThat(DatasetMetadata.ofConfig(group))
        .containsEntry("ss_tag_frequency", "{\"meta.json\": {\"z\": 1, \"x\": 1, \"y\": 1}}")
        .containsEntry("ss_dataset_dirs", "{\"meta.json\": {\"n_repeats\": 2, \"img_count\": 3}}");
  }

  @Test
  void jsonLinesNameTheirLine() throws IOException {
    Path folder = images("f", "a.png");
    Path list = root.resolve("meta.jsonl");
    Files.writeString(
        list,
        "{\"image_path\": \"%s\", \"caption\": \"l1\\nl2\", \"tags\": \"t\\nu\"}\n"
            .formatted(folder.resolve("a.png").toString().replace('\\', '/')));
    SubsetSpec wildcards =
        Specs.subset(folder.toString())
            .metadataFile(list.toString())
            .caption(Specs.caption(json("{\"enable_wildcard\": true}")))
            .build();
    DatasetSpec spec =
        Specs.dataset().style(DatasetSpec.Style.FINE_TUNING).subsets(wildcards).build();
    assertThat(captions(build(spec))).containsExactly("l1,t,u\nl2,t,u");
    Files.writeString(list, "{\"image_path\": \"x\"}\n{oops\n");
    assertThatThrownBy(() -> build(spec)).hasMessageContaining("meta.jsonl:2: not valid JSON");
  }

  @Test
  void anImageThatIsGoneIsReplacedByItsLatents() throws IOException {
    Path folder = images("f", "keep.png");
    Path cache = Files.createFile(folder.resolve("gone_0080x0128_anima.npz"));
    Files.createFile(folder.resolve("gone_2_0096x0096_anima.npz"));
    Path list = Files.writeString(root.resolve("meta.json"), "{\"gone.png\": {}}");
    SubsetSpec subset = Specs.subset(folder.toString()).metadataFile(list.toString()).build();
    DatasetSpec spec = Specs.dataset().style(DatasetSpec.Style.FINE_TUNING).subsets(subset).build();
    FoundImage found = images(build(spec)).getFirst().found();
    assertThat(found.file()).isEqualTo(cache);
    assertThat(found.size()).isEqualTo(new Size(80, 128));
  }

  @Test
  void infoCachesAreUsedWhileNothingChanged() throws IOException {
    Path folder = images("f", "a.png", "b.png");
    Files.writeString(folder.resolve("a.txt"), "first");
    SubsetSpec subset = Specs.subset(folder.toString()).cacheInfo().build();
    List<Path> read = new ArrayList<>();
    SizeReader counting =
        file -> {
          read.add(file);
          return Scenario.size(file);
        };
    DatasetSpec spec = Specs.dataset().subsets(subset).build();
    assertThat(captions(DatasetGroup.build(List.of(spec), new PythonRandom(0), counting)))
        .containsExactly("first", "");
    assertThat(read).hasSize(2);
    JsonNode saved = JsonMapper.shared().readTree(folder.resolve("metadata_cache.json").toFile());
    assertThat(saved.get(folder.resolve("a.png").toString()).get("resolution").toString())
        .isEqualTo("[96,96]");
    Files.writeString(folder.resolve("a.txt"), "edited");
    Scenario.image(folder.resolve("c.png"), 96, 96);
    assertThat(captions(DatasetGroup.build(List.of(spec), new PythonRandom(0), counting)))
        .containsExactly("edited", "", "");
    assertThat(read).hasSize(4); // a again (its caption changed) and the new c; b was known
  }

  @Test
  void anInfoCacheOfTheReferenceCountsUntilAFileIsNewer() throws IOException {
    Path folder = images("f", "a.png");
    Files.writeString(
        folder.resolve("metadata_cache.json"),
        PythonJson.indented(
            java.util.Map.of(
                folder.resolve("a.png").toString(),
                java.util.Map.of("caption", "cached", "resolution", List.of(96, 96)))));
    Files.setLastModifiedTime(folder.resolve("a.png"), FileTime.fromMillis(1000));
    SubsetSpec subset = Specs.subset(folder.toString()).cacheInfo().build();
    assertThat(captions(inspect(subset))).containsExactly("cached");
    Files.writeString(folder.resolve("a.txt"), "newer");
    Files.setLastModifiedTime(
        folder.resolve("a.txt"), FileTime.fromMillis(System.currentTimeMillis() + 100_000));
    assertThat(captions(inspect(subset))).containsExactly("newer");
  }

  private Path images(String folder, String... names) {
    for (String name : names) {
      Scenario.image(root.resolve(folder).resolve(name), 96, 96);
    }
    return root.resolve(folder);
  }

  private static SubsetSpec subset(Path folder) {
    return Specs.subset(folder.toString()).build();
  }

  private static DatasetGroup inspect(SubsetSpec... subsets) {
    DatasetSpec spec = Specs.dataset().subsets(subsets).build();
    return DatasetGroup.inspect(List.of(spec), new PythonRandom(0), Scenario::size);
  }

  private static DatasetGroup build(DatasetSpec spec) {
    return DatasetGroup.build(List.of(spec), new PythonRandom(0), Scenario::size);
  }

  private static List<TrainingImage> images(DatasetGroup group) {
    return group.training().getFirst().images();
  }

  private static List<String> keys(DatasetGroup group) {
    return images(group).stream().map(DatasetGroupTest::name).toList();
  }

  private static String name(TrainingImage image) {
    return CaptionFile.name(image.key());
  }

  private static List<String> captions(DatasetGroup group) {
    return images(group).stream().map(image -> image.found().caption()).toList();
  }

  private static List<String> codes(DatasetGroup group) {
    return group.findings().warnings().stream().map(Finding::code).toList();
  }

  private static JsonNode json(String text) {
    return JsonMapper.shared().readTree(text);
  }
}
