package dev.anima.train.optim;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.anima.engine.Device;
import dev.anima.engine.Dtype;
import dev.anima.engine.Ops;
import dev.anima.engine.RandomStream;
import dev.anima.engine.Scope;
import dev.anima.engine.Tensor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class GradientsTest {
  @ParameterizedTest(name = "{0} elements")
  @ValueSource(ints = {1, 100, 4096, 5000, 100_000})
  void theNormIsThatOfAllElements(int size) {
    try (Scope _ = new Scope();
        RandomStream random = RandomStream.cpu(1)) {
      Tensor flat = random.randn(Dtype.F32, size);
      double exact = Math.sqrt(flat.to(Dtype.F64).square().sum().item());

      assertThat(Gradients.norm(flat).item()).isCloseTo(exact, within(1e-6 * exact));
    }
  }

  @Test
  void longGradientsAreCutToTheirLengthAndShortOnesStay() {
    try (Scope _ = new Scope()) {
      Tensor flat = Ops.of(new float[] {3, 4}, 2);
      assertThat(Gradients.clip_(flat, 1).item()).isEqualTo(5);
      assertThat(flat.toFloats()[0]).isCloseTo((float) (3 / (5 + 1e-6)), within(1e-7f));

      Tensor small = Ops.of(new float[] {0.3f, 0.4f}, 2);
      assertThat(Gradients.clip_(small, 1).item()).isCloseTo(0.5, within(1e-7));
      assertThat(small.toFloats()).containsExactly(0.3f, 0.4f);
    }
  }

  @Test
  void halfPrecisionNormsDoNotOverflow() {
    try (Scope _ = new Scope()) {
      Tensor flat = Ops.full(1000, Dtype.F16, Device.CPU, 10_000);
      assertThat(Gradients.norm(flat).item()).isCloseTo(1e5, within(1.0));
    }
  }

  @Test
  void aBrokenGradientShowsInTheNorm() {
    try (Scope _ = new Scope()) {
      Tensor flat = Ops.zeros(Dtype.F32, Device.CPU, 10_000);
      flat.narrow(0, 9_000, 1).fill_(Double.POSITIVE_INFINITY);
      assertThat(Gradients.norm(flat).item()).isInfinite();
    }
  }

  @Test
  void theLossScaleShrinksOnOverflowAndGrowsAfterALongGoodTime() {
    GradScaler scaler = new GradScaler();
    assertThat(scaler.scale()).isEqualTo(65536);
    scaler.update(false);
    assertThat(scaler.scale()).isEqualTo(32768);
    for (int step = 0; step < 1999; step++) {
      scaler.update(true);
    }
    assertThat(scaler.scale()).isEqualTo(32768);
    GradScaler resumed = new GradScaler(scaler.scale(), scaler.goodSteps());
    resumed.update(true);
    assertThat(resumed.scale()).isEqualTo(65536);
    assertThat(resumed.goodSteps()).isZero();
    resumed.update(true);
    resumed.update(false);
    assertThat(resumed.goodSteps()).isZero();
  }

  @Test
  void unscalingUndoesTheScaleExactly() {
    try (Scope _ = new Scope();
        RandomStream random = RandomStream.cpu(2)) {
      Tensor gradients = random.randn(Dtype.F32, 1000);
      float[] before = gradients.toFloats();
      GradScaler scaler = new GradScaler();
      gradients.mul_(scaler.scale());
      scaler.unscale_(gradients);
      assertThat(gradients.toFloats()).isEqualTo(before);
    }
  }
}
