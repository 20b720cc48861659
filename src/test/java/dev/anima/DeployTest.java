package dev.anima;

import static org.assertj.core.api.Assertions.assertThat;

import dev.anima.config.FlagTable;
import dev.anima.config.Ranks;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// The templates in `deploy/` set what the program reads. (None is run on a cluster here.)
class DeployTest {
  private static final Path DEPLOY = Path.of("deploy");
  private static final Pattern FLAG = Pattern.compile("--([a-z0-9_]+)[= \\\\\n]");

  private static String read(String file) throws IOException {
    return Files.readString(DEPLOY.resolve(file));
  }

  /// Values of the `env` list of a manifest, by name; a field of the pod as `1`.
  private static Map<String, String> environment(String manifest) {
    Map<String, String> found = new HashMap<>();
    Matcher matcher =
        Pattern.compile("- name: ([A-Z_]+)\\s+(?:value: \"?([^\"#\\s]+)|valueFrom:)")
            .matcher(manifest);
    while (matcher.find()) {
      found.put(matcher.group(1), matcher.group(2) == null ? "1" : matcher.group(2));
    }
    return found;
  }

  @Test
  void theJobTellsEveryPodItsRank() throws IOException {
    String job = read("kubernetes/job.yaml");

    Ranks ranks = Ranks.of(environment(job));

    assertThat(ranks.rank()).isEqualTo(1);
    assertThat(ranks.master()).isEqualTo("anima-0.anima");
    assertThat(ranks.localSize()).isEqualTo(OptionalInt.empty());
    assertThat(job)
        .contains("completionMode: Indexed")
        .contains("completions: " + ranks.size())
        .contains("parallelism: " + ranks.size())
        .contains("job-completion-index");
  }

  @Test
  void slurmIsAskedForWhatIsRead() throws IOException {
    String script = read("slurm/anima.sbatch");

    assertThat(script)
        .contains("export MASTER_ADDR MASTER_PORT")
        .contains("SLURM_PROCID, SLURM_NTASKS and SLURM_LOCALID")
        .contains("srun --kill-on-bad-exit=0");
    assertThat(
            Ranks.of(
                    Map.of(
                        "SLURM_PROCID", "7",
                        "SLURM_NTASKS", "8",
                        "SLURM_LOCALID", "3",
                        "MASTER_ADDR", "n1",
                        "MASTER_PORT", "20001"))
                .localRank())
        .isEqualTo(3);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"slurm/anima.sbatch", "kubernetes/job.yaml", "kubernetes/pytorchjob.yaml"})
  void everyFlagExistsAndNoTabHides(String file) throws IOException {
    String text = read(file);
    String training = text.substring(text.indexOf("train"));

    List<String> flags = FLAG.matcher(training).results().map(match -> match.group(1)).toList();

    assertThat(flags)
        .isNotEmpty()
        .allSatisfy(flag -> assertThat(FlagTable.train().find(flag)).as(flag).isPresent());
    assertThat(text).doesNotContain("\t");
  }
}
