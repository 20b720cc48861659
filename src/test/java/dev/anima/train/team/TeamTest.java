package dev.anima.train.team;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.anima.config.Ranks;
import dev.anima.engine.Ops;
import dev.anima.engine.PeerLost;
import dev.anima.engine.Scope;
import dev.anima.engine.Tensor;
import dev.anima.io.InputException;
import java.net.ServerSocket;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class TeamTest {
  @ParameterizedTest(name = "{0} processes")
  @ValueSource(ints = {2, 3, 5})
  void sumsAreTheSameEverywhere(int size) throws Exception {
    List<Object> sums =
        Threads.all(
            size,
            team -> {
              try (Scope _ = new Scope()) {
                float[] own = new float[1001];
                for (int i = 0; i < own.length; i++) {
                  own[i] = (float) Math.sin(i * 7 + team.rank());
                }
                Tensor tensor = Ops.of(own, own.length);
                team.sum_(tensor);
                team.meet();
                return tensor.toFloats();
              }
            });

    float[] first = (float[]) sums.getFirst();
    for (Object other : sums) {
      assertThat((float[]) other).isEqualTo(first);
    }
    for (int i = 0; i < first.length; i++) {
      double sum = 0;
      for (int rank = 0; rank < size; rank++) {
        sum += Math.sin(i * 7 + rank);
      }
      assertThat((double) first[i]).isCloseTo(sum, org.assertj.core.data.Offset.offset(1e-6));
    }
  }

  @Test
  void allTakeTheNumberOfTheFirst() throws Exception {
    assertThat(Threads.all(3, team -> team.ofFirst(1000 + team.rank())))
        .containsExactly(1000L, 1000L, 1000L);
  }

  @Test
  void whoeverWasStartedOtherwiseIsNamed() throws Exception {
    List<Object> ends =
        Threads.all(
            3,
            team -> {
              team.compare(
                  List.of("the program x", team.rank() == 2 ? "--seed=8" : "--seed=7", "much"));
              return "the same";
            });

    assertThat(ends)
        .allSatisfy(end ->
            assertThat((Throwable) end)
                .isInstanceOf(InputException.class)
                .hasMessageStartingWith(
                    "rank 2 was not started like rank 0: rank 0 has --seed=7, rank 2 has --seed=8\n"));
  }

  @Test
  void whyOneFailedIsKnownToAll() throws Exception {
    List<Object> ends =
        Threads.all(
            3,
            team -> {
              if (team.rank() == 1) {
                throw new InputException("the disk is full\nof it");
              }
              assertThatThrownBy(team::meet).isInstanceOf(PeerLost.class);
              return team.loss().orElseThrow();
            });

    assertThat(ends.get(0)).isEqualTo(new Loss(1, "the disk is full\nof it"));
    assertThat(ends.get(2)).isEqualTo(new Loss(1, "the disk is full\nof it"));
  }

  @Test
  void aPortInUseIsNamed() throws Exception {
    try (ServerSocket taken = new ServerSocket(0)) {
      Ranks ranks = Ranks.of(Ranks.local(0, 2, taken.getLocalPort()));

      assertThatThrownBy(() -> join(ranks))
          .isInstanceOf(InputException.class)
          .hasMessageContaining("MASTER_PORT=%d is in use".formatted(taken.getLocalPort()));
    }
  }

  @Test
  void aMasterWhoDoesNotAnswerIsNamed() throws Exception {
    int port = Threads.freePort();
    Ranks ranks = Ranks.of(Ranks.local(1, 2, port));

    assertThatThrownBy(() -> join(ranks))
        .isInstanceOf(InputException.class)
        .hasMessageContaining(
            "rank 1 of 2: not all 2 processes met at 127.0.0.1:%d within 2 seconds".formatted(port))
        .hasMessageContaining("start all ranks");
  }

  @Test
  void anUnknownMasterIsNamed() {
    Ranks ranks =
        new Ranks(1, 2, 0, OptionalInt.empty(), "no-such-host.invalid", 29500, Optional.empty());

    assertThatThrownBy(() -> join(ranks))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("MASTER_ADDR=no-such-host.invalid: there is no such host");
  }

  private static void join(Ranks ranks) {
    Team.join(ranks, Duration.ofSeconds(2), Duration.ofSeconds(2)).close();
  }

  @Test
  void oneProcessMeetsNobody() {
    Team team = Team.join(Ranks.ALONE, Optional.empty());

    team.meet();
    team.compare(List.of("anything"));
    assertThat(team.ofFirst(7)).isEqualTo(7);
    assertThat(team).isSameAs(Team.ALONE);
  }

  @Test
  void workIsDealtInTurn() {
    Team team = Team.planned(2);

    assertThat(team.part(List.of(0, 1, 2, 3, 4))).containsExactly(0, 2, 4);
    assertThat(team.rest(List.of(0, 1, 2, 3, 4))).containsExactly(1, 3);
  }
}
