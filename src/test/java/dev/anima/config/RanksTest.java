package dev.anima.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.anima.io.InputException;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class RanksTest {
  private static Map<String, String> of(String text) {
    Map<String, String> map = new HashMap<>();
    for (String pair : text.split(" ")) {
      if (!pair.isEmpty()) {
        map.put(pair.substring(0, pair.indexOf('=')), pair.substring(pair.indexOf('=') + 1));
      }
    }
    return map;
  }

  @Test
  void readsWhatTorchrunSets() {
    assertThat(
            Ranks.of(
                of(
                    "RANK=5 WORLD_SIZE=8 LOCAL_RANK=1 LOCAL_WORLD_SIZE=4 MASTER_ADDR=node0 MASTER_PORT=1234")))
        .isEqualTo(new Ranks(5, 8, 1, OptionalInt.of(4), "node0", 1234, Optional.empty()));
  }

  @Test
  void torchrunMayServeTheStoreItself() {
    assertThat(
            Ranks.of(
                    of(
                        "RANK=0 WORLD_SIZE=2 MASTER_ADDR=a TORCHELASTIC_USE_AGENT_STORE=True TORCHELASTIC_RESTART_COUNT=3"))
                .store())
        .contains("/worker/attempt_3");
  }

  @Test
  void readsWhatTheOperatorsOfKubernetesSet() {
    assertThat(Ranks.of(of("RANK=1 WORLD_SIZE=2 MASTER_ADDR=anima-0.anima MASTER_PORT=29500")))
        .isEqualTo(
            new Ranks(1, 2, 0, OptionalInt.empty(), "anima-0.anima", 29500, Optional.empty()));
  }

  @Test
  void readsSlurmsOwnVariablesBesideTheMaster() {
    assertThat(Ranks.of(of("SLURM_PROCID=3 SLURM_NTASKS=4 SLURM_LOCALID=1 MASTER_ADDR=n1")))
        .isEqualTo(new Ranks(3, 4, 1, OptionalInt.empty(), "n1", 29500, Optional.empty()));
    assertThat(Ranks.of(of("SLURM_PROCID=3 SLURM_NTASKS=4 SLURM_LOCALID=1")))
        .as("an interactive shell of Slurm")
        .isEqualTo(Ranks.ALONE);
  }

  @Test
  void oneProcessIsAlone() {
    assertThat(Ranks.of(Map.of())).isEqualTo(Ranks.ALONE);
    assertThat(Ranks.of(of("WORLD_SIZE=1"))).isEqualTo(Ranks.ALONE);
    assertThat(Ranks.of(of("RANK=0 WORLD_SIZE=1"))).isEqualTo(Ranks.ALONE);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "RANK=0 | RANK is 0, but WORLD_SIZE is not set",
        "WORLD_SIZE=2 | WORLD_SIZE is 2, but RANK is not set",
        "RANK=2 WORLD_SIZE=2 | RANK is 2, but WORLD_SIZE is 2: ranks go from 0 to 1",
        "RANK=x WORLD_SIZE=2 | RANK is \"x\", expected a whole number from 0 on",
        "RANK=0 WORLD_SIZE=0 | WORLD_SIZE is \"0\", expected a whole number from 1 on",
        "RANK=0 WORLD_SIZE=2 | WORLD_SIZE is 2, but MASTER_ADDR is not set",
        "RANK=0 WORLD_SIZE=2 MASTER_ADDR=a MASTER_PORT=70000 | MASTER_PORT is 70000",
        "RANK=0 WORLD_SIZE=2 MASTER_ADDR=a LOCAL_RANK=-1 | LOCAL_RANK is \"-1\""
      })
  void whatDoesNotFitTogetherIsOneSentence(String environment, String sentence) {
    assertThatThrownBy(() -> Ranks.of(of(environment)))
        .isInstanceOf(InputException.class)
        .hasMessageContaining(sentence);
  }

  @Test
  void whatIsSetForAProcessIsReadByIt() {
    assertThat(Ranks.of(Ranks.local(1, 3, 4567)))
        .isEqualTo(new Ranks(1, 3, 1, OptionalInt.of(3), "127.0.0.1", 4567, Optional.empty()));
  }
}
