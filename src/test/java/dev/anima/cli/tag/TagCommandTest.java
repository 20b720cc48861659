package dev.anima.cli.tag;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.anima.cli.Console;
import dev.anima.cli.Main;
import dev.anima.io.InputException;
import dev.anima.tag.DemoTagger;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

class TagCommandTest {
  private static final FileTime LONG_AGO = FileTime.from(Instant.parse("2020-01-01T00:00:00Z"));

  @TempDir Path folder;

  private Path model;
  private Path images;
  private String out = "";
  private String err = "";

  @BeforeEach
  void layOut() {
    model = folder.resolve("model");
    DemoTagger.files(model);
    images = folder.resolve("images");
    for (String name : List.of("lumi.png", "grey.png", "toto_cutout.png")) {
      DemoTagger.copy("tagger/examples/" + name, images.resolve(name));
    }
  }

  private int tag(String... words) {
    List<String> all = new ArrayList<>(List.of(words));
    all.addAll(List.of("--model", "model", "--device", "cpu"));
    return tagWithout(all);
  }

  private int tagWithout(List<String> words) {
    ByteArrayOutputStream outBytes = new ByteArrayOutputStream();
    ByteArrayOutputStream errBytes = new ByteArrayOutputStream();
    Console console =
        Console.of(
            new PrintStream(outBytes, true, StandardCharsets.UTF_8),
            new PrintStream(errBytes, true, StandardCharsets.UTF_8));
    try {
      return new TagCommand(new TagCommand.Place(folder, folder.resolve("home"), Map.of()))
          .run(words, console);
    } finally {
      out = outBytes.toString(StandardCharsets.UTF_8);
      err = errBytes.toString(StandardCharsets.UTF_8);
    }
  }

  private String caption(String picture) throws IOException {
    return Files.readString(images.resolve(picture + ".txt"));
  }

  private static String expected(String picture) {
    return DemoTagger.expected()
        .filter(expected -> expected.resource().endsWith("/" + picture + ".png"))
        .findFirst()
        .orElseThrow()
        .node()
        .get("sd_scripts")
        .get("caption")
        .asString();
  }

  private List<Path> backups() throws IOException {
    Path place = folder.resolve("home/.anima/caption-backups");
    if (!Files.exists(place)) {
      return List.of();
    }
    try (Stream<Path> files = Files.list(place)) {
      return files.toList();
    }
  }

  @Test
  void writesTheCaptionsOfTheReference() throws IOException {
    assertThat(tag("images")).isZero();
    for (String picture : List.of("lumi", "grey", "toto_cutout")) {
      assertThat(caption(picture)).isEqualTo(expected(picture) + "\n");
    }
    assertThat(err)
        .contains("tagging: 3/3 pictures", "pictures/s", "captions written: 3 new, 0 changed");
    assertThat(out).isEmpty();
  }

  @Test
  void keepsWhatItOverwritesAndLeavesTheRestUntouched() throws IOException {
    Files.writeString(images.resolve("lumi.txt"), "möwe, solo\n");
    Files.writeString(images.resolve("grey.txt"), expected("grey") + "\n");
    Files.setLastModifiedTime(images.resolve("grey.txt"), LONG_AGO);

    assertThat(tag("images")).isZero();

    assertThat(Files.getLastModifiedTime(images.resolve("grey.txt"))).isEqualTo(LONG_AGO);
    assertThat(err).contains("captions written: 1 new, 1 changed, 1 unchanged");
    assertThat(backups()).hasSize(1);
    assertThat(err).contains("to undo this: anima tag --restore " + backups().getFirst());
    List<JsonNode> lines =
        Files.readAllLines(backups().getFirst()).stream()
            .map(line -> JsonMapper.shared().readTree(line))
            .toList();
    assertThat(lines).hasSize(2);
    assertThat(lines.get(0).get("file").asString())
        .isEqualTo(images.resolve("lumi.txt").toAbsolutePath().toString());
    assertThat(lines.get(0).get("before").asString()).isEqualTo("möwe, solo\n");
    assertThat(lines.get(0).get("after").asString()).isEqualTo(expected("lumi") + "\n");
    assertThat(lines.get(1).get("before").isNull()).isTrue();
    try (Stream<Path> files = Files.list(images)) {
      assertThat(files).hasSize(6); // three pictures, three captions, nothing else
    }
  }

