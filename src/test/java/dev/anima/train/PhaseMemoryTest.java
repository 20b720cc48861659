package dev.anima.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.anima.Golden;
import dev.anima.config.Size;
import dev.anima.engine.AllocationCount;
import dev.anima.engine.Device;
import dev.anima.engine.Dtype;
import dev.anima.engine.NoGrad;
import dev.anima.engine.Ops;
import dev.anima.engine.RandomStream;
import dev.anima.engine.Scope;
import dev.anima.engine.Tensor;
import dev.anima.lora.Dropouts;
import dev.anima.lora.LinearModules;
import dev.anima.lora.LoraPlan;
import dev.anima.lora.LoraSet;
import dev.anima.lora.LoraSpec;
import dev.anima.lora.Network;
import dev.anima.lora.NetworkArgs;
import dev.anima.lora.ParameterGroup;
import dev.anima.lora.StreamDraws;
import dev.anima.model.Adapters;
import dev.anima.model.Checkpoint;
import dev.anima.model.Placement;
import dev.anima.model.WeightStorage;
import dev.anima.model.block.SavePolicy;
import dev.anima.model.text.LlmAdapterConfig;
import dev.anima.model.text.Qwen3;
import dev.anima.model.vae.QwenImageVae;
import dev.anima.train.plan.Arithmetic;
import dev.anima.train.plan.SampleMemory;
import dev.anima.train.plan.TextMemory;
import dev.anima.train.plan.VaeMemory;
import java.util.List;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.Set;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// What the phases beside training take, foretold and counted, on the tiny models.
class PhaseMemoryTest {
  private static final double MARGIN = 0.05;
  private static final LlmAdapterConfig ADAPTER =
      new LlmAdapterConfig(32128, 48, 48, 32, 192, 2, 16);

  @ParameterizedTest
  @CsvSource({"F32, 256, 320, 0", "BF16, 512, 384, 0", "F32, 256, 256, 32", "BF16, 640, 640, 0"})
  void vaeThereAndBack(Dtype dtype, int width, int height, int chunk) {
    Size pixels = new Size(width, height);
    VaeMemory memory = new VaeMemory(arithmetic(dtype), 8, chunk);
    try (AllocationCount count = AllocationCount.open().orElseThrow();
        QwenImageVae vae =
            QwenImageVae.load(
                Golden.path("tiny/vae.safetensors"),
                Placement.of(Device.CPU, dtype),
                QwenImageVae.Half.BOTH,
                chunk);
        RandomStream random = RandomStream.cpu(1);
        Scope _ = new Scope();
        NoGrad _ = new NoGrad()) {
      vae.encode(random.randn(dtype, 1, 3, 64, 64)).close(); // what oneDNN makes once
      long before = count.live(Device.CPU);
      Tensor pictures = random.randn(Dtype.F32, 1, 3, height, width);
      count.resetPeak();
      Tensor latents = vae.encode(Ops.stack(List.of(pictures.select(0, 0)), 0).to(dtype));
      long counted = count.peak(Device.CPU) - before;
      assertThat((double) memory.encoding(1, pixels, false).bytes() / counted)
          .isCloseTo(1, within(MARGIN));

      long here = count.live(Device.CPU);
      count.resetPeak();
      vae.decode(latents);
      assertThat((double) memory.decoding(pixels).bytes() / (count.peak(Device.CPU) - here))
          .isCloseTo(1, within(MARGIN));
    }
  }

  @ParameterizedTest
  @CsvSource({"F32, 256, 320, 64", "BF16, 384, 256, 300"})
  void aPassOfTheSampler(Dtype dtype, int width, int height, int textRows) {
    Size pixels = new Size(width, height);
    try (CountedSteps steps =
        new CountedSteps(
            CountedSteps.config(512, 2),
            dtype,
            WeightStorage.COMPUTE,
            CountedSteps.Lora.PLAIN,
            BlockMix.uniform(SavePolicy.INPUT_ONLY, 2))) {
      steps.picture(new Size(128, 128), 64);
      SampleMemory memory = new SampleMemory(steps.config, arithmetic(dtype), 16, true);

      assertThat(
              (double) memory.pass(1, pixels, textRows).bytes() / steps.picture(pixels, textRows))
          .isCloseTo(1, within(MARGIN));
    }
  }

