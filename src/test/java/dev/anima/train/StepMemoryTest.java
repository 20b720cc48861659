package dev.anima.train;

import static org.assertj.core.api.Assertions.assertThat;

import dev.anima.config.Size;
import dev.anima.engine.Dtype;
import dev.anima.lora.Dropouts;
import dev.anima.model.WeightStorage;
import dev.anima.model.block.SavePolicy;
import dev.anima.train.plan.Peak;
import dev.anima.train.plan.StepShape;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalDouble;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/// What a step takes, foretold and counted.
class StepMemoryTest {
  private static final double MARGIN = 0.05;
  private static final int BLOCKS = 3;
  private static final CountedSteps.Lora DROPPING =
      new CountedSteps.Lora(
          32,
          new Dropouts(OptionalDouble.of(0.1), OptionalDouble.of(0.1), OptionalDouble.empty()),
          List.of());

  private final List<String> far = new ArrayList<>();

  private static List<SavePolicy> policies() {
    return List.of(
        SavePolicy.EVERYTHING,
        SavePolicy.UNITS_13,
        SavePolicy.ATTENTION_ONLY,
        SavePolicy.INPUT_ONLY);
  }

  private void compare(CountedSteps steps, Size pixels, List<Long> texts, BlockMix mix) {
    long counted = steps.step(pixels, texts);
    long longest = texts.stream().mapToLong(Long::longValue).max().orElseThrow();
    boolean alike = texts.stream().distinct().count() == 1;
    Peak foretold =
        steps.memory.peak(new StepShape(texts.size(), pixels, longest, 512, alike), mix.policies());
    double ratio = (double) foretold.bytes() / counted;
    String line =
        "%s %s texts %s: foretold %,d at %s, counted %,d, ratio %.4f"
            .formatted(
                mix.description(),
                pixels,
                texts,
                foretold.bytes(),
                foretold.moment(),
                counted,
                ratio);
    if (Math.abs(ratio - 1) > MARGIN) {
      far.add(line);
    }
  }

  @ParameterizedTest
  @EnumSource(names = {"BF16", "F32"})
  void everyPolicyAtSeveralShapes(Dtype dtype) {
    BlockMix first = BlockMix.uniform(SavePolicy.UNITS_13, BLOCKS);
    try (CountedSteps steps =
        new CountedSteps(
            CountedSteps.config(512, BLOCKS),
            dtype,
            WeightStorage.COMPUTE,
            CountedSteps.Lora.PLAIN,
            first)) {
      for (SavePolicy policy : policies()) {
        BlockMix mix = BlockMix.uniform(policy, BLOCKS);
        steps.mix(mix);
        steps.step(new Size(256, 256), CountedSteps.texts(1, 64));
        compare(steps, new Size(256, 256), CountedSteps.texts(2, 64), mix);
        compare(steps, new Size(512, 384), CountedSteps.texts(1, 64), mix);
        compare(steps, new Size(320, 512), List.of(20L, 120L), mix);
      }
    }
    assertThat(far).isEmpty();
  }

  @ParameterizedTest
  @EnumSource(names = {"BF16", "F32"})
  void dropoutMasksAndMixedPolicies(Dtype dtype) {
    BlockMix mix =
        new BlockMix(
            List.of(SavePolicy.INPUT_ONLY, SavePolicy.ATTENTION_ONLY, SavePolicy.EVERYTHING), 0);
    try (CountedSteps steps =
        new CountedSteps(
            CountedSteps.config(512, BLOCKS), dtype, WeightStorage.INT8, DROPPING, mix)) {
      steps.step(new Size(256, 256), CountedSteps.texts(1, 64));
      compare(steps, new Size(384, 384), List.of(30L, 77L, 64L), mix);
      compare(steps, new Size(512, 256), CountedSteps.texts(1, 500), mix);
    }
    assertThat(far).isEmpty();
  }

  @Test
  void modulationAndEmbeddingsThatTrain() {
    CountedSteps.Lora everywhere =
        new CountedSteps.Lora(8, Dropouts.NONE, List.of("include_patterns=[r'.*']"));
    for (SavePolicy policy : List.of(SavePolicy.UNITS_13, SavePolicy.INPUT_ONLY)) {
      BlockMix mix = BlockMix.uniform(policy, BLOCKS);
      try (CountedSteps steps =
          new CountedSteps(
              CountedSteps.config(512, BLOCKS),
              Dtype.BF16,
              WeightStorage.COMPUTE,
              everywhere,
              mix)) {
        steps.step(new Size(256, 256), CountedSteps.texts(1, 64));
        compare(steps, new Size(384, 384), CountedSteps.texts(1, 64), mix);
      }
    }
    assertThat(far).isEmpty();
  }
}
