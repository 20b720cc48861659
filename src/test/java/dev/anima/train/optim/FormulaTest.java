package dev.anima.train.optim;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.anima.engine.Ops;
import dev.anima.engine.Scope;
import dev.anima.engine.Tensor;
import java.util.BitSet;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/// Optimizers without recorded steps against their formulas, written out for single numbers in
/// double precision (spec/training.md 9).
class FormulaTest {
  private static final double[] GRADIENTS = {0.5, -0.2, 0.9, 0.4};
  private static final double START = 0.3;
  private static final double RATE = 0.01;

  @Test
  void sgd8bitIsPlainMomentumWithCoupledDecay() {
    double p = START;
    double s = 0;
    for (int k = 0; k < GRADIENTS.length; k++) {
      double g = GRADIENTS[k] + 0.1 * p;
      s = k == 0 ? g : 0.9 * s + g;
      p -= RATE * s;
    }
    assertThat(run("SGDNesterov8bit", Map.of("weight_decay", 0.1))).isCloseTo(p, within(1e-7));
  }

  @Test
  void pagedAdamWIsAdamWInFullPrecision() {
    double p = START;
    double m = 0;
    double v = 0;
    for (int t = 1; t <= GRADIENTS.length; t++) {
      double g = GRADIENTS[t - 1];
      p *= 1 - RATE * 0.1;
      m = 0.9 * m + 0.1 * g;
      v = 0.99 * v + 0.01 * g * g;
      double denominator = Math.sqrt(v / (1 - Math.pow(0.99, t))) + 1e-8;
      p -= RATE * m / (1 - Math.pow(0.9, t)) / denominator;
    }
    Map<String, @Nullable Object> arguments =
        Map.of("weight_decay", 0.1, "betas", List.of(0.9, 0.99));
    assertThat(run("PagedAdamW32bit", arguments)).isCloseTo(p, within(1e-7));
  }

  @Test
  void sgdScheduleFreeAveragesTheFastIterate() {
    double y = START;
    double z = START;
    double weightSum = 0;
    double largest = -1;
    for (int k = 0; k < GRADIENTS.length; k++) {
      double rate = RATE * (k < 3 ? (k + 1) / 3.0 : 1);
      largest = Math.max(rate, largest);
      double weight = (k + 1) * largest * largest;
      weightSum += weight;
      double c = weight / weightSum;
      double g = GRADIENTS[k] + 0.1 * y;
      y = y + c * (z - y) + rate * (0.9 * (1 - c) - 1) * g;
      z -= rate * g;
    }
    Map<String, @Nullable Object> arguments =
        Map.of("weight_decay", 0.1, "warmup_steps", 3L, "r", 1.0);
    assertThat(run("SGDScheduleFree", arguments)).isCloseTo(y, within(1e-7));
  }

  @Test
  void adafactorsRelativeStepsFollowTheSizeOfTheValues() {
    double p = START;
    double v = 0;
    for (int t = 1; t <= GRADIENTS.length; t++) {
      double g = GRADIENTS[t - 1];
      double rate = Math.max(1e-3, Math.abs(p)) * Math.min(1e-2, 1 / Math.sqrt(t));
      double beta2 = 1 - Math.pow(t, -0.8);
      v = beta2 * v + (1 - beta2) * (g * g + 1e-30);
      double update = g / Math.sqrt(v);
      update *= rate / Math.max(1, Math.abs(update));
      p = p - 0.1 * rate * p - update;
    }
    assertThat(run("Adafactor", Map.of("weight_decay", 0.1))).isCloseTo(p, within(1e-7));
  }

  @Test
  void amsgradNeverForgetsALargeGradient() {
    double p = START;
    double m = 0;
    double v = 0;
    double largest = 0;
    for (int t = 1; t <= GRADIENTS.length; t++) {
      double g = GRADIENTS[t - 1];
      m = 0.9 * m + 0.1 * g;
      v = 0.5 * v + 0.5 * g * g;
      largest = Math.max(v, largest);
      double denominator = Math.sqrt(largest) / Math.sqrt(1 - Math.pow(0.5, t)) + 1e-8;
      p -= RATE * m / (1 - Math.pow(0.9, t)) / denominator;
    }
    Map<String, @Nullable Object> arguments =
        Map.of("weight_decay", 0.0, "amsgrad", true, "betas", List.of(0.9, 0.5));
    assertThat(run("AdamW", arguments)).isCloseTo(p, within(1e-7));
  }

  private static double run(String type, Map<String, @Nullable Object> arguments) {
    ParameterLayout layout = ParameterLayout.builder().group("all", RATE).add("p", 1).build();
    BitSet all = new BitSet();
    all.set(0);
    try (Scope _ = new Scope()) {
      Tensor values = Ops.of(new float[] {(float) START}, 1);
      try (Optimizer optimizer =
          OptimizerChoice.parse(type, arguments).create(new FlatParameters(values, layout), RATE)) {
        for (double gradient : GRADIENTS) {
          optimizer.update(Ops.of(new float[] {(float) gradient}, 1), all, new double[] {RATE});
        }
      }
      return values.item();
    }
  }
}
