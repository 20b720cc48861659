package dev.anima.train.progress;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ScheduleTest {
  private static Schedule.Run run(int steps, long samples, boolean triggers, Integer... files) {
    List<Integer> epochs = Stream.iterate(100, step -> step <= steps, step -> step + 100).toList();
    return new Schedule.Run(steps, samples, 8, 1, triggers, List.of(files), epochs);
  }

  /// The base model and every measure, counted in forwards, against two for every sample.
  @ParameterizedTest(name = "{0} samples")
  @ValueSource(longs = {400, 401, 500, 1000, 1200, 3000, 6000, 20_000, 1_000_000})
  void measuresCostAtMostThreePercent(long samples) {
    for (boolean triggers : new boolean[] {false, true}) {
      for (int kinds = 1; kinds <= 2; kinds++) {
        Schedule.Run run =
            new Schedule.Run(
                (int) Math.min(samples, 5000), samples, 8, kinds, triggers, List.of(), List.of());
        Optional<Schedule> schedule = Schedule.of(run, OptionalInt.empty());
        if (schedule.isPresent()) {
          int perMeasure =
              Schedule.BANDS
                  * schedule.get().images()
                  * (kinds + (schedule.get().withoutTrigger() ? 1 : 0));
          long forwards = (long) perMeasure * (1 + schedule.get().steps().size());
          assertThat(forwards).isLessThanOrEqualTo((long) (0.03 * 2 * samples));
          assertThat(schedule.get().images()).isGreaterThanOrEqualTo(3);
        }
      }
    }
  }

  @Test
  void aShortRunIsNotMeasured() {
    assertThat(Schedule.of(run(20, 20, true), OptionalInt.empty())).isEmpty();
    assertThat(Schedule.of(run(399, 399, false), OptionalInt.empty())).isEmpty();
    assertThat(Schedule.of(run(400, 400, false), OptionalInt.empty()).orElseThrow().steps())
        .containsExactly(400);
  }

  @Test
  void theUsersIntervalCountsWhateverItCosts() {
    Schedule schedule = Schedule.of(run(20, 20, true), OptionalInt.of(6)).orElseThrow();

    assertThat(schedule.steps()).containsExactly(6, 12, 18, 20);
    assertThat(schedule.images()).isEqualTo(8);
    assertThat(schedule.withoutTrigger()).isTrue();
  }

  @Test
  void measuresGoWhereFilesAreSavedOrEpochsEnd() {
    Schedule epochs = Schedule.of(run(3000, 3000, false), OptionalInt.empty()).orElseThrow();
    assertThat(epochs.steps()).allMatch(step -> step % 100 == 0).contains(3000);

    Schedule files =
        Schedule.of(run(3000, 3000, false, 650, 1250, 1850, 2450), OptionalInt.empty())
            .orElseThrow();
    assertThat(files.steps()).contains(650, 1250, 1850, 2450, 3000);
  }

  @Test
  void oneImageIsTooFew() {
    Schedule.Run run = new Schedule.Run(5000, 5000, 1, 1, false, List.of(), List.of());

    assertThat(Schedule.of(run, OptionalInt.of(5))).isEmpty();
  }
}
