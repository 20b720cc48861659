package dev.anima.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.anima.config.FlagsReader;
import dev.anima.config.Size;
import dev.anima.engine.AllocationCount;
import dev.anima.engine.Device;
import dev.anima.engine.Dtype;
import dev.anima.io.InputException;
import dev.anima.model.WeightStorage;
import dev.anima.model.block.SavePolicy;
import dev.anima.train.plan.Arithmetic;
import dev.anima.train.plan.DitBytes;
import dev.anima.train.plan.Limit;
import dev.anima.train.plan.MemoryPlan;
import dev.anima.train.plan.ModelBytes;
import dev.anima.train.plan.Planner;
import dev.anima.train.plan.RunShape;
import dev.anima.train.plan.RunShape.Bucket;
import dev.anima.train.plan.VaeMemory;
import dev.anima.train.plan.Wishes;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// A plan is kept: what was chosen stays below the limit, nothing grows, nothing changes.
class MemoryPromiseTest {
  private static final List<Size> BUCKETS =
      List.of(new Size(256, 320), new Size(320, 256), new Size(384, 192));
  private static final long TEXT = 64;

  private static RunShape run(CountedSteps steps, Dtype dtype, List<Size> buckets, int batch) {
    Arithmetic arithmetic = new Arithmetic(Device.Kind.CPU, dtype);
    return new RunShape(
        0,
        steps.memory,
        DitBytes.made(steps.config, arithmetic, WeightStorage.COMPUTE),
        WeightStorage.COMPUTE,
        new RunShape.Latents(
            new VaeMemory(arithmetic, 1, 0), ModelBytes.NONE, ModelBytes.NONE, true, 1, false, 0),
        RunShape.Texts.none(TEXT, 512),
        buckets.stream().map(size -> new Bucket(size, batch)).toList(),
        List.of(),
        new RunShape.Saving(0));
  }

  /// The whole: weights, LoRA, optimizer and step, from the first allocation on.
  @ParameterizedTest
  @CsvSource({"BF16, 2", "F32, 1"})
  void everyChosenMixStaysBelowItsLimit(Dtype dtype, int batch) {
    BlockMix first = BlockMix.uniform(SavePolicy.INPUT_ONLY, 4);
    try (CountedSteps steps =
        new CountedSteps(
            CountedSteps.config(384, 4),
            dtype,
            WeightStorage.COMPUTE,
            CountedSteps.Lora.PLAIN,
            first)) {
      RunShape run = run(steps, dtype, BUCKETS, batch);
      long usual = Planner.plan(run, Wishes.none(), Limit.UNKNOWN).bytes();
      long lean = Planner.plan(run, Wishes.none(), Limit.stated(1)).bytes();
      List<BlockMix> chosen = new ArrayList<>();
      for (double share : List.of(0.05, 0.4, 0.7, 2.0)) {
        long limit = (long) (lean + share * (usual - lean));
        MemoryPlan plan = Planner.plan(run, Wishes.none(), Limit.stated(limit));
        assertThat(plan.fits()).isTrue();
        chosen.add(plan.mix());
        steps.mix(plan.mix());
        long most = 0;
        for (Size size : BUCKETS) {
          long before = steps.live();
          most = Math.max(most, before + steps.step(size, CountedSteps.texts(batch, TEXT)));
        }
        assertThat(most).isLessThanOrEqualTo(limit);
        assertThat((double) plan.bytes() / most).isCloseTo(1, within(0.05));
      }
      assertThat(chosen).doesNotHaveDuplicates();
    }
  }

  @Test
  void nothingGrowsOver200StepsAndAllBuckets() {
    BlockMix mix = new BlockMix(List.of(SavePolicy.INPUT_ONLY, SavePolicy.UNITS_13), 0);
    try (CountedSteps steps =
        new CountedSteps(
            CountedSteps.config(128, 2),
            Dtype.BF16,
            WeightStorage.COMPUTE,
            CountedSteps.Lora.PLAIN,
            mix)) {
      List<Size> buckets =
          List.of(new Size(64, 64), new Size(96, 64), new Size(64, 96), new Size(128, 48));
      long[] peaks = new long[buckets.size()];
      long after = 0;
      for (int i = 0; i < 200; i++) {
        int bucket = i % buckets.size();
        long peak = steps.step(buckets.get(bucket), CountedSteps.texts(2, 10));
        if (i == 2 * buckets.size() - 1) {
          after = steps.live();
        } else if (i >= 2 * buckets.size()) {
          assertThat(steps.live()).as("after step " + i).isEqualTo(after);
          assertThat(peak).as("in step " + i).isEqualTo(peaks[bucket]);
        }
        peaks[bucket] = peak;
      }
    }
  }