  @Test
  void putsBackWhatItOverwrote() throws IOException {
    Files.writeString(images.resolve("lumi.txt"), "möwe, solo\n");
    assertThat(tag("images")).isZero();
    Files.writeString(images.resolve("grey.txt"), "edited since\n");
    String backup = backups().getFirst().toString();

    assertThat(tagWithout(List.of("--restore", backup))).isEqualTo(1);

    assertThat(caption("lumi")).isEqualTo("möwe, solo\n");
    assertThat(images.resolve("toto_cutout.txt")).doesNotExist();
    assertThat(caption("grey")).isEqualTo("edited since\n");
    assertThat(err)
        .contains("grey.txt: was changed since, so it was left alone")
        .contains("2 captions are as they were");
    assertRefused("--restore: ", "--restore", images.resolve("grey.txt").toString());
    assertRefused("nothing.jsonl cannot be read", "--restore", "nothing.jsonl");
  }

  @Test
  void appendsAndLeavesCaptionedPicturesAlone() throws IOException {
    Files.writeString(images.resolve("lumi.txt"), "trigger, solo\n");
    assertThat(tag("images", "--only_uncaptioned")).isZero();
    assertThat(caption("lumi")).isEqualTo("trigger, solo\n");
    assertThat(err).contains("1 had a caption").contains("2 new, 0 changed");

    assertThat(tag("images", "--append_tags", "--remove_underscore")).isZero();
    assertThat(caption("lumi")).startsWith("trigger, solo, 1girl, smile, simple background");
  }

  @Test
  void showsTheDifferenceInADryRun() throws IOException {
    Files.writeString(images.resolve("lumi.txt"), "trigger, solo\n");
    assertThat(tag("images", "--dry_run")).isZero();
    assertThat(out)
        .contains(images.resolve("lumi.txt") + "\n  - trigger\n  + 1girl, smile")
        .contains(images.resolve("grey.txt") + " (new)\n  + 1girl, solo")
        .doesNotContain("  + 1girl, solo, smile, simple_background, hair_ornament");
    assertThat(err).contains("captions that a run would write (dry run): 2 new, 1 changed");
    assertThat(caption("lumi")).isEqualTo("trigger, solo\n");
    assertThat(images.resolve("grey.txt")).doesNotExist();
    assertThat(backups()).isEmpty();
  }

  @Test
  void goesOnWhereAnInterruptedRunStopped() throws IOException {
    tag("images", "--dry_run"); // what it answered is remembered, as if the run had been killed
    assertThat(tag("images")).isZero();
    assertThat(err).contains("3 pictures (3 of them known from before)").contains("3 new");
    assertThat(caption("lumi")).isEqualTo(expected("lumi") + "\n");

    DemoTagger.copy("tagger/examples/lumi_large.png", images.resolve("lumi.png"));
    assertThat(tag("images", "--thresh", "0.5")).isZero();
    assertThat(err).contains("(2 of them known from before)"); // another content, another picture
    assertThat(tag("images", "--fresh")).isZero();
    assertThat(err).doesNotContain("known from before");
  }

  @Test
  void writesOneFileIfAsked() throws IOException {
    assertThat(tag("images", "--output_path", "tags.jsonl", "--batch_size", "2")).isZero();
    List<String> lines = Files.readAllLines(folder.resolve("tags.jsonl"));
    assertThat(lines).hasSize(3);
    assertThat(lines.getFirst())
        .isEqualTo(
            "{\"image_path\": \"%s\", \"caption\": \"%s\", \"image_size\": [180, 180]}"
                .formatted(images.resolve("grey.png"), expected("grey")));
    assertThat(images.resolve("grey.txt")).doesNotExist();
  }

  @Test
  void countsTagsAndShowsDetails() {
    assertThat(tag("images", "--frequency_tags", "--use_rating_tags")).isZero();
    assertThat(out).startsWith("Tag frequencies:\n").contains("\n1girl: 3\n", "\ngeneral: 3\n");
    assertThat(tag("images", "--debug")).isZero();
    assertThat(out)
        .contains(images.resolve("lumi.png") + ":\n  rating: (not asked for)\n")
        .contains("  characters: lumi_(cloudberry_isle)\n");
  }

