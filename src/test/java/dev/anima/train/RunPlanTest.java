package dev.anima.train;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Optional;
import java.util.OptionalInt;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

class RunPlanTest {
  @ParameterizedTest(name = "{0}: {1} batches x {2} epochs")
  @CsvSource({
    "Panchy Brief, 20, 60, 1200",
    "Nami, 21, 60, 1260",
    "Bibi Blocksberg, 30, 100, 3000",
    "May run 1, 84, 75, 6300",
    "May run 2, 84, 15, 1260",
    "May run 3, 84, 10, 840",
    "Kyhu style, 65, 100, 6500",
    "Blues Brothers, 18, 75, 1350",
    "Poke Doll, 60, 30, 1800",
    "0w0, 30, 40, 1200",
    "Union Berlin, 20, 100, 2000",
    "Heart hands, 7, 20, 140"
  })
  void articleExamples(String name, int batches, int epochs, int steps) {
    RunPlan plan = RunPlan.of(batches, 1, 1, 1600, OptionalInt.of(epochs));

    assertThat(plan.totalSteps()).as(name).isEqualTo(steps);
    assertThat(plan.epochs()).isEqualTo(epochs);
  }

  @Test
  void anIncompleteAccumulationWindowStillMakesAStep() {
    RunPlan plan = RunPlan.of(5, 1, 2, 1600, OptionalInt.of(2));

    assertThat(plan.totalSteps()).isEqualTo(6);
    assertThat(IntStream.range(0, 5).filter(plan::isUpdate)).containsExactly(1, 3, 4);
  }

  static IntStream seeds() {
    return IntStream.range(0, 100);
  }

  @ParameterizedTest(name = "seed {0}")
  @MethodSource("seeds")
  void updatesOfAnEpochAreItsSteps(int seed) {
    Random random = new Random(seed);
    int accumulation = 1 + random.nextInt(6);
    RunPlan plan =
        RunPlan.of(
            1 + random.nextInt(40),
            1 + random.nextInt(3),
            accumulation,
            1 + random.nextInt(300),
            OptionalInt.empty());

    assertThat(IntStream.range(0, plan.batchesPerEpoch()).filter(plan::isUpdate).count())
        .isEqualTo(plan.stepsPerEpoch());
    assertThat(plan.stepsAfterEpoch(plan.epochs())).isEqualTo(plan.totalSteps());
    assertThat(plan.epochOf(plan.totalSteps())).isEqualTo(plan.epochs());
  }

  @Test
  void listsTheFilesARunWrites() {
    CheckpointRules rules =
        rules(OptionalInt.of(3), OptionalInt.of(1), OptionalInt.empty(), OptionalInt.empty());

    assertThat(RunPlan.of(4, 1, 1, 1600, OptionalInt.of(2)).files(rules))
        .containsExactly(
            new RunPlan.PlannedFile("nami-step00000003.safetensors", 3),
            new RunPlan.PlannedFile("nami-000001.safetensors", 4),
            new RunPlan.PlannedFile("nami-step00000006.safetensors", 6),
            new RunPlan.PlannedFile("nami.safetensors", 8));
  }

  @ParameterizedTest(name = "{0} steps kept, every {1}: after {2} goes {3}")
  @CsvSource({
    "200, 100, 300, 0",
    "200, 100, 400, 100",
    "250, 100, 400, 100",
    "0, 100, 200, 100",
    "99, 100, 200, 100"
  })
  void stepFilesYoungerThanTheLimitStay(int keep, int every, int step, int removed) {
    CheckpointRules rules =
        rules(
            OptionalInt.of(every), OptionalInt.empty(), OptionalInt.of(keep), OptionalInt.empty());

    assertThat(rules.stepToRemove(step))
        .isEqualTo(removed == 0 ? OptionalInt.empty() : OptionalInt.of(removed));
  }

  @Test
  void theLastEpochFilesStay() {
    CheckpointRules rules =
        rules(OptionalInt.empty(), OptionalInt.of(5), OptionalInt.empty(), OptionalInt.of(2));

    assertThat(rules.epochToRemove(10)).isEmpty();
    assertThat(rules.epochToRemove(15)).hasValue(5);
  }

  @Test
  void theMovingAverageIsAWindowOfOneEpochByPosition() {
    LossAverage average = new LossAverage();
    average.add(1, 0, 4);
    average.add(1, 1, 2);
    assertThat(average.average()).isEqualTo(3);

    average.add(2, 0, 1);
    assertThat(average.average()).isEqualTo(1.5);
  }

  private static CheckpointRules rules(
      OptionalInt everySteps,
      OptionalInt everyEpochs,
      OptionalInt keepSteps,
      OptionalInt keepEpochs) {
    return new CheckpointRules(
        Optional.of("nami"), "safetensors", everySteps, everyEpochs, keepSteps, keepEpochs);
  }
}
