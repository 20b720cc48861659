package dev.anima.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.anima.config.SubsetSpec.CaptionOptions;
import dev.anima.io.InputException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DatasetConfigTest {
  @TempDir Path dir;

  private DatasetConfig load(String toml, String... flags) throws IOException {
    Files.writeString(dir.resolve("nami.toml"), toml);
    List<String> words = new ArrayList<>(List.of("--dataset_config", "nami.toml"));
    words.addAll(List.of(flags));
    return DatasetConfig.of(CommandLine.parse(words), dir);
  }

  private void failsWith(String toml, String... parts) {
    assertThatThrownBy(() -> load(toml))
        .isInstanceOf(InputException.class)
        .satisfies(e -> {
          for (String part : parts) {
            assertThat(e.getMessage()).contains(part);
          }
        });
  }

  private static String inSubset(String lines) {
    return "[general]\nresolution = 512\n[[datasets]]\n[[datasets.subsets]]\n" + lines;
  }

  @Test
  void namesEveryProblemWithItsLineAndRemedy() throws IOException {
    Files.createDirectory(dir.resolve("a"));
    failsWith(
        """
        [general]
        resolution = "big"
        alpha_mask = true
        [[datasets]]
        batchsize = 2
        [[datasets.subsets]]
        image_dir = 'a'
        num_repeat = 3
        resolution = 512
        shuffle_caption = 1
        network_dim = 4
        """,
        "nami.toml:2 [general]: resolution must be a size such as 1024 or [832, 1216], got \"big\"",
        "nami.toml:3 [general]: unknown key \"alpha_mask\"\n  -> it belongs in [[datasets.subsets]]",
        "nami.toml:5 [[datasets]]: unknown key \"batchsize\"\n  -> did you mean \"batch_size\"?",
        "nami.toml:8 [[datasets.subsets]]: unknown key \"num_repeat\"\n  -> did you mean \"num_repeats\"?",
        "nami.toml:9 [[datasets.subsets]]: unknown key \"resolution\"\n"
            + "  -> it belongs in [general] or [[datasets]]",
        "nami.toml:10 [[datasets.subsets]]: shuffle_caption must be true or false, got 1",
        "nami.toml:11 [[datasets.subsets]]: unknown key \"network_dim\"\n"
            + "  -> it is a flag of the command line: --network_dim");
  }

  @Test
  void explainsTheUsualSyntaxTraps() {
    failsWith(
        inSubset("image_dir = \"C:\\path\\to\"\n"),
        "nami.toml:5: column 16: Invalid escape sequence",
        "use single quotes: 'C:\\path\\to'");
    failsWith("[general]\nflip_aug = True\n", "nami.toml:2", "true or false in lower case");
    failsWith("a = \u201cx\u201d\n", "nami.toml:1", "straight quotes");
    failsWith("a = .5\n", "0.1");
    failsWith("[general]\nflip_aug=true\nflip_aug=false\n", "nami.toml:3", "previously defined");
    failsWith("[general]\n[general]\n", "nami.toml:2", "previously defined");
    failsWith(inSubset("image_dir = C:\\data\n"), "nami.toml:5", "put the path in single quotes");
  }

  @Test
  void aPathThatLostItsBackslashesIsExplained() {
    failsWith(
        inSubset("image_dir = \"C:\\new\\to\"\n"),
        "nami.toml:4: image_dir \"C:\\new\\to\" holds a line break or tab",
        "single quotes");
  }

  @Test
  void aWindowsPathElsewhereIsAClearError() {
    List<String> problems = new ArrayList<>();
    DatasetSpec dataset =
        DatasetConfig.parse(
                inSubset("image_dir = 'C:\\data\\nami'\n"),
                ConfigText.Format.TOML,
                Flags.defaults(),
                "nami.toml")
            .datasets()
            .getFirst();
    new DatasetPaths(dir, dir, false, new ArrayList<>(), problems).resolve(dataset);
    assertThat(problems)
        .singleElement()
        .asString()
        .startsWith("nami.toml:4: image_dir \"C:\\data\\nami\" is a Windows path");
  }

  @Test
  void aRelativeFolderIsFoundHereOrBesideTheFile() throws IOException {
    Path work = Files.createDirectory(dir.resolve("work"));
    Path home = Files.createDirectory(dir.resolve("home"));
    Files.createDirectory(work.resolve("here"));
    Files.createDirectory(home.resolve("there"));
    Files.writeString(
        home.resolve("d.toml"),
        inSubset("image_dir = 'here'\n[[datasets.subsets]]\nimage_dir = 'there'\n"));
    DatasetConfig config =
        DatasetConfig.of(CommandLine.parse(List.of("--dataset_config", "../home/d.toml")), work);
    List<SubsetSpec> subsets = config.datasets().getFirst().subsets();
    assertThat(subsets.get(0).paths().imageDir()).isEqualTo(work.resolve("here"));
    assertThat(subsets.get(1).imageDir()).isEqualTo("there");
    assertThat(Files.isSameFile(subsets.get(1).paths().imageDir(), home.resolve("there"))).isTrue();
    assertThat(config.notes()).singleElement().asString().contains("beside the configuration file");
  }

  @Test
  void missingFoldersAreNamedTogether() {
    failsWith(
        inSubset("image_dir = 'a'\n[[datasets.subsets]]\nimage_dir = 'b'\n"),
        "nami.toml:4: image_dir \"a\" does not exist",
        "nami.toml:6: image_dir \"b\" does not exist");
  }

  @Test
  void valuesAreCheckedForSense() throws IOException {
    Files.createDirectory(dir.resolve("a"));
    failsWith(
        """
        [general]
        enable_bucket = true
        bucket_reso_steps = 24
        [[datasets]]
        resolution = 2048
        batch_size = 0
        resize_interpolation = 'foo'
        [[datasets.subsets]]
        image_dir = 'a'
        caption_dropout_rate = 1.5
        """,
        "nami.toml:4: batch_size must be at least 1, got 0",
        "bucket_reso_steps must be a multiple of 16 for Anima, got 24",
        "max_bucket_reso 1024 is below the longer side of resolution 2048x2048",
        "resize_interpolation \"foo\" is none of",
        "nami.toml:8: caption_dropout_rate must be from 0 to 1, got 1.5");
    failsWith("[[datasets]]\n[[datasets.subsets]]\nimage_dir='a'\n", "resolution is missing");
    failsWith("[general]\nresolution = 512\n", "describes no dataset");
  }

  @Test
  void cachesRefuseWhatChangesFromEpochToEpoch() throws IOException {
    Files.createDirectory(dir.resolve("a"));
    String toml = inSubset("image_dir='a'\ncolor_aug=true\nshuffle_caption=true\n");
    assertThatThrownBy(() -> load(toml, "--cache_latents", "--cache_text_encoder_outputs_to_disk"))
        .hasMessageContaining("color_aug cannot be used with --cache_latents")
        .hasMessageContaining("shuffle_caption cannot be used with --cache_text_encoder_outputs");
    assertThat(load(toml).datasets()).hasSize(1);
  }

  @Test
  void folderNamesGiveRepeatsAndClassTokensSortedByName() throws IOException {
    for (String name : List.of("2_z", "10_may pink_v2", "notes", "0_off", "3")) {
      Files.createDirectories(dir.resolve("train").resolve(name));
    }
    Files.createDirectories(dir.resolve("reg/1_girl"));
    Flags flags =
        CommandLine.parse(
            List.of(
                "--train_data_dir",
                "train",
                "--reg_data_dir",
                "reg",
                "--resolution",
                "512,768",
                "--caption_extention",
                ".txt",
                "--keep_tokens",
                "1"));
    DatasetConfig config = DatasetConfig.of(flags, dir);
    DatasetSpec dataset = config.datasets().getFirst();
    assertThat(dataset.resolution()).isEqualTo(new Size(512, 768));
    assertThat(dataset.subsets())
        .extracting(s ->
            Path.of(s.imageDir()).getFileName()
                + "|"
                + s.numRepeats()
                + "|"
                + s.classTokens()
                + "|"
                + s.isReg())
        .containsExactly(
            "10_may pink_v2|10|may pink_v2|false",
            "2_z|2|z|false",
            "3|3||false",
            "1_girl|1|girl|true");
    assertThat(dataset.subsets().getFirst().captionExtension()).isEqualTo(".txt");
    assertThat(dataset.subsets().getFirst().caption())
        .extracting(CaptionOptions::keepTokens)
        .isEqualTo(1);
    assertThat(config.notes()).hasSize(2).anySatisfy(n -> assertThat(n).contains("\"notes\""));
  }

  @Test
  void aMetadataFileMakesAFineTuningDataset() throws IOException {
    Files.createDirectory(dir.resolve("img"));
    Files.writeString(dir.resolve("m.json"), "{}");
    Flags flags =
        CommandLine.parse(
            List.of("--in_json", "m.json", "--train_data_dir", "img", "--resolution=512"));
    DatasetSpec dataset = DatasetConfig.of(flags, dir).datasets().getFirst();
    assertThat(dataset.style()).isEqualTo(DatasetSpec.Style.FINE_TUNING);
    assertThat(dataset.subsets().getFirst().paths().metadataFile())
        .isEqualTo(dir.resolve("m.json"));
  }

  @Test
  void otherSourcesAreIgnoredAndSaid() throws IOException {
    Files.createDirectory(dir.resolve("a"));
    DatasetConfig config = load(inSubset("image_dir='a'\n"), "--train_data_dir", "x");
    assertThat(config.notes())
        .containsExactly("--train_data_dir: ignored, --dataset_config is given");
  }

  @Test
  void badFilesAreNamed() throws IOException {
    assertThatThrownBy(
            () -> DatasetConfig.of(CommandLine.parse(List.of("--dataset_config", "no.toml")), dir))
        .hasMessageContaining("no.toml does not exist");
    Files.writeString(dir.resolve("d.yaml"), "");
    assertThatThrownBy(
            () -> DatasetConfig.of(CommandLine.parse(List.of("--dataset_config", "d.yaml")), dir))
        .hasMessageContaining("must end in .toml or .json");
    Files.write(dir.resolve("l.toml"), "# caf\u00e9".getBytes(StandardCharsets.ISO_8859_1));
    assertThatThrownBy(
            () -> DatasetConfig.of(CommandLine.parse(List.of("--dataset_config", "l.toml")), dir))
        .hasMessageContaining("is not UTF-8");
    assertThatThrownBy(() -> DatasetConfig.of(Flags.defaults(), dir))
        .hasMessageContaining("--dataset_config FILE or --train_data_dir FOLDER");
    assertThatThrownBy(() ->
            DatasetConfig.of(
                CommandLine.parse(List.of("--train_data_dir", ".", "--resolution", "1x2")), dir))
        .isInstanceOf(InputException.class);
  }

  @Test
  void jsonErrorsHaveLinesAndDuplicatesAreFound() {
    var broken =
        DatasetConfig.parse(
            "{\"datasets\": [\n{\"subsets\": [{\"image_dir\": \"x\"},]}]}",
            ConfigText.Format.JSON,
            Flags.defaults(),
            "d.json");
    assertThat(broken.report("d.json")).startsWith("d.json:2: column");
    var twice =
        DatasetConfig.parse(
            "{\"general\": {\"flip_aug\": true,\n\"flip_aug\": false}}",
            ConfigText.Format.JSON,
            Flags.defaults(),
            "d.json");
    assertThat(twice.report("d.json")).contains("d.json:2").contains("flip_aug previously defined");
    assertThat(
            DatasetConfig.parse("", ConfigText.Format.JSON, Flags.defaults(), "d.json").problems())
        .isNotEmpty();
  }

  @Test
  void aByteOrderMarkIsNoProblem() throws IOException {
    Files.createDirectory(dir.resolve("a"));
    assertThat(load("\uFEFF" + inSubset("image_dir='a'\nvalidation_split = 0.5\n")).datasets())
        .singleElement()
        .satisfies(d -> assertThat(d.subsets().getFirst().validationSplit()).isEqualTo(0.5));
  }
}
