package dev.anima.train.plan;

import static org.assertj.core.api.Assertions.assertThat;

import dev.anima.config.Size;
import dev.anima.engine.Device;
import dev.anima.engine.Dtype;
import dev.anima.model.WeightStorage;
import dev.anima.model.block.SavePolicy;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// Plans for the real model on cards, by shapes alone.
class PlannerTest {
  private static final Arithmetic CARD = new Arithmetic(Device.Kind.CUDA, Dtype.BF16);
  private static final Size MEGAPIXEL = new Size(1024, 1024);
  private static final long GB = 1_000_000_000;

  private static RunShape run(int batch) {
    return FullSize.run(CARD, WeightStorage.COMPUTE, batch, MEGAPIXEL);
  }

  private static MemoryPlan plan(RunShape run, long gigabytes) {
    return Planner.plan(run, Wishes.none(), Limit.stated(gigabytes * GB));
  }

  @Test
  void withoutALimitEveryBlockKeepsThe13Units() {
    MemoryPlan plan = Planner.plan(run(1), Wishes.none(), Limit.UNKNOWN);

    assertThat(plan.mix().policies()).containsOnly(SavePolicy.UNITS_13).hasSize(28);
    // 4.2 GB of weights, 6.1 GB of units, and what one block and the program need
    assertThat(plan.bytes() / 1e9).isBetween(11.5, 13.0);
    assertThat(plan.worst().name()).isEqualTo("training 1024x1024");
    assertThat(plan.worst().peak().parts().stream().mapToLong(Peak.Part::bytes).sum())
        .isEqualTo(plan.bytes());
  }

  @Test
  void freeMemoryIsNotFilledForTheLastTwoPercent() {
    Limit plenty = Limit.free(OptionalLong.of(80 * GB));

    assertThat(Planner.plan(run(1), Wishes.none(), plenty).mix().policies())
        .containsOnly(SavePolicy.UNITS_13);
    assertThat(plan(run(1), 80).mix().policies()).containsOnly(SavePolicy.EVERYTHING);
  }

  @ParameterizedTest
  @ValueSource(longs = {6, 7, 8, 9, 10, 12, 14, 16, 24})
  void aPlanStaysBelowItsLimitAndUsesIt(long gigabytes) {
    MemoryPlan plan = plan(run(1), gigabytes);

    assertThat(plan.fits()).isTrue();
    assertThat(plan.margin().orElseThrow()).isNotNegative();
    boolean fastest = plan.mix().policies().stream().allMatch(SavePolicy.EVERYTHING::equals);
    if (!fastest && plan.mix().swapped() == 0) {
      // no block could keep more
      assertThat(plan.margin().orElseThrow()).isLessThan(300_000_000);
    }
  }

  @Test
  void moreMemoryIsNeverSlower() {
    StepShape shape = run(2).step(run(2).buckets().getFirst());
    double before = Double.MAX_VALUE;
    for (long gigabytes = 8; gigabytes <= 30; gigabytes += 2) {
      double flops =
          plan(run(2), gigabytes).mix().policies().stream()
              .mapToDouble(policy -> PolicyLadder.recomputedFlops(FullSize.DIT, shape, policy))
              .sum();
      assertThat(flops).isLessThanOrEqualTo(before);
      before = flops;
    }
  }

  @Test
  void blocksAreSwappedOnlyWhenNothingElseHelps() {
    assertThat(plan(run(1), 7).mix().swapped()).isZero();

    MemoryPlan small = plan(run(1), 4);
    assertThat(small.fits()).isTrue();
    assertThat(small.mix().swapped()).isBetween(3, 28);
    assertThat(plan(run(1), 1).fits()).isFalse();
  }

  @Test
  void flagsBind() {
    Wishes recompute =
        new Wishes(Optional.of(SavePolicy.INPUT_ONLY), "--gradient_checkpointing", 0);

    MemoryPlan needless = Planner.plan(run(1), recompute, Limit.stated(24 * GB));
    assertThat(needless.mix().policies()).containsOnly(SavePolicy.INPUT_ONLY);
    assertThat(needless.notes())
        .containsExactly(
            "--gradient_checkpointing is not needed: without it the run fits too, and a step takes"
                + " about 25 % less time");
    assertThat(Planner.plan(run(1), recompute, Limit.stated(8 * GB)).notes()).isEmpty();
    assertThat(Planner.plan(run(1), recompute, Limit.stated(5 * GB)).fits()).isFalse();

    Wishes swap = new Wishes(Optional.empty(), "", 14);
    assertThat(Planner.plan(run(1), swap, Limit.stated(12 * GB)).mix().swapped()).isEqualTo(14);
  }

  @Test
  void packedBlocksLeaveRoom() {
    RunShape packed = FullSize.run(CARD, WeightStorage.FP8, 1, MEGAPIXEL);

    long plain = Planner.plan(run(1), Wishes.none(), Limit.UNKNOWN).bytes();
    long less = Planner.plan(packed, Wishes.none(), Limit.UNKNOWN).bytes();
    assertThat((plain - less) / 1e9).isBetween(1.6, 2.2);
  }

  @Test
  void aRefusalNamesNeedLimitAndRemedies() {
    MemoryPlan plan = Planner.plan(run(8), Wishes.none(), Limit.stated(2 * GB));

    assertThat(plan.fits()).isFalse();
    assertThat(PlanText.refusal(plan))
        .startsWith("the run needs ")
        .contains("training 1024x1024", "--max_memory allows 2.00 GB")
        .contains("a batch size below 8")
        .contains("; a smaller resolution; --fp8_base or --int8_base");
  }

  @Test
  void theWorstBucketDecides() {
    RunShape one = run(1);
    RunShape several =
        new RunShape(
            one.programBytes(),
            one.steps(),
            one.dit(),
            one.storage(),
            one.latents(),
            one.texts(),
            List.of(
                new RunShape.Bucket(new Size(512, 512), 6),
                new RunShape.Bucket(new Size(1024, 1024), 2),
                new RunShape.Bucket(new Size(768, 1344), 2)),
            one.pictures(),
            one.saving());

    MemoryPlan plan = plan(several, 10);

    assertThat(plan.fits()).isTrue();
    assertThat(plan.phases())
        .extracting(Phase::name)
        .containsExactly(
            "caching latents",
            "loading",
            "training 512x512",
            "training 1024x1024",
            "training 768x1344",
            "saving");
    assertThat(plan.worst().name()).isEqualTo("training 1024x1024");
  }
}
