package dev.anima.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.anima.config.FlagValue.Source;
import dev.anima.io.InputException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

class FlagsReaderTest {
  @TempDir Path dir;

  private FlagsReader.Command read(String... words) {
    return FlagsReader.read(List.of(words), dir);
  }

  private void file(String toml) throws IOException {
    Files.writeString(dir.resolve("run.toml"), toml);
  }

  @Test
  void sectionsAreMergedLaterOnesWinAndTheCommandLineWinsOverAll() throws IOException {
    file(
        """
        seed = 1
        network_alpha = 8
        resolution = 1024
        [network]
        network_dim = 16
        network_args = ["a=1", "b=2"]
        [more]
        seed = 2
        lr_warmup_steps = 5
        lr_decay_steps = 0.05
        cache_latents = true
        flip_aug = false
        text_encoder_lr = [1e-5, 1]
        face_crop_aug_range = [1.0, 2.0]
        max_train_epochs = "7"
        """);
    Flags flags = read("--config_file", "run", "--network_dim=4").flags();
    assertThat(flags.maybeLong("seed")).hasValue(2);
    assertThat(flags.integer("network_dim")).isEqualTo(4);
    assertThat(flags.source("network_dim")).isEqualTo(Source.COMMAND_LINE);
    assertThat(flags.texts("network_args")).containsExactly("a=1", "b=2");
    assertThat(flags.value("network_args").where()).endsWith("run.toml:6");
    assertThat(flags.pythonText("network_alpha")).isEqualTo("8");
    assertThat(flags.number("network_alpha")).isEqualTo(8.0);
    assertThat(flags.text("resolution")).hasValue("1024");
    assertThat(flags.intOrRatio("lr_warmup_steps")).isEqualTo(new IntOrRatio.Steps(5));
    assertThat(flags.intOrRatio("lr_decay_steps")).isEqualTo(new IntOrRatio.Ratio(0.05));
    assertThat(flags.on("cache_latents")).isTrue();
    assertThat(flags.on("flip_aug")).isFalse();
    assertThat(flags.numbers("text_encoder_lr")).containsExactly(1e-5, 1.0);
    assertThat(flags.text("face_crop_aug_range")).hasValue("1.0,2.0");
    assertThat(flags.integer("max_train_epochs")).isEqualTo(7);
    assertThat(flags.integer("max_train_steps")).isEqualTo(1600);
  }

  @Test
  void includedFilesCountLessThanTheFileThatIncludesThem() throws IOException {
    Files.createDirectory(dir.resolve("shared"));
    Files.writeString(
        dir.resolve("shared/base.toml"),
        "include = \"deeper\"\nseed = 1\nnetwork_dim = 8\nnetwork_alpha = 8.0\n");
    Files.writeString(
        dir.resolve("shared/deeper.toml"), "seed = 0\nxformers = true\nmax_train_epochs = 3\n");
    Files.writeString(dir.resolve("second.toml"), "network_dim = 16\n");
    file("include = [\"shared/base.toml\", \"second\"]\n[x]\nnetwork_alpha = 2.0\n");

    Flags flags = read("--config_file=run", "--max_train_epochs=9").flags();

    assertThat(flags.maybeLong("seed")).hasValue(1);
    assertThat(flags.integer("network_dim")).isEqualTo(16);
    assertThat(flags.number("network_alpha")).isEqualTo(2.0);
    assertThat(flags.on("xformers")).isTrue();
    assertThat(flags.integer("max_train_epochs")).isEqualTo(9);
    assertThat(flags.value("xformers").where()).endsWith("deeper.toml:2");
  }

  @ParameterizedTest(name = "{0}")
  @CsvSource(
      delimiter = '|',
      value = {
        "include = \"run\"|run.toml:1: include: |includes itself",
        "include = \"nowhere\"|run.toml:1: include: |nowhere.toml does not exist",
        "include = 3|run.toml:1: include: |expected a file such as \"base.toml\"",
      })
  void aWrongIncludeIsNamedWithItsLine(String toml, String place, String message)
      throws IOException {
    file(toml + "\n");
    assertThatThrownBy(() -> read("--config_file=run"))
        .isInstanceOf(InputException.class)
        .hasMessageContaining(place)
        .hasMessageContaining(message);
  }

  @Test
  void whatBelongsOnTheCommandLineIsNotTakenFromTheFile() throws IOException {
    file("output_config = true\nconfig_file = \"other\"\nseed = 3\n");
    FlagsReader.Command command = read("--config_file=run");
    assertThat(command.written()).isEmpty();
    assertThat(command.flags().maybeLong("seed")).hasValue(3);
    assertThat(command.flags().text("config_file")).hasValue("run");
    assertThat(command.warnings())
        .hasSize(2)
        .allSatisfy(warning -> assertThat(warning).contains("belongs on the command line"));
  }

  @Test
  void unknownKeysWarnWithLineAndNearestName() throws IOException {
    file("seed = 1\n[x]\nnetwork_dims = 4\n");
    FlagsReader.Command command = read("--config_file=run.toml");
    assertThat(command.flags().maybeLong("seed")).hasValue(1);
    assertThat(command.warnings())
        .singleElement()
        .asString()
        .endsWith(
            "run.toml:3: unknown key \"network_dims\" is ignored\n  -> did you mean \"network_dim\"?");
  }

