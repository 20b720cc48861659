package dev.anima.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.anima.config.RunLength;
import dev.anima.io.InputException;
import dev.anima.train.state.SavedState;
import java.nio.file.Path;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class RunStartTest {
  /// 10 batches an epoch, 3 to a step: 4 steps an epoch, 12 in all.
  private static final RunPlan PLAN = RunPlan.of(10, 1, 3, 0, OptionalInt.of(3));

  private static RunLength length(OptionalInt epoch, OptionalInt step, boolean skip) {
    return new RunLength(
        1600, OptionalInt.of(3), 3, OptionalLong.empty(), Optional.empty(), epoch, step, skip);
  }

  private static OptionalInt maybe(int value) {
    return value < 0 ? OptionalInt.empty() : OptionalInt.of(value);
  }

  @ParameterizedTest(
      name = "initial_epoch {0} initial_step {1} skip {2}: step {3} epoch {4} batch {5}")
  @CsvSource({
    "-1, -1, false, 0, 1, 0",
    "-1, -1, true, 0, 1, 0",
    "1, -1, false, 0, 1, 0",
    "3, -1, false, 8, 3, 0",
    "3, -1, true, 8, 3, 0",
    "-1, 4, false, 4, 2, 0",
    "-1, 6, false, 4, 2, 0", // the epoch of step 6 from its beginning
    "-1, 6, true, 6, 2, 6", // exactly there: 2 steps of 3 batches passed over
    "2, 11, true, 11, 3, 9", // the step beats the epoch
  })
  void countsAsIfTheBeginningHadRun(
      int epoch, int step, boolean skip, int expectedStep, int expectedEpoch, int batches) {
    RunStart start = RunStart.of(length(maybe(epoch), maybe(step), skip), PLAN, Optional.empty());

    assertThat(start.step()).isEqualTo(expectedStep);
    assertThat(start.epoch()).isEqualTo(expectedEpoch);
    assertThat(start.batches()).isEqualTo(batches);
  }

  @Test
  void nothingLeftIsAnError() {
    assertThatThrownBy(
            () -> RunStart.of(length(maybe(4), maybe(-1), false), PLAN, Optional.empty()))
        .isInstanceOf(InputException.class)
        .hasMessageContainingAll("--initial_epoch=4", "step 12", "nothing is left to train");
  }

  @Test
  void aStateOfTheReferenceGoesOnExactlyWhereItWasSaved() {
    SavedState state = new SavedState.WeightsOnly(Path.of("their-state"), 2, 6);

    RunStart start = RunStart.of(length(maybe(-1), maybe(-1), false), PLAN, Optional.of(state));

    assertThat(start.step()).isEqualTo(6);
    assertThat(start.epoch()).isEqualTo(2);
    assertThat(start.batches()).isEqualTo(6);
    assertThat(start.notes()).hasSize(1).first().asString().contains("pickles");
  }

  @Test
  void theStepOfTheReferencesStateCanBeCorrected() {
    SavedState state = new SavedState.WeightsOnly(Path.of("their-state"), 3, 1);

    assertThat(RunStart.of(length(maybe(-1), maybe(-1), false), PLAN, Optional.of(state)).notes())
        .anySatisfy(note -> assertThat(note).contains("does not fit its step"));
    assertThat(RunStart.of(length(maybe(-1), maybe(9), false), PLAN, Optional.of(state)).step())
        .isEqualTo(9);
  }
}
