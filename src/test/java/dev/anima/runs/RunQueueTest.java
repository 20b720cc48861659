package dev.anima.runs;

import static org.assertj.core.api.Assertions.assertThat;

import dev.anima.config.Flags;
import dev.anima.runs.RunChecker.Findings;
import dev.anima.runs.RunQueue.End;
import dev.anima.runs.RunQueue.Outcome;
import dev.anima.runs.script.Script;
import dev.anima.runs.script.Surroundings;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class RunQueueTest {
  private static final String RUN = "python anima_train_network.py ";

  @TempDir Path folder;
  private final List<Flags> checked = new ArrayList<>();

  private RunQueue queue(String name, String text) throws IOException {
    Path file = Files.writeString(folder.resolve(name), text);
    Script script = Script.read(file, new Surroundings(folder, false, Map.of(), false));
    return QueueReader.read(List.of(script), this::check, false);
  }

  /// Knows of an error where `--seed=666`, and of one file each.
  private Findings check(Flags flags, List<String> warnings, Path dir) {
    checked.add(flags);
    return new Findings(
        flags.maybeLong("seed").orElse(0) == 666 ? List.of("an unlucky seed") : List.of(),
        warnings,
        1,
        1,
        1,
        List.of(dir.resolve(flags.text("output_name", "last") + ".safetensors")));
  }

  private static List<End> ends(List<Outcome> outcomes) {
    return outcomes.stream().map(Outcome::end).toList();
  }

  @Test
  void whatAnEarlierRunWillMakeCountsAsThere() throws IOException {
    RunQueue queue =
        queue(
            "may.bat",
            RUN
                + "--output_name=a\n"
                + RUN
                + "--output_name=b --network_w=.\\a.safetensors --dim_from_weights\n"
                + RUN
                + "--output_name=c --base_weights b.safetensors a.safetensors --base_weights_multiplier 1\n"
                + RUN
                + "--output_name=d --network_weights=nowhere.safetensors\n");
    assertThat(queue.runs().get(1).needs())
        .containsExactly(
            new QueuedRun.Need("--network_weights", folder.resolve("a.safetensors"), 1));
    assertThat(queue.runs().get(2).makers()).containsExactly(1, 2);
    assertThat(queue.runs().get(3).needs()).isEmpty();
    assertThat(checked.get(1).isSet("network_weights")).isFalse();
    assertThat(checked.get(1).on("dim_from_weights")).isFalse();
    assertThat(checked.get(2).isSet("base_weights_multiplier")).isFalse();
    assertThat(checked.get(3).isSet("network_weights")).isTrue();
    assertThat(queue.runs().get(1).words()).contains("--network_w=./a.safetensors");
  }

  @Test
  void aFailureStopsOnlyThoseThatNeedIt() throws IOException {
    RunQueue queue =
        queue(
            "q.sh",
            RUN
                + "--output_name=a && "
                + RUN
                + "--output_name=b\n"
                + RUN
                + "--output_name=c --network_weights=a.safetensors\n"
                + RUN
                + "--output_name=d --network_weights=c.safetensors\n"
                + RUN
                + "--output_name=e\n");
    List<Outcome> outcomes =
        queue.carryOut(run -> run.number() == 1 ? End.FAILED : End.DONE, false, () -> false);
    assertThat(ends(outcomes))
        .containsExactly(End.FAILED, End.NOT_STARTED, End.NOT_STARTED, End.NOT_STARTED, End.DONE);
    assertThat(outcomes)
        .extracting(Outcome::reason)
        .containsExactly(
            "",
            "the script wants it only after a success of run 1",
            "its --network_weights was to be made by run 1",
            "its --network_weights was to be made by run 3",
            "");
  }

  @Test
  void aFailureEndsTheQueueWhenAsked() throws IOException {
    RunQueue queue = queue("q.sh", (RUN + "\n").repeat(3));
    assertThat(ends(queue.carryOut(_ -> End.FAILED, true, () -> false)))
        .containsExactly(End.FAILED, End.NOT_STARTED, End.NOT_STARTED);
  }

  @Test
  void aStopEndsTheQueue() throws IOException {
    RunQueue queue = queue("q.sh", (RUN + "\n").repeat(3));
    List<Outcome> outcomes =
        queue.carryOut(run -> run.number() == 1 ? End.DONE : End.STOPPED, false, () -> false);
    assertThat(ends(outcomes)).containsExactly(End.DONE, End.STOPPED, End.NOT_STARTED);
    assertThat(ends(queue.carryOut(_ -> End.DONE, false, () -> true)))
        .containsOnly(End.NOT_STARTED);
  }

  @Test
  void aRunWithWrongInputIsNotBegun() throws IOException {
    RunQueue queue =
        queue(
            "q.bat",
            RUN + "--seed=666\n" + RUN + "--sed=1\n" + RUN + "--seed=1 --output_config\n" + RUN);
    assertThat(queue.runs())
        .extracting(run -> String.join("", run.findings().errors()))
        .satisfiesExactly(
            error -> assertThat(error).isEqualTo("an unlucky seed"),
            error -> assertThat(error).contains("did you mean --seed?"),
            error -> assertThat(error).contains("--output_config is no training"),
            error -> assertThat(error).isEmpty());
    assertThat(folder.toFile().list()).containsExactly("q.bat");
    assertThat(
            ends(
                queue.carryOut(
                    run -> run.number() == 4 ? End.DONE : End.FAILED, false, () -> false)))
        .containsExactly(End.WRONG_INPUT, End.WRONG_INPUT, End.WRONG_INPUT, End.DONE);
  }

  @Test
  void pathsTakeTheFormOfThisSystem() throws IOException {
    RunQueue queue =
        queue(
            "q.bat",
            RUN
                + "--vae models\\vae.safetensors --base_weights a\\b c\\d --metadata_author=a\\b\n"
                + RUN
                + "--vae=\"C:\\models\\vae.safetensors\" --qwen3 \\\\server\\q\n"
                + "cd /d D:\\sd-scripts\n"
                + RUN
                + "--vae=/models/vae.safetensors --output_dir=out\n");
    assertThat(queue.runs().getFirst().words())
        .containsExactly(
            "--vae",
            "models/vae.safetensors",
            "--base_weights",
            "a/b",
            "c/d",
            "--metadata_author=a\\b");
    assertThat(queue.runs().get(1).findings().errors())
        .satisfiesExactly(
            error ->
                assertThat(error)
                    .startsWith(
                        "--vae: \"C:\\models\\vae.safetensors\" is a Windows path, but this is not Windows"),
            error -> assertThat(error).contains("--qwen3", "is a Windows path"));
    assertThat(queue.runs().get(2).findings().errors())
        .singleElement()
        .asString()
        .contains("--output_dir: \"out\" cannot be found: ", "q.bat:3: ", "--working_dir");
  }

  @Test
  void twoRunsThatWriteTheSameFileAreNamed() throws IOException {
    assertThat(
            queue("q.sh", RUN + "--output_name=a\n" + RUN + "\n" + RUN + "--output_name=a\n")
                .collisions())
        .containsExactly(
            "run 3 replaces %s of run 1 (another --output_name keeps both)"
                .formatted(folder.resolve("a.safetensors")));
  }

  @Test
  void theShownCommandCanBeCopied() throws IOException {
    assertThat(
            queue(
                    "q.sh",
                    RUN
                        + "--network_args a=1 \"b=(2, 3)\" --xformers --metadata_author \"it's me\"\n")
                .runs()
                .getFirst()
                .lines())
        .containsExactly(
            "--network_args a=1 'b=(2, 3)'", "--xformers", "--metadata_author 'it'\\''s me'");
  }
}