  @ParameterizedTest
  @CsvSource({"F32, 3, 200", "BF16, 2, 250", "BF16, 1, 400"})
  void captionsThroughQwen3(Dtype dtype, int captions, int tokens) {
    try (AllocationCount count = AllocationCount.open().orElseThrow();
        Qwen3 qwen3 =
            Qwen3.load(Golden.path("tiny/qwen3.safetensors"), Placement.of(Device.CPU, dtype))) {
      TextMemory memory = new TextMemory(qwen3.config(), ADAPTER, arithmetic(dtype), 0);
      try (Scope _ = new Scope();
          NoGrad _ = new NoGrad()) {
        Tensor ids = Ops.full(7, Dtype.I64, Device.CPU, captions, 512);
        Tensor mask = Ops.full(1, Dtype.I64, Device.CPU, captions, 512);
        long before = count.live(Device.CPU);
        count.resetPeak();
        qwen3.encode(ids, mask, tokens, Adapters.NONE);
        long counted = count.peak(Device.CPU) - before;
        assertThat((double) memory.encoding(captions, tokens, 512).bytes() / counted)
            .isCloseTo(1, within(MARGIN));
      }
    }
  }

  @ParameterizedTest
  @CsvSource({"F32, 3, 200", "BF16, 2, 250"})
  void theGraphOfQwen3ThatTrains(Dtype dtype, int captions, int tokens) {
    try (AllocationCount count = AllocationCount.open().orElseThrow();
        Qwen3 qwen3 =
            Qwen3.load(Golden.path("tiny/qwen3.safetensors"), Placement.of(Device.CPU, dtype));
        LoraSet loras = lorasOfQwen3();
        RandomStream random = RandomStream.cpu(1);
        Scope _ = new Scope()) {
      TextMemory memory = new TextMemory(qwen3.config(), ADAPTER, arithmetic(dtype), 4);
      Tensor ids = Ops.full(7, Dtype.I64, Device.CPU, captions, tokens);
      Tensor mask = Ops.full(1, Dtype.I64, Device.CPU, captions, tokens);
      long before = count.live(Device.CPU);
      Tensor states =
          qwen3.encode(
              ids,
              mask,
              tokens,
              loras.training(Network.TEXT_ENCODER, new StreamDraws(random, random)));
      long counted = count.live(Device.CPU) - before - states.bytes();
      assertThat((double) memory.qwen3Graph(captions, tokens) / counted)
          .isCloseTo(1, within(MARGIN));
    }
  }

  private static LoraSet lorasOfQwen3() {
    try (Checkpoint file = Checkpoint.open(Golden.path("tiny/qwen3.safetensors"))) {
      LoraSpec spec =
          LoraSpec.of(
              OptionalInt.of(4), OptionalDouble.empty(), OptionalDouble.empty(), NetworkArgs.NONE);
      LoraPlan plan =
          LoraPlan.select(
              spec,
              new LoraPlan.Layers(LinearModules.ofTextEncoder(file.shapes()), List.of()),
              Set.of(Network.TEXT_ENCODER));
      return new LoraSet(
          plan.trained(),
          ParameterGroup.of(
              plan,
              NetworkArgs.NONE,
              new ParameterGroup.LearningRates(
                  1e-4, OptionalDouble.empty(), OptionalDouble.empty())),
          Dropouts.NONE,
          Device.CPU,
          Dtype.F32);
    }
  }

  private static Arithmetic arithmetic(Dtype dtype) {
    return new Arithmetic(Device.Kind.CPU, dtype);
  }
}
