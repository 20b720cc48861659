package dev.anima.train.plan;

import static org.assertj.core.api.Assertions.assertThat;

import dev.anima.config.Size;
import dev.anima.engine.Device;
import dev.anima.engine.Dtype;
import dev.anima.model.WeightStorage;
import dev.anima.model.block.SavePolicy;
import java.util.Collections;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// A measure of progress is the forward of one image between two steps. The plan has no phase for
/// it: even where every block keeps no more than its input, the step of the image's bucket takes
/// more.
class ProgressMemoryTest {
  @ParameterizedTest(name = "{0} {1} {2}x{3}")
  @CsvSource({
    "CUDA,BF16,1024,1024",
    "CUDA,BF16,512,512",
    "CUDA,F16,1536,640",
    "CUDA,F32,1024,1024",
    "CPU,BF16,1024,1024",
    "CPU,BF16,256,256",
    "CPU,F32,768,1280"
  })
  void aMeasureTakesLessThanAStep(Device.Kind kind, Dtype dtype, int width, int height) {
    Arithmetic arithmetic = new Arithmetic(kind, dtype);
    Size pixels = new Size(width, height);
    RunShape run = FullSize.run(arithmetic, WeightStorage.COMPUTE, 1, pixels);
    StepShape shape = run.step(run.buckets().getFirst());
    List<SavePolicy> leanest = Collections.nCopies(28, SavePolicy.INPUT_ONLY);
    long step = Ledger.peakBytes(ledger -> run.steps().play(ledger, shape, leanest));

    long measure =
        Ledger.peakBytes(ledger -> {
          // latents, noise, the noisy latents before rounding, and a product on the way there
          ledger.take("measured latents", 4L * 4 * shape.latentPixels() * 16);
          SampleMemory pass = new SampleMemory(run.steps().dit(), arithmetic, 16, false);
          ledger.take("forward", pass.pass(1, pixels, run.texts().padded()).bytes());
        });

    assertThat(measure).isLessThan(step);
  }
}
