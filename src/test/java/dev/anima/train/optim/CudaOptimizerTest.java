package dev.anima.train.optim;

import static org.assertj.core.api.Assertions.assertThat;

import dev.anima.Card;
import dev.anima.engine.Device;
import dev.anima.engine.Dtype;
import dev.anima.engine.RandomStream;
import dev.anima.engine.Readback;
import dev.anima.engine.Scope;
import dev.anima.engine.Tensor;
import java.util.BitSet;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// Optimizers on a card.
@Tag("cuda")
class CudaOptimizerTest {
  private static final ParameterLayout LAYOUT =
      ParameterLayout.builder()
          .group("all", 1)
          .add("a", 64, 128)
          .add("b", 5000)
          .add("c", 32, 32)
          .build();

  static List<OptimizerChoice> everyKind() {
    return OptimizerTest.everyKind();
  }

  private static BitSet all() {
    BitSet all = new BitSet();
    all.set(0, LAYOUT.slots().size());
    return all;
  }

  /// Ten updates along the same gradients.
  private static float[] updated(OptimizerChoice choice, Device device) {
    try (Scope _ = new Scope();
        RandomStream random = RandomStream.cpu(1)) {
      Tensor values = random.randn(Dtype.F32, LAYOUT.size()).to(device);
      FlatParameters parameters = new FlatParameters(values, LAYOUT);
      try (Optimizer optimizer = choice.create(parameters, 1e-3)) {
        for (int step = 0; step < 10; step++) {
          Tensor gradients = random.randn(Dtype.F32, LAYOUT.size()).mul(0.01).to(device);
          optimizer.update(gradients, all(), new double[] {1e-3});
        }
        return values.toFloats();
      }
    }
  }

  /// The length of the difference over that of the whole way gone. Sums in another order may move a
  /// number over the edge between two codes of an 8-bit state.
  @ParameterizedTest
  @MethodSource("everyKind")
  void goesTheWayItGoesOnTheCpu(OptimizerChoice choice) {
    Device card = Card.required();
    float[] ours = updated(choice, card);
    float[] expected = updated(choice, Device.CPU);
    float[] start;
    try (Scope _ = new Scope();
        RandomStream random = RandomStream.cpu(1)) {
      start = random.randn(Dtype.F32, LAYOUT.size()).toFloats();
    }
    double difference = 0;
    double way = 0;
    for (int i = 0; i < start.length; i++) {
      difference += Math.pow(ours[i] - (double) expected[i], 2);
      way += Math.pow(expected[i] - (double) start[i], 2);
    }
    assertThat(way).isPositive();
    assertThat(Math.sqrt(difference / way)).as(choice.pythonName()).isLessThan(5e-3);
  }

  /// Clipping and AdamW's update are only queued.
  @Test
  void anUpdateDoesNotWaitForTheCard() {
    Device card = Card.requiredReally();
    try (Scope _ = new Scope();
        RandomStream random = RandomStream.on(card, 1)) {
      Tensor values = random.randn(Dtype.F32, LAYOUT.size());
      Tensor gradients = random.randn(Dtype.F32, LAYOUT.size());
      OptimizerChoice choice = OptimizerTest.everyKind().getFirst();
      try (Optimizer optimizer = choice.create(new FlatParameters(values, LAYOUT), 1e-3)) {
        optimizer.update(gradients, all(), new double[] {1e-3});
        card.await();
        Card.keepBusy(card, 2);
        Gradients.clip_(gradients, 1);
        optimizer.update(gradients, all(), new double[] {1e-3});
        try (Readback end = Readback.of(values.narrow(0, 0, 1))) {
          assertThat(end.arrived()).as("the program waited").isFalse();
          assertThat(end.value()).isFinite();
        }
      }
    }
  }
}
