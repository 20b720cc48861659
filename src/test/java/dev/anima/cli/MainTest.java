package dev.anima.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.anima.io.InputException;
import dev.anima.io.RunFailedException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import picocli.CommandLine;

class MainTest {
  private final Screen screen = new Screen();

  private int anima(String... words) {
    return Main.run(List.of(words), screen.console);
  }

  /// Runs `anima train WORDS` with `train` in the place of the real one.
  private int withTrain(RawCommand train, String... words) {
    List<String> line = new ArrayList<>(List.of("train"));
    line.addAll(List.of(words));
    CommandLine tree = Commands.tree(screen.console);
    tree.getCommandSpec().removeSubcommand("train");
    return Main.run(
        line,
        screen.console,
        tree.addSubcommand("train", train.asSubcommand(screen.console, "Trains a LoRA.")));
  }

  private int throwing(RuntimeException failure, String... words) {
    return withTrain(
        (_, _) -> {
          throw failure;
        },
        words);
  }

  @ParameterizedTest
  @CsvSource({"--help", "-h", "help"})
  void helpListsTheCommands(String word) {
    assertThat(anima(word)).isZero();
    assertThat(screen.out()).contains("Usage: anima", "doctor");
    assertThat(screen.err()).isEmpty();
  }

  @Test
  void noArgumentsShowTheHelp() {
    assertThat(anima()).isZero();
    assertThat(screen.out()).contains("Usage: anima");
  }

  @ParameterizedTest
  @CsvSource({"doctor,--help", "help,doctor"})
  void everyCommandHasItsHelp(String first, String second) {
    assertThat(anima(first, second)).isZero();
    assertThat(screen.out()).contains("Usage: anima doctor", "--json");
  }

  @Test
  void showsItsVersion() {
    assertThat(anima("--version")).isZero();
    assertThat(screen.out().strip()).matches("anima \\d+\\.\\d+\\.\\d+.*");
  }

  @Test
  void namesTheNearestCommand() {
    assertThat(anima("docter")).isEqualTo(2);
    assertThat(screen.err().strip())
        .isEqualTo(
            "unknown command \"docter\"; did you mean \"doctor\"? (anima --help lists what there is)");
    assertThat(screen.out()).isEmpty();
  }

  @Test
  void namesTheNearestOption() {
    assertThat(anima("doctor", "--jason")).isEqualTo(2);
    assertThat(screen.err()).contains("unknown option \"--jason\"; did you mean \"--json\"?");
  }

  @Test
  void refusesWhatACommandDoesNotTake() {
    assertThat(anima("doctor", "now")).isEqualTo(2);
    assertThat(screen.err()).contains("unexpected argument \"now\"");
  }

  @Test
  void handsRawCommandsTheirWordsUntouched() {
    List<List<String>> seen = new ArrayList<>();
    String[] words = {
      "--help",
      "--lr_warmup=5",
      "-h",
      "--",
      "a b",
      "@file",
      "\"quoted\"",
      "",
      "--network_args",
      "x=1",
      "--version"
    };

    int exitCode =
        withTrain(
            (arguments, _) -> {
              seen.add(arguments);
              return 0;
            },
            words);

    assertThat(exitCode).isZero();
    assertThat(seen).containsExactly(List.of(words));
    assertThat(screen.out()).isEmpty();
  }

  @Test
  void rawCommandsMayHaveNoWords() {
    List<List<String>> seen = new ArrayList<>();
    withTrain((arguments, _) -> {
      seen.add(arguments);
      return 0;
    });
    assertThat(seen).containsExactly(List.of());
  }

  @ParameterizedTest
  @CsvSource({"0", "1", "2", "130"})
  void passesTheExitCodeOn(int exitCode) {
    assertThat(withTrain((_, _) -> exitCode, "--x")).isEqualTo(exitCode);
  }

  @Test
  void wrongInputIsOneSentenceAndTwo() {
    int exitCode = throwing(new InputException("nami.toml:14: unknown key \"num_repeat\""));

    assertThat(exitCode).isEqualTo(2);
    assertThat(screen.err())
        .isEqualTo("nami.toml:14: unknown key \"num_repeat\"" + System.lineSeparator());
  }

  @Test
  void aFailedRunIsOneSentenceAndOne() {
    int exitCode =
        throwing(new RunFailedException("the disk is full; last checkpoint: a.safetensors"));

    assertThat(exitCode).isEqualTo(1);
    assertThat(screen.err().strip()).isEqualTo("the disk is full; last checkpoint: a.safetensors");
  }

  @Test
  void ourOwnMistakesAreOneSentenceAndOne() {
    int exitCode = throwing(new IllegalStateException("first line\nsecond line"));

    assertThat(exitCode).isEqualTo(1);
    assertThat(screen.err().strip())
        .isEqualTo(
            "internal error: IllegalStateException: first line; run again with --verbose for the trace");
  }

  @Test
  void verboseAddsTheTraceWhereverItStands() {
    List<List<String>> seen = new ArrayList<>();
    int exitCode =
        withTrain(
            (arguments, _) -> {
              seen.add(arguments);
              throw new InputException("wrong");
            },
            "--a",
            "--verbose",
            "b");

    assertThat(exitCode).isEqualTo(2);
    assertThat(seen).containsExactly(List.of("--a", "b"));
    assertThat(screen.err()).contains("wrong", "\tat dev.anima.cli.MainTest");
  }

  @Test
  void errorsOfTheMachineAreASentenceToo() {
    Error failure = new NoClassDefFoundError("Tensor");
    failure.initCause(new UnsatisfiedLinkError("no libcudart.so.13"));
    int exitCode =
        withTrain((_, _) -> {
          throw failure;
        });

    assertThat(exitCode).isEqualTo(1);
    assertThat(screen.err().strip())
        .isEqualTo(
            "A native library could not be loaded (no libcudart.so.13); anima doctor says what is missing");
  }

  @Test
  void aClosedPipeIsNoError() {
    assertThat(throwing(new UncheckedIOException(new IOException("Broken pipe")))).isZero();
    assertThat(screen.err()).isEmpty();
  }
}