  @Test
  void looksIntoSubFoldersIfAskedAndTakesSeveralFolders() {
    DemoTagger.copy("tagger/examples/lumi.png", images.resolve("deep/er/pic.png"));
    DemoTagger.copy("tagger/examples/lumi.png", folder.resolve("more/pic.png"));
    assertThat(tag("images", "more")).isZero();
    assertThat(images.resolve("deep/er/pic.txt")).doesNotExist();
    assertThat(folder.resolve("more/pic.txt")).exists();
    assertThat(tag("--recursive", "images")).isZero();
    assertThat(images.resolve("deep/er/pic.txt")).exists();
  }

  // ---- wrong input ----------------------------------------------------------------------------

  @Test
  void skipsABrokenPictureAndNamesIt() throws IOException {
    byte[] whole = Files.readAllBytes(images.resolve("lumi.png"));
    Files.write(images.resolve("broken.png"), java.util.Arrays.copyOf(whole, 3000));
    Files.writeString(images.resolve("nonsense.jpg"), "no picture");
    assertThat(tag("images", "--batch_size", "3")).isEqualTo(1);
    assertThat(err)
        .contains(images.resolve("broken.png") + ": ")
        .contains(images.resolve("nonsense.jpg") + ": ")
        .contains("2 of 5 pictures could not be tagged");
    assertThat(images.resolve("broken.txt")).doesNotExist();
    for (String picture : List.of("lumi", "grey", "toto_cutout")) {
      assertThat(caption(picture)).isEqualTo(expected(picture) + "\n");
    }
  }

  @Test
  @DisabledOnOs(OS.WINDOWS)
  void leavesReadOnlyCaptionsAlone() throws IOException {
    Path caption = Files.writeString(images.resolve("lumi.txt"), "mine\n");
    Files.setPosixFilePermissions(caption, PosixFilePermissions.fromString("r--r--r--"));
    assertThat(tag("images")).isEqualTo(1);
    assertThat(err)
        .contains(caption + ": is read-only, so it was left alone")
        .contains("1 of 3 pictures could not be tagged");
    assertThat(caption("lumi")).isEqualTo("mine\n");
    assertThat(caption("grey")).isEqualTo(expected("grey") + "\n");
  }

  @Test
  void leavesCaptionsAloneThatAreNoUtf8() throws IOException {
    byte[] latin = "Caf\u00e9".getBytes(StandardCharsets.ISO_8859_1);
    Files.write(images.resolve("lumi.txt"), latin);
    assertThat(tag("images")).isEqualTo(1);
    assertThat(err).contains("lumi.txt: is not UTF-8, so it was left alone");
    assertThat(images.resolve("lumi.txt")).hasBinaryContent(latin);
  }

  private void assertRefused(String sentence, String... words) {
    assertThatThrownBy(() -> tagWithout(List.of(words)))
        .isInstanceOf(InputException.class)
        .hasMessageContaining(sentence);
  }

  @Test
  void refusesFoldersThatAreNone() throws IOException {
    Files.createDirectories(folder.resolve("empty"));
    assertRefused("tag: name at least one folder of pictures");
    assertRefused(folder.resolve("nowhere") + ": there is no such folder", "nowhere");
    assertRefused("model.onnx: is a file, expected a folder", "model/model.onnx");
    assertRefused("empty: there are no pictures in it", "empty");
    assertRefused("--model gone: there is no such folder", "images", "--model", "gone");
    assertRefused("unknown flag --treshold", "images", "--treshold", "1");
  }

  @Test
  void saysInOneSentenceThatTheModelCannotBeFetched() {
    assertRefused(
        "--repo_id A/b: 127.0.0.1 does not answer, so the model cannot be fetched; check the network",
        "images",
        "--repo_id",
        "A/b",
        "--endpoint",
        "http://127.0.0.1:1");
  }

  @Test
  void hasItsHelp() {
    assertThat(tagWithout(List.of("--help"))).isZero();
    assertThat(out).contains("Usage: anima tag DIR...", "--append_tags", "--profile");
  }

  @Test
  void isACommandOfTheProgram() {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    PrintStream screen = new PrintStream(bytes, true, StandardCharsets.UTF_8);
    int exitCode =
        Main.run(List.of("tag", folder.resolve("nowhere").toString()), Console.of(screen, screen));
    assertThat(exitCode).isEqualTo(2);
    assertThat(bytes.toString(StandardCharsets.UTF_8).strip())
        .isEqualTo(folder.resolve("nowhere") + ": there is no such folder");
  }
}
