package dev.anima.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.anima.config.FlagValue.Source;
import dev.anima.io.InputException;
import java.util.List;
import java.util.OptionalInt;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class CommandLineTest {
  private static Flags parse(String... words) {
    return CommandLine.parse(List.of(words));
  }

  @ParameterizedTest(name = "{0}")
  @CsvSource({
    "--lr_warmup=5, lr_warmup_steps",
    "--max_train_e=3, max_train_epochs",
    "--save_p=fp16, save_precision",
    "--xf, xformers",
    "--metadata_a=me, metadata_author",
    "--text_encoder_l=1e-4, text_encoder_lr",
    "--pre=dit.safetensors, pretrained_model_name_or_path"
  })
  void acceptsUniquePrefixes(String word, String flag) {
    FlagValue value = parse(word).value(flag);
    assertThat(value.source()).isEqualTo(Source.COMMAND_LINE);
    assertThat(value.abbreviated()).isTrue();
  }

  @ParameterizedTest
  @ValueSource(strings = {"vae", "lr_scheduler", "resume", "seed", "cache_latents", "save_state"})
  void anExactNameWinsOverLongerOnes(String name) {
    assertThat(FlagTable.train().matching(name)).extracting(Flag::name).containsExactly(name);
  }

  @Test
  void theLastOccurrenceWinsAlsoForLists() {
    Flags flags =
        parse("--network_args", "a=1", "--seed", "1", "--network_args", "b=2", "--seed=0");
    assertThat(flags.texts("network_args")).containsExactly("b=2");
    assertThat(flags.maybeLong("seed")).hasValue(0);
    assertThat(flags.value("network_args").timesGiven()).isEqualTo(2);
  }

  @Test
  void listsRunToTheNextFlagAndMayBeEmptyOrNegative() {
    Flags flags = parse("--optimizer_args", "--text_encoder_lr", "1e-4", "-1", "-.5", "--sdpa");
    assertThat(flags.isSet("optimizer_args")).isTrue();
    assertThat(flags.texts("optimizer_args")).isEmpty();
    assertThat(flags.numbers("text_encoder_lr")).containsExactly(1e-4, -1.0, -0.5);
    assertThat(flags.on("sdpa")).isTrue();
  }

  @Test
  void anAttachedListValueIsTheWholeList() {
    assertThatThrownBy(() -> parse("--network_args=a=1", "b=2"))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("\"b=2\"");
    assertThat(parse("--network_args=a=1").texts("network_args")).containsExactly("a=1");
  }

  @Test
  void readsTheArticlesCommand() {
    Flags flags =
        parse(
            "--network_dim=4",
            "--network_alpha=4",
            "--learning_rate=1e-4",
            "--optimizer_type=AdamW8bit",
            "--optimizer_args",
            "weight_decay=0.11",
            "betas=(0.9,0.99)",
            "--lr_warmup=5",
            "--max_data_loader_n_workers",
            "0",
            "--metadata_description",
            "- my first LoRA -",
            "--xformers");
    assertThat(flags.integer("network_dim")).isEqualTo(4);
    assertThat(flags.number("network_alpha")).isEqualTo(4.0);
    assertThat(flags.texts("optimizer_args"))
        .containsExactly("weight_decay=0.11", "betas=(0.9,0.99)");
    assertThat(flags.intOrRatio("lr_warmup_steps")).isEqualTo(new IntOrRatio.Steps(5));
    assertThat(flags.integer("max_data_loader_n_workers")).isZero();
    assertThat(flags.text("metadata_description")).hasValue("- my first LoRA -");
    assertThat(flags.pythonText("network_alpha")).isEqualTo("4.0");
  }

  @Test
  void defaultsKeepTheirPythonType() {
    Flags flags = parse();
    assertThat(flags.pythonText("network_alpha")).isEqualTo("1");
    assertThat(flags.number("network_alpha")).isEqualTo(1.0);
    assertThat(flags.pythonText("learning_rate")).isEqualTo("2e-06");
    assertThat(flags.pythonText("lr_warmup_steps")).isEqualTo("0");
    assertThat(flags.pythonText("network_dim")).isEqualTo("None");
    assertThat(flags.pythonText("xformers")).isEqualTo("False");
    assertThat(flags.maybeInteger("network_dim")).isEqualTo(OptionalInt.empty());
    assertThat(flags.given("seed")).isFalse();
  }

  @Test
  void namesAllUnknownFlagsEachWithTheNearest() {
    assertThatThrownBy(
            () -> parse("--netwrk_dim", "4", "--learning_rat=1", "--sdpaa", "--seed", "1"))
        .isInstanceOf(InputException.class)
        .hasMessage(
            """
            unknown flag --netwrk_dim (with "4")
              -> did you mean --network_dim?
            unknown flag --sdpaa
              -> did you mean --sdpa?\
            """);
  }

  @Test
  void anAmbiguousPrefixListsTheCandidates() {
    assertThatThrownBy(() -> parse("--network_d", "4"))
        .isInstanceOf(InputException.class)
        .hasMessage("ambiguous flag --network_d could mean --network_dim, --network_dropout");
  }

  @Test
  void switchesTakeNoValue() {
    assertThatThrownBy(() -> parse("--cache_latents", "true"))
        .hasMessage("unexpected word \"true\": --cache_latents is a switch and takes no value");
    assertThatThrownBy(() -> parse("--cache_latents=true"))
        .hasMessageStartingWith("--cache_latents is a switch and takes no value, got \"true\"");
  }

  @Test
  void strayWordsAreNamed() {
    assertThatThrownBy(() -> parse("nami", "--seed", "1", "2"))
        .hasMessageContaining("unexpected word \"nami\"")
        .hasMessageContaining("unexpected word \"2\" after --seed");
  }

  @ParameterizedTest(name = "{0}")
  @CsvSource(
      delimiter = '|',
      value = {
        "--network_dim=1.0|--network_dim: expected a whole number, got \"1.0\"",
        "--network_dim=|--network_dim: expected a whole number, got \"\"",
        "--network_dim=99999999999|--network_dim: expected a whole number, got \"99999999999\"",
        "--learning_rate=fast|--learning_rate: expected a number such as 1e-4, got \"fast\"",
        "--text_encoder_lr=x|--text_encoder_lr: expected numbers such as 1e-4, got \"x\"",
        "--seed|--seed: expected a value (int), found none",
        "--save_precision=fp32|-> for fp32 write float",
        "--mixed_precision=fp32|-> for fp32 write no",
        "--loss_type=hubber|-> did you mean huber?"
      })
  void saysWhatItExpected(String word, String message) {
    assertThatThrownBy(() -> parse(word))
        .isInstanceOf(InputException.class)
        .hasMessageContaining(message);
  }

  @ParameterizedTest(name = "{0}")
  @CsvSource({
    "5, 5, 5",
    "5%, 0.05, 60",
    "0.05, 0.05, 60",
    "0.999, 0.999, 1198",
    "1, 1, 1",
    "0, 0.0, 0",
    "100%, 1.0, 1200",
    "-1, -1.0, -1200"
  })
  void readsStepsAndShares(String text, String python, int stepsOf1200) {
    IntOrRatio value = IntOrRatio.parse(text).orElseThrow();
    assertThat(value.pythonText()).isEqualTo(python);
    assertThat(value.resolve(1200)).isEqualTo(stepsOf1200);
  }

  @ParameterizedTest
  @ValueSource(strings = {"5.0", "1.5", "1e2", "abc", "x%", "", "%"})
  void refusesWhatIsNeither(String text) {
    assertThat(IntOrRatio.parse(text)).isEmpty();
  }

  @Test
  void helpIsNoErrorWhateverElseIsThere() {
    assertThat(parse("--help", "--what").helpWanted()).isTrue();
  }

  @Test
  void takesPlainWordsWhereACommandHasThem() {
    CommandLine.Words words =
        CommandLine.parse(
            FlagTable.tag(),
            List.of("nami", "--thresh", "0.5", "robin", "--recursive", "vivi", "--", "--odd"));
    assertThat(words.plainWords()).containsExactly("nami", "robin", "vivi", "--odd");
    assertThat(words.flags().number("thresh")).isEqualTo(0.5);
    assertThat(words.flags().on("recursive")).isTrue();
    assertThat(words.flags().text("caption_separator")).hasValue(", ");
  }
}