  /// A whole run of the tiny model, all phases.
  @Test
  void aRunTakesWhatWasForetoldAndLearnsTheSameInLess(@TempDir Path folder) throws IOException {
    TinyRun tiny = new TinyRun(folder);
    List<String> flags =
        TinyRun.flags(
            "plain.toml",
            "out",
            "--max_train_steps=6",
            "--seed=1",
            "--cache_latents",
            "--vae_chunk_size=16", // so that caching does not take most
            "--network_train_unet_only",
            "--network_dim=4");
    MemoryPlan usual = plan(flags, folder);
    List<Double> losses;
    long counted;
    try (AllocationCount count = AllocationCount.open().orElseThrow()) {
      losses = tiny.train(flags).losses();
      counted = count.peak(Device.CPU);
    }
    long program = program(usual);
    assertThat((double) (usual.bytes() - program) / counted).isCloseTo(1, within(0.05));

    List<String> tight = new ArrayList<>(flags);
    tight.add("--max_memory=" + (usual.bytes() + besidesTraining(usual)) / 2);
    MemoryPlan lean = plan(tight, folder);
    assertThat(lean.mix()).isNotEqualTo(usual.mix());
    assertThat(lean.fits()).isTrue();
    assertThat(tiny.train(tight).losses()).isEqualTo(losses);
  }

  /// Caching, training and sampling of one step, each by itself.
  @Test
  void everyPhaseTakesWhatWasForetold(@TempDir Path folder) throws IOException {
    var _ = new TinyRun(folder);
    List<String> flags =
        TinyRun.flags(
            "plain.toml",
            "out",
            "--max_train_steps=1",
            "--seed=1",
            "--cache_latents",
            "--cache_text_encoder_outputs",
            "--network_train_unet_only",
            "--network_dim=4",
            "--sample_prompts=prompts.txt",
            "--sample_every_n_steps=1");
    Map<String, Long> counted = new LinkedHashMap<>();
    MemoryPlan plan;
    TrainSetup setup = TrainSetup.of(FlagsReader.read(flags, folder).flags(), folder);
    try (AllocationCount count = AllocationCount.open().orElseThrow()) {
      String[] now = {"start"};
      TrainListener listener =
          event -> {
            String next =
                switch (event) {
                  case TrainEvent.PhaseStarted phase -> phase.name();
                  case TrainEvent.Started _ -> "training";
                  case TrainEvent.BatchDone _ -> "samples";
                  default -> now[0];
                };
            if (!next.equals(now[0])) {
              counted.put(now[0], count.peak(Device.CPU));
              count.resetPeak();
              now[0] = next;
            }
          };
      try (TrainingRun run = new TrainingRun(setup, listener, "anima/test")) {
        plan = run.memory().orElseThrow();
        run.run(() -> false);
      }
      counted.put(now[0], count.peak(Device.CPU));
    }
    for (String phase : List.of("caching latents", "caching captions", "training", "samples")) {
      long foretold =
          plan.phases().stream()
                  .filter(known -> known.name().startsWith(phase))
                  .mapToLong(known -> known.bytes())
                  .max()
                  .orElseThrow()
              - program(plan);
      assertThat((double) foretold / counted.getOrDefault(phase, 0L))
          .as(phase)
          .isCloseTo(1, within(0.05));
    }
  }

  @Test
  void aRunThatCannotFitIsRefusedBeforeAnythingIsLoaded(@TempDir Path folder) throws IOException {
    TinyRun tiny = new TinyRun(folder);
    List<String> flags =
        TinyRun.flags("plain.toml", "out", "--max_train_steps=1", "--max_memory=300MB");

    assertThatThrownBy(() -> tiny.train(flags))
        .isInstanceOf(InputException.class)
        .hasMessageStartingWith("the run needs ")
        .hasMessageContaining("--max_memory allows 300 MB");
  }

  private static MemoryPlan plan(List<String> flags, Path folder) {
    TrainSetup setup = TrainSetup.of(FlagsReader.read(flags, folder).flags(), folder);
    try (TrainingRun run = new TrainingRun(setup, _ -> {}, "anima/test")) {
      return run.memory().orElseThrow();
    }
  }

  private static long besidesTraining(MemoryPlan plan) {
    return plan.phases().stream()
        .filter(phase -> !phase.name().startsWith("training"))
        .mapToLong(phase -> phase.bytes())
        .max()
        .orElseThrow();
  }

  private static long program(MemoryPlan plan) {
    return plan.worst().peak().parts().stream()
        .filter(part -> part.name().equals("the program itself"))
        .mapToLong(part -> part.bytes())
        .sum();
  }
}
