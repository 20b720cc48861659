package dev.anima.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.anima.config.Size;
import dev.anima.engine.Dtype;
import dev.anima.model.dit.DitConfig;
import dev.anima.model.text.LlmAdapterConfig;
import org.junit.jupiter.api.Test;

/// Against the arithmetic of the full-size model in the design: 4096 tokens, one image.
class CostEstimateTest {
  private static final Size MEGAPIXEL = new Size(1024, 1024);

  @Test
  void countsTheFullModel() {
    CostEstimate full = new CostEstimate(fullSize(), Dtype.BF16, 512);

    assertThat(full.weightBytes()).isEqualTo(4_182_137_856L);
    assertThat(CostEstimate.tokens(MEGAPIXEL)).isEqualTo(4096);
    double forward = full.forwardFlops(MEGAPIXEL, 1) / 1e12;
    assertThat(forward).isCloseTo(18.0, within(0.3));
    assertThat(full.stepFlops(MEGAPIXEL, 1, false) / 1e12 - forward).isCloseTo(24.6, within(0.4));
    assertThat(full.stepFlops(MEGAPIXEL, 2, true))
        .isEqualTo(2 * (full.stepFlops(MEGAPIXEL, 1, false) + full.forwardFlops(MEGAPIXEL, 1)));
  }

  private static DitConfig fullSize() {
    return new DitConfig(
        2048,
        16,
        16,
        128,
        28,
        8192,
        256,
        1024,
        new LlmAdapterConfig(32128, 1024, 1024, 1024, 4096, 6, 64));
  }
}
