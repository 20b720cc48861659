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
import dev.anima.model.Placement;
import dev.anima.model.vae.QwenImageVae;
import dev.anima.train.plan.Arithmetic;
import dev.anima.train.plan.VaeMemory;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// What the phases beside training take, foretold and counted, on the tiny models.
class PhaseMemoryTest {
  private static final double MARGIN = 0.05;

  @ParameterizedTest
  @CsvSource({"F32, 256, 320, 0", "BF16, 512, 384, 0", "F32, 256, 256, 32", "BF16, 640, 640, 0"})
  void vaeThereAndBack(Dtype dtype, int width, int height, int chunk) {
    Size pixels = new Size(width, height);
    VaeMemory memory = new VaeMemory(new Arithmetic(Device.Kind.CPU, dtype), 8, chunk);
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
      assertThat((double) memory.encoding(1, pixels).bytes() / counted)
          .isCloseTo(1, within(MARGIN));

      long here = count.live(Device.CPU);
      count.resetPeak();
      vae.decode(latents);
      assertThat((double) memory.decoding(pixels).bytes() / (count.peak(Device.CPU) - here))
          .isCloseTo(1, within(MARGIN));
    }
  }
}