  @ParameterizedTest(name = "{0}")
  @CsvSource(
      delimiter = '|',
      value = {
        "cache_latents = 1|expected true or false, got 1",
        "network_dim = 1.5|expected a whole number, got \"1.5\"",
        "network_args = \"a=1\"|expected a list such as",
        "save_precision = \"fp32\"|for fp32 write float",
        "learning_rate = true|expected float, got true",
        "seed = 1 2|run.toml:1"
      })
  void wrongValuesAreNamedWithTheirLine(String toml, String message) throws IOException {
    file(toml + "\n");
    assertThatThrownBy(() -> read("--config_file=run.toml"))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("run.toml:1")
        .hasMessageContaining(message);
  }

  @Test
  void aMissingFlagFileIsNamed() {
    assertThatThrownBy(() -> read("--config_file=no"))
        .hasMessageContaining("no.toml does not exist");
  }

  @Test
  void whatIsWrittenReadsBackTheSame() {
    FlagsReader.Command command =
        read(
            "--config_file=out",
            "--output_config",
            "--seed=0",
            "--learning_rate=1e-4",
            "--network_args",
            "a=it's",
            "b=\"x\"",
            "--lr_warmup_steps=5%",
            "--xformers",
            "--metadata_description=a\\b\n\"c\" 'd'",
            "--network_alpha=1",
            "--max_train_steps=1600",
            "--wandb_api_key=secret",
            "--text_encoder_lr",
            "1e-5");
    Path written = command.written().orElseThrow();
    assertThat(written).isEqualTo(dir.resolve("out.toml")).content().doesNotContain("secret");
    assertThat(written)
        .content()
        .contains("learning_rate = 0.0001")
        .doesNotContain("max_train_steps");
    Flags again = read("--config_file=out").flags();
    assertThat(again.texts("network_args")).containsExactly("a=it's", "b=\"x\"");
    assertThat(again.text("metadata_description")).hasValue("a\\b\n\"c\" 'd'");
    assertThat(again.intOrRatio("lr_warmup_steps")).isEqualTo(new IntOrRatio.Ratio(0.05));
    assertThat(again.on("xformers")).isTrue();
    assertThat(again.maybeLong("seed")).hasValue(0);
    assertThat(again.numbers("text_encoder_lr")).containsExactly(1e-5);
    assertThatThrownBy(() -> read("--config_file=out", "--output_config"))
        .hasMessageContaining("exists already");
  }

  @Test
  void writingNeedsAFileName() {
    assertThatThrownBy(() -> read("--output_config", "--seed=1"))
        .hasMessage("--output_config needs --config_file, the file to write");
  }

  @ParameterizedTest
  @EnumSource(Preset.class)
  void aPresetFillsOnlyWhatIsNotGiven(Preset preset) {
    Flags flags =
        read("--preset=" + Checks.lower(preset), "--network_dim=32", "--optimizer_type=Lion")
            .flags();
    assertThat(flags.integer("network_dim")).isEqualTo(32);
    assertThat(flags.text("optimizer_type")).hasValue("Lion");
    assertThat(flags.on("network_train_unet_only")).isTrue();
    assertThat(flags.source("network_alpha")).isEqualTo(Source.PRESET);
    assertThat(flags.given("network_alpha")).isFalse();
    assertThat(flags.integer("max_train_steps")).isEqualTo(preset.steps());
    assertThat(CrossChecks.of(flags)).isEmpty();
    assertThat(
            read("--preset=" + Checks.lower(preset), "--max_train_epochs=3")
                .flags()
                .integer("max_train_steps"))
        .isEqualTo(1600);
  }

  @ParameterizedTest(name = "{0}")
  @CsvSource({
    "--lr_scheduler=constant, lr_warmup_steps",
    "--lr_scheduler_type=StepLR, lr_warmup_steps",
    "--optimizer_type=Prodigy, optimizer_args",
    "--use_8bit_adam, optimizer_type",
    "--network_train_text_encoder_only, network_train_unet_only",
    "--cache_text_encoder_outputs, shuffle_caption",
    "--random_crop, cache_latents"
  })
  void aPresetGivesWayToWhatItWouldContradict(String given, String left) {
    Flags flags = read("--preset=character", given).flags();
    assertThat(flags.source(left)).isEqualTo(Source.DEFAULT);
    assertThat(CrossChecks.of(flags)).isEmpty();
  }

  @Test
  void aPresetKnowsItsLengthInWholeEpochs() {
    assertThat(Preset.CHARACTER.wholeEpochs(21)).isEqualTo(57);
    assertThat(Preset.CHARACTER.wholeEpochs(5000)).isEqualTo(1);
  }

  @Test
  void helpListsEveryFlagWithinTheWidth() {
    String help = FlagHelp.text(FlagTable.train(), 80);
    assertThat(FlagTable.train().all())
        .allSatisfy(flag -> assertThat(help).contains("\n  " + flag.dashed()));
    assertThat(help)
        .contains("--lr_warmup_steps INT-OR-RATIO\n      Warm-up: `5` is 5 steps")
        .contains("Default: 2e-06.");
    assertThat(help.lines().filter(line -> line.startsWith("      ")))
        .allSatisfy(line -> assertThat(line).hasSizeLessThanOrEqualTo(80));
    assertThat(read("--help", "--config_file=no").flags().helpWanted()).isTrue();
  }
}
