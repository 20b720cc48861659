package dev.anima.train.plan;

import dev.anima.config.Size;
import dev.anima.engine.Dtype;
import dev.anima.lora.Dropouts;
import dev.anima.lora.LinearModules;
import dev.anima.lora.LoraPlan;
import dev.anima.lora.LoraSpec;
import dev.anima.lora.Network;
import dev.anima.lora.NetworkArgs;
import dev.anima.model.WeightStorage;
import dev.anima.model.dit.DitConfig;
import dev.anima.model.text.LlmAdapterConfig;
import dev.anima.train.plan.RunShape.Bucket;
import dev.anima.train.plan.RunShape.Latents;
import dev.anima.train.plan.RunShape.Saving;
import dev.anima.train.plan.RunShape.Texts;
import java.util.List;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.Set;

/// Runs over the real model, by its shapes.
final class FullSize {
  static final DitConfig DIT =
      new DitConfig(
          2048,
          16,
          16,
          128,
          28,
          8192,
          256,
          1024,
          new LlmAdapterConfig(32128, 1024, 1024, 1024, 4096, 6, 64));

  private FullSize() {}

  static StepMemory steps(Arithmetic arithmetic) {
    LoraPlan plan =
        LoraPlan.select(
            LoraSpec.of(
                OptionalInt.of(16),
                OptionalDouble.empty(),
                OptionalDouble.empty(),
                NetworkArgs.NONE),
            new LoraPlan.Layers(List.of(), LinearModules.ofDit(DIT.layout().expected())),
            Set.of(Network.DIT));
    long elements =
        plan.trained().stream()
            .mapToLong(
                module -> (long) module.rank() * (module.linear().in() + module.linear().out()))
            .sum();
    return new StepMemory(
        DIT,
        arithmetic,
        LoraShape.of(plan.trained(), 28, Dropouts.NONE, Dtype.F32, elements),
        OptimizerMemory.of(elements, 8, arithmetic.device()),
        false);
  }

  /// One bucket, everything cached, no samples.
  static RunShape run(Arithmetic arithmetic, WeightStorage storage, int batch, Size pixels) {
    VaeMemory vae = new VaeMemory(arithmetic, 96, 0);
    return new RunShape(
        500_000_000,
        steps(arithmetic),
        DitBytes.made(DIT, arithmetic, storage),
        storage,
        new Latents(
            vae, new ModelBytes(0, 110_000_000), new ModelBytes(0, 150_000_000), true, 1, false, 0),
        Texts.none(120, 512),
        List.of(new Bucket(pixels, batch)),
        List.of(),
        new Saving(0));
  }
}
