package dev.anima.model;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class StreamScheduleTest {
  private static final int BLOCKS = 6;

  /// What is fetched at each request.
  private static List<List<Integer>> fetched(StreamSchedule schedule, List<Integer> requests) {
    return requests.stream().map(schedule::ask).toList();
  }

  private static List<Integer> up(int from) {
    return IntStream.range(from, BLOCKS).boxed().toList();
  }

  private static List<Integer> step(int lowest) {
    List<Integer> step = new ArrayList<>(up(0));
    step.addAll(up(lowest).reversed());
    return step;
  }

  @Test
  void theFirstForwardFetchesOneAhead() {
    StreamSchedule schedule = new StreamSchedule(0, BLOCKS);

    assertThat(fetched(schedule, up(0)))
        .containsExactly(List.of(0, 1), List.of(2), List.of(3), List.of(4), List.of(5), List.of());
  }

  @Test
  void aStepTurnsWithoutFetchingWhatIsThere() {
    StreamSchedule schedule = new StreamSchedule(0, BLOCKS);
    fetched(schedule, step(0));

    List<List<Integer>> second = fetched(schedule, step(0));

    assertThat(second.subList(0, BLOCKS))
        .containsExactly(List.of(), List.of(2), List.of(3), List.of(4), List.of(5), List.of());
    assertThat(second.subList(BLOCKS, 2 * BLOCKS))
        .containsExactly(List.of(), List.of(3), List.of(2), List.of(1), List.of(0), List.of());
  }

  @Test
  void residentBlocksGiveTimeForTheFirstWaitingOnes() {
    StreamSchedule schedule = new StreamSchedule(3, BLOCKS);

    assertThat(fetched(schedule, up(0)))
        .containsExactly(List.of(3, 4), List.of(), List.of(), List.of(), List.of(5), List.of());
  }

  @Test
  void forwardsInARowAreForeseenOnceSeen() {
    StreamSchedule schedule = new StreamSchedule(0, BLOCKS);
    fetched(schedule, up(0));
    fetched(schedule, up(0));

    assertThat(fetched(schedule, up(0)))
        .containsExactly(List.of(1), List.of(2), List.of(3), List.of(4), List.of(5), List.of(0));
  }

  @Test
  void noBlockWaits() {
    StreamSchedule schedule = new StreamSchedule(BLOCKS, BLOCKS);

    assertThat(fetched(schedule, step(0))).allSatisfy(one -> assertThat(one).isEmpty());
  }

  static IntStream seeds() {
    return IntStream.range(0, 200);
  }

  /// Any order at all, most of it forwards and backwards: what is used is there, and nothing is
  /// ever put over it.
  @ParameterizedTest(name = "seed {0}")
  @MethodSource("seeds")
  void whatIsUsedIsThereAndStays(int seed) {
    SplittableRandom random = new SplittableRandom(seed);
    int blocks = 1 + random.nextInt(BLOCKS);
    int first = random.nextInt(blocks + 1);
    StreamSchedule schedule = new StreamSchedule(first, blocks);
    List<Integer> there = new ArrayList<>(Collections.nCopies(StreamSchedule.BUFFERS, -1));
    int block = 0;
    for (int i = 0; i < 200; i++) {
      block =
          switch (random.nextInt(8)) {
            case 0 -> random.nextInt(blocks);
            case 1, 2, 3 -> Math.max(0, block - 1);
            default -> (block + 1) % blocks;
          };
      List<Integer> missing = schedule.ask(block);
      for (int one : missing) {
        assertThat(schedule.streams(one)).isTrue();
        there.set(schedule.buffer(one), one);
      }
      if (schedule.streams(block)) {
        assertThat(there.get(schedule.buffer(block))).isEqualTo(block);
        if (random.nextInt(20) == 0) {
          schedule.forget(schedule.buffer(block));
          there.set(schedule.buffer(block), -1);
        }
      }
    }
  }
}
