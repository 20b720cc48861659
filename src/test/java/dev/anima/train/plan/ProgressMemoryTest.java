package dev.anima.train.plan;

import static org.assertj.core.api.Assertions.assertThat;

import dev.anima.config.Size;
import dev.anima.engine.Device;
import dev.anima.engine.Dtype;
import dev.anima.model.WeightStorage;
import dev.anima.model.block.SavePolicy;
import dev.anima.train.BlockMix;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// A measure of progress is the forward of one image between two steps.
class ProgressMemoryTest {
  private static RunShape run(Arithmetic arithmetic, Size pixels, List<Size> measured) {
    RunShape plain = FullSize.run(arithmetic, WeightStorage.COMPUTE, 1, pixels);
    return new RunShape(
        plain.programBytes(),
        plain.steps(),
        plain.dit(),
        plain.storage(),
        plain.latents(),
        plain.texts(),
        plain.buckets(),
        plain.pictures(),
        plain.saving(),
        measured);
  }

  @ParameterizedTest(name = "{0} {1} {2}x{3}")
  @CsvSource({"CUDA,BF16,1024,1024", "CUDA,F16,1536,640", "CPU,BF16,1024,1024", "CPU,F32,768,1280"})
  void aMeasureIsPlannedAndCostsNothingWhereBlocksKeepTheirUnits(
      Device.Kind kind, Dtype dtype, int width, int height) {
    Arithmetic arithmetic = new Arithmetic(kind, dtype);
    Size pixels = new Size(width, height);
    MemoryPlan without =
        Planner.plan(run(arithmetic, pixels, List.of()), Wishes.none(), Limit.UNKNOWN);
    MemoryPlan with =
        Planner.plan(run(arithmetic, pixels, List.of(pixels)), Wishes.none(), Limit.UNKNOWN);

    assertThat(with.bytes()).isEqualTo(without.bytes());
    assertThat(with.mix()).isEqualTo(without.mix());

    // where every block keeps its input only, the measure may be the peak on the CPU
    Wishes leanest = new Wishes(Optional.of(SavePolicy.INPUT_ONLY), "--gradient_checkpointing", 0);
    RunShape measured = run(arithmetic, pixels, List.of(pixels));
    BlockMix mix = Planner.plan(measured, leanest, Limit.UNKNOWN).mix();
    assertThat(new Phases(measured).all(mix))
        .extracting(Phase::name)
        .contains("measuring progress " + pixels);
    assertThat(new Phases(run(arithmetic, pixels, List.of())).all(mix))
        .extracting(Phase::name)
        .noneMatch(name -> name.startsWith("measuring"));
  }
}
