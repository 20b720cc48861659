package dev.anima.lint;

import static org.assertj.core.api.Assertions.assertThat;

import dev.anima.captions.CaptionSet;
import dev.anima.captions.CaptionSource;
import dev.anima.captions.Prefixes;
import dev.anima.captions.Separators;
import dev.anima.captions.TagKnowledge;
import dev.anima.captions.Vocabulary;
import dev.anima.io.ImageFile;
import dev.anima.io.Pixels;
import dev.anima.io.PngWriter;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class LintTest {
  @TempDir Path temp;
  private final Map<String, List<String>> prefixes = new HashMap<>();
  private Vocabulary vocabulary = Vocabulary.empty();

  private void caption(String image, String text) {
    bytes(image, text.getBytes(StandardCharsets.UTF_8));
  }

  private void bytes(String image, byte[] text) {
    image(image);
    write(image.substring(0, image.lastIndexOf('.')) + ".txt", text);
  }

  private void image(String name) {
    write(name, new byte[] {1});
  }

  private void write(String name, byte[] bytes) {
    try {
      Path file = temp.resolve(name);
      Files.createDirectories(file.getParent());
      Files.write(file, bytes);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private void picture(String name, int width, int height, long seed) {
    Pixels pixels = Pixels.blank(width, height, 3);
    Random random = new Random(seed);
    int[] coarse = random.ints(64, 0, 256).toArray();
    for (int y = 0; y < height; y++) {
      for (int x = 0; x < width; x++) {
        for (int c = 0; c < 3; c++) {
          pixels.data()[(y * width + x) * 3 + c] =
              (byte) (coarse[y * 8 / height * 8 + x * 8 / width] / (c + 1));
        }
      }
    }
    picture(name, pixels);
  }

  private void picture(String name, Pixels pixels) {
    Path file = temp.resolve(name);
    try {
      Files.createDirectories(file.getParent());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    PngWriter.write(file, pixels);
    write(name.replace(".png", ".txt"), "may, 1girl, a, b".getBytes(StandardCharsets.UTF_8));
  }

  private LintReport lint(Path data, LintRule... rules) {
    return lint(data, 6, rules);
  }

  private LintReport lint(Path data, int distance, LintRule... rules) {
    CaptionSet set =
        CaptionSet.read(CaptionSource.of(data, null, temp), CaptionSet.Options.DEFAULT);
    Set<LintRule> wanted = Set.of(rules);
    boolean images = wanted.stream().anyMatch(LintRule::isAboutImages);
    boolean tokens = wanted.contains(LintRule.CAPTION_TOKENS);
    return Lint.of(set, Prefixes.of(set, prefixes, TagKnowledge.shipped()), vocabulary)
        .with(
            new LintOptions(
                wanted,
                images,
                distance,
                tokens ? Optional.of(TokenCounts.load()) : Optional.empty(),
                Set.of(),
                true))
        .run();
  }

  private List<String> found(LintRule... rules) {
    return lint(temp, rules).findings().stream()
        .map(finding -> finding.rule().id() + " " + String.join(",", finding.images()))
        .map(String::strip)
        .sorted()
        .toList();
  }

  private Path toml(String text) {
    write("x.toml", text.getBytes(StandardCharsets.UTF_8));
    return temp.resolve("x.toml");
  }

  // ---- captions -------------------------------------------------------------------------------

  @Test
  void captionFiles() {
    image("missing.png");
    caption("empty.png", "");
    caption("blank.png", " , \n");
    bytes("latin.png", "Caf\u00e9".getBytes(StandardCharsets.ISO_8859_1));
    caption("bom.png", "\ufeffa, b, c");
    caption("lines.png", "a, b, c\nd");
    caption("marks.png", "a\u00a0b, c\uff0cd, e");
    caption("semi.png", "a; b; c");
    caption("braces.png", "{a|b}, c, d");
    caption("face.png", ";), a, b");
    write("orphan.txt", "a".getBytes(StandardCharsets.UTF_8));
    assertThat(
            found(
                LintRule.CAPTION_MISSING,
                LintRule.CAPTION_EMPTY,
                LintRule.CAPTION_BLANK,
                LintRule.CAPTION_ENCODING,
                LintRule.CAPTION_BOM,
                LintRule.CAPTION_MULTILINE,
                LintRule.CAPTION_CHARS,
                LintRule.CAPTION_BRACES,
                LintRule.CAPTION_ORPHAN))
        .containsExactly(
            "caption-blank blank.png",
            "caption-bom bom.png",
            "caption-braces braces.png",
            "caption-chars marks.png",
            "caption-chars marks.png",
            "caption-chars semi.png",
            "caption-empty empty.png",
            "caption-encoding latin.png",
            "caption-missing missing.png",
            "caption-multiline lines.png",
            "caption-orphan");
  }

  @Test
  void sharedSameAndFallbackCaptions() {
    caption("a.png", "x, y, z");
    image("a.jpg");
    caption("b.png", "x, y, z");
    caption("face.png", "q, r, s");
    image("face_1_2_3_4.png");
    assertThat(found(LintRule.CAPTION_SHARED, LintRule.CAPTION_SAME, LintRule.CAPTION_FALLBACK))
        .containsExactly(
            "caption-fallback face_1_2_3_4.png",
            "caption-same a.jpg,a.png,b.png",
            "caption-shared a.png");
  }

  @Test
  void longCaptionsAreCutAndTheCutIsShown() {
    caption("long.png", "a curious word, ".repeat(200) + "the end");
    caption("short.png", "a, b, c");
    List<Finding> findings = lint(temp, LintRule.CAPTION_TOKENS).findings();
    assertThat(findings).hasSize(2).allMatch(f -> f.images().equals(List.of("long.png")));
    assertThat(findings)
        .extracting(Finding::message)
        .anyMatch(m -> m.contains("Qwen3"))
        .anyMatch(m -> m.contains("T5"))
        .allMatch(m -> m.contains("cut off after \"..."));
  }

  @Test
  void aSentenceWithCommasIsTornApart() {
    caption("torn.png", "1girl, A girl stands on a beach, looking at the sea.");
    caption("whole.png", "1girl, A girl stands on a beach.");
    assertThat(found(LintRule.CAPTION_SENTENCE)).containsExactly("caption-sentence torn.png");
  }

  @Test
  void theExtensionOfTheFileIsCompared() {
    caption("in/a.png", "a");
    Path file = toml("[[datasets]]\nresolution=64\n[[datasets.subsets]]\nimage_dir='in'\n");
    assertThat(lint(file, LintRule.CAPTION_EXTENSION, LintRule.CAPTION_MISSING).findings())
        .extracting(Finding::severity)
        .containsExactly(Severity.ERROR, Severity.ERROR);
  }

  // ---- tags -----------------------------------------------------------------------------------

  @ParameterizedTest(name = "{0}")
  @CsvSource({
    "'1girl, 2girls', WARN",
    "'1girl, 1boy, solo', WARN",
    "'1girl, solo', ",
    "'blonde hair, black hair, 1girl', WARN",
    "'blonde hair, black hair, 2girls', ",
    "'blonde hair, black hair, two-tone hair', ",
    "'closed eyes, blue eyes', INFO",
    "'long hair, very long hair', ",
    "'short hair, long hair', WARN",
    "'indoors, outdoors', WARN",
    "'no bra, bra', WARN",
    "'no humans, 1girl', WARN",
    "'solo, solo focus', WARN",
    "'barefoot, red boots', WARN",
    "'monochrome, red hair', WARN",
    "'monochrome, red hair, spot color', ",
    "'masterpiece, best quality', WARN",
    "'score_9, score_8', WARN",
    "'score_9, score_9', ",
    "'upper body, full body', WARN",
    "'blue_eyes, red_eyes, heterochromia', "
  })
  void contradictions(String tags, Severity severity) {
    caption("a.png", tags);
    List<Severity> found =
        lint(temp, LintRule.TAG_CONTRADICTION).findings().stream().map(Finding::severity).toList();
    if (severity == null) {
      assertThat(found).isEmpty();
    } else {
      assertThat(found).containsExactly(severity);
    }
  }

  @Test
  void singleTags() {
    for (int i = 0; i < 4; i++) {
      caption("n" + i + ".png", "tag" + i + ", blue sky, green grass, white cloud");
    }
    caption(
        "a.png",
        "Blue Sky, under_score, photo \\(medium\\), (smile:1.2), <lora:x:1>, a, a, , highres, watermark, gren grass, >_<, score_9, may (pokemon)");
    assertThat(
            found(
                LintRule.TAG_CASE,
                LintRule.TAG_UNDERSCORE,
                LintRule.ESCAPED_BRACKET,
                LintRule.WEIGHT_SYNTAX,
                LintRule.PROMPT_SYNTAX,
                LintRule.TAG_DUPLICATE,
                LintRule.TAG_EMPTY,
                LintRule.TAG_NO_CONTENT,
                LintRule.TAG_UNWANTED_CONTENT,
                LintRule.TAG_MISSPELLED))
        .containsExactly(
            "escaped-bracket a.png",
            "prompt-syntax a.png",
            "tag-case a.png",
            "tag-duplicate a.png",
            "tag-empty a.png",
            "tag-misspelled a.png",
            "tag-no-content a.png",
            "tag-underscore a.png",
            "tag-unwanted-content a.png",
            "weight-syntax a.png");
  }

  @Test
  void aVocabularyKnowsAliasesAndUnknownTags() {
    write(
        "words.csv",
        "long_hair,0,4350743,\"/lh,longhair\"\nmay,0,60,\n".getBytes(StandardCharsets.UTF_8));
    vocabulary = Vocabulary.read(temp.resolve("words.csv"));
    caption("a.png", "longhair, xyzzy, long hair");
    assertThat(found(LintRule.TAG_ALIAS, LintRule.TAG_UNKNOWN))
        .containsExactly("tag-alias a.png", "tag-unknown a.png");
  }

  @Test
  void theSameFindingIsToldOnceAndSingleOnesFirst() {
    caption("a.png", "highres, x, y");
    caption("b.png", "highres, absurdres, y");
    List<Finding> findings = lint(temp, LintRule.TAG_NO_CONTENT).findings();
    assertThat(findings).extracting(Finding::tag).containsExactly("absurdres", "highres");
    assertThat(findings.getLast().images()).containsExactly("a.png", "b.png");
  }

  // ---- prefix ---------------------------------------------------------------------------------

  @ParameterizedTest(name = "{0}")
  @CsvSource({
    "'may, 1girl, grbk, hat', ''",
    "'1girl, may, grbk', trigger-position",
    "'may, 1girl, hat, grbk', trigger-position",
    "'may, 1girl, gbrk', 'trigger-missing,trigger-typo'",
    "' ', trigger-missing"
  })
  void prefixes(String tags, String expected) {
    prefixes.put("", Separators.COMMA.tags("may, 1girl, grbk"));
    caption("a.png", tags);
    assertThat(
            String.join(
                ",",
                lint(
                        temp,
                        LintRule.TRIGGER_MISSING,
                        LintRule.TRIGGER_POSITION,
                        LintRule.TRIGGER_TYPO)
                    .findings()
                    .stream()
                    .map(finding -> finding.rule().id())
                    .distinct()
                    .sorted()
                    .toList()))
        .isEqualTo(expected);
  }

  private Path outfits(int keepTokens) {
    for (String outfit : List.of("grbk", "pnbk")) {
      for (int i = 0; i < 10; i++) {
        caption(outfit + "/" + i + ".png", "may, 1girl, " + outfit + ", tag" + i + ", solo");
      }
    }
    return toml(
        """
        [general]
        caption_extension = '.txt'
        shuffle_caption = true
        keep_tokens = %d
        [[datasets]]
        resolution = 64
        [[datasets.subsets]]
        image_dir = 'grbk'
        [[datasets.subsets]]
        image_dir = 'pnbk'
        """
            .formatted(keepTokens));
  }

  @ParameterizedTest(name = "keep_tokens = {0}")
  @CsvSource({"0, 2", "1, 2", "3, 0", "4, 2"})
  void keepTokensIsComparedWithTheGuessedPrefix(int keepTokens, int findings) {
    Path file = outfits(keepTokens);
    LintReport report = lint(file, LintRule.KEEP_TOKENS, LintRule.TRIGGER_MISSING);
    assertThat(report.findings()).hasSize(findings);
  }

  @Test
  void aTriggerInAnotherFolderLeaks() {
    Path file = outfits(3);
    caption("grbk/0.png", "may, 1girl, grbk, pnbk");
    assertThat(lint(file, LintRule.TRIGGER_LEAK).findings())
        .singleElement()
        .satisfies(f -> assertThat(f.images()).containsExactly("grbk/0.png"));
  }

  @Test
  void aMissingTriggerIsFoundByGuessing() {
    Path file = outfits(3);
    caption("grbk/0.png", "may, 1girl, tag0, solo");
    assertThat(lint(file, LintRule.TRIGGER_MISSING).findings())
        .singleElement()
        .satisfies(f -> assertThat(f.tag()).isEqualTo("grbk"));
  }

  @Test
  void ordinaryFirstTagsAreNoPrefix() {
    for (int i = 0; i < 8; i++) {
      caption(i + ".png", "1girl, solo, long hair" + (i == 0 ? "" : ", smile") + ", tag" + i);
    }
    caption("9.png", "2girls, hat");
    assertThat(found(LintRule.TRIGGER_MISSING, LintRule.TRIGGER_POSITION)).isEmpty();
  }

  @Test
  void aCommonWordCollides() {
    Path file = outfits(3);
    assertThat(lint(file, LintRule.TRIGGER_COLLISION).findings())
        .singleElement()
        .satisfies(f -> assertThat(f.message()).contains("\"may\""));
  }

  // ---- distribution ---------------------------------------------------------------------------

  @Test
  void outfitsOfAFolderAreCompared() {
    for (int i = 0; i < 10; i++) {
      caption("a/" + i + ".png", "x, " + (i == 0 ? "red bikini" : "pink bikini") + ", t" + i);
      caption("b/" + i + ".png", "y, straw hat, t" + i);
    }
    caption("a/10.png", "x, pink bikini, straw hat");
    assertThat(found(LintRule.OUTFIT_INCONSISTENT))
        .containsExactly("outfit-inconsistent a/0.png", "outfit-inconsistent a/10.png");
  }

  @Test
  void sharesOfTags() {
    for (int i = 0; i < 10; i++) {
      caption(i + ".png", "t" + i + (i == 0 ? "" : ", most") + ", all");
    }
    List<Finding> findings =
        lint(temp, LintRule.TAG_UNIVERSAL, LintRule.TAG_ALMOST, LintRule.TAG_RARE).findings();
    assertThat(findings)
        .filteredOn(f -> f.rule() == LintRule.TAG_UNIVERSAL)
        .extracting(Finding::message)
        .anyMatch(m -> m.contains("\"most\" is on 9 of 10"));
    assertThat(findings)
        .filteredOn(f -> f.rule() == LintRule.TAG_ALMOST)
        .extracting(Finding::images)
        .containsExactly(List.of("0.png"));
    assertThat(findings).filteredOn(f -> f.rule() == LintRule.TAG_RARE).hasSize(10);
  }

  @Test
  void unbalancedFolders() {
    for (int i = 0; i < 4; i++) {
      caption("a/" + i + ".png", "x");
    }
    caption("b/0.png", "x");
    assertThat(lint(temp, LintRule.SUBSET_UNBALANCED).findings())
        .singleElement()
        .satisfies(f -> assertThat(f.message()).contains("num_repeats 1, 4"));
  }

  // ---- images and the dataset file ------------------------------------------------------------

  @Test
  void similarMirroredAndEqualImages() throws IOException {
    picture("a.png", 256, 256, 1);
    picture("a2.png", 200, 200, 1); // the same scene in another size
    picture("b.png", 256, 256, 2);
    Files.copy(temp.resolve("b.png"), temp.resolve("b2.png"));
    caption("b2.png".replace(".png", "x.jpg"), "x"); // broken
    Path copy = temp.resolve("b2.txt");
    Files.writeString(copy, "may, 1girl, c");
    picture("c.png", 256, 256, 3);
    picture("c-mirror.png", ImageFile.load(temp.resolve("c.png")).mirrored());
    assertThat(
            found(
                LintRule.IMAGE_SIMILAR,
                LintRule.IMAGE_DUPLICATE,
                LintRule.IMAGE_MIRRORED,
                LintRule.IMAGE_CORRUPT))
        .containsExactly(
            "image-corrupt b2x.jpg",
            "image-duplicate b.png,b2.png",
            "image-mirrored c-mirror.png,c.png",
            "image-similar a.png,a2.png");
  }

  @ParameterizedTest(name = "{0} x {1}")
  @CsvSource({
    "1023, 1023, image-crop-loss",
    "1500, 500, image-crop-loss",
    "40, 800, image-ratio/image-small/image-tiny",
    "1920, 1080, ''",
    "853, 480, 'image-crop-loss,image-small'"
  })
  void sizesAndBuckets(int width, int height, String expected) {
    picture("in/a.png", width, height, 1);
    Path file =
        toml(
            """
            [[datasets]]
            resolution = 1024
            enable_bucket = true
            bucket_no_upscale = true
            max_bucket_reso = 2048
            [[datasets.subsets]]
            image_dir = 'in'
            """);
    List<String> ids =
        lint(
                file,
                LintRule.IMAGE_CROP_LOSS,
                LintRule.IMAGE_SMALL,
                LintRule.IMAGE_RATIO,
                LintRule.IMAGE_TINY)
            .findings()
            .stream()
            .map(f -> f.rule().id())
            .sorted()
            .toList();
    List<String> wanted =
        expected.isEmpty() ? List.of() : List.of(expected.replace('/', ',').split(","));
    if (wanted.contains("image-tiny")) {
      assertThat(ids).contains("image-ratio", "image-tiny");
    } else {
      assertThat(ids).isEqualTo(wanted);
    }
  }

  @Test
  void namesAndTypes() throws IOException {
    picture("in/a.png", 64, 64, 1);
    Files.move(temp.resolve("in/a.png"), temp.resolve("in/a.jpg"));
    image("in/b.gif");
    image("in/con.png");
    image("in/deep/c.png");
    Path file = toml("[[datasets]]\nresolution=64\n[[datasets.subsets]]\nimage_dir='in'\n");
    assertThat(
            lint(file, LintRule.IMAGE_TYPE, LintRule.IMAGE_NESTED, LintRule.NAME_RISK).findings())
        .extracting(f -> f.rule().id())
        .containsExactlyInAnyOrder("image-type", "image-type", "image-nested", "name-risk");
  }

  @Test
  void brokenDatasetFilesAreFindings() {
    List<LintRule> rules = new ArrayList<>();
    for (String text :
        List.of(
            "x.toml:3: unknown key \"num_repeat\"\n  -> did you mean \"num_repeats\"?",
            "x.toml:3: image_dir \"C:\\new\" is a Windows path, but this is not Windows\n  -> x",
            "x.toml:3: image_dir \"nowhere\" does not exist")) {
      LintReport report = Lint.ofBrokenFile(text).orElseThrow();
      rules.add(report.findings().getFirst().rule());
    }
    assertThat(rules)
        .containsExactly(LintRule.CONFIG_UNKNOWN, LintRule.CONFIG_PATH, LintRule.CONFIG_DIR);
    assertThat(Lint.ofBrokenFile("something else")).isEmpty();
  }

  @Test
  void emptyAndRepeatedFolders() throws IOException {
    Files.createDirectories(temp.resolve("empty"));
    caption("in/a.png", "x");
    Path file =
        toml(
            """
            [[datasets]]
            resolution = 64
            [[datasets.subsets]]
            image_dir = 'empty'
            [[datasets.subsets]]
            image_dir = 'in'
            [[datasets.subsets]]
            image_dir = 'in'
            num_repeats = 3
            """);
    assertThat(lint(file, LintRule.CONFIG_DIR, LintRule.CONFIG_DUP).findings())
        .extracting(f -> f.rule().id())
        .containsExactly("config-dir", "config-dup");
  }
}
