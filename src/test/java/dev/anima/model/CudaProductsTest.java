package dev.anima.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.anima.Card;
import dev.anima.engine.Device;
import dev.anima.engine.Dtype;
import dev.anima.engine.NoGrad;
import dev.anima.engine.Ops;
import dev.anima.engine.RandomStream;
import dev.anima.engine.Scope;
import dev.anima.engine.Tensor;
import dev.anima.model.FrozenMatrix.RowScaled;
import java.util.function.Supplier;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/// Packed weights and 8-bit products on a card.
@Tag("cuda")
class CudaProductsTest {
  private static RowScaled on(Device device, RowScaled packed) {
    return new RowScaled(packed.codes().to(device), packed.scales().to(device));
  }

  private static double error(Tensor actual, Tensor expected) {
    Tensor exact = expected.to(Device.CPU).to(Dtype.F64);
    return actual.to(Device.CPU).to(Dtype.F64).sub(exact).norm().item() / exact.norm().item();
  }

  private static void assume(Device card, WeightStorage storage, Dtype dtype) {
    var missing = EightBitRows.missing(card, storage, dtype);
    assumeTrue(missing.isEmpty(), () -> "no " + storage + " products: " + missing);
  }

  /// The same codes on both devices; unpacked, the same numbers.
  @ParameterizedTest
  @CsvSource({"FP8, F32", "FP8, BF16", "FP8, F16", "INT8, F32", "INT8, BF16", "INT8, F16"})
  void packsAndUnpacksAsTheCpu(WeightStorage storage, Dtype dtype) {
    Device card = Card.required();
    try (Scope _ = new Scope();
        RandomStream random = RandomStream.cpu(1)) {
      Tensor weight = random.randn(Dtype.F32, 256, 512).mul(0.02).to(dtype);
      RowScaled expected = storage.pack(weight);
      RowScaled ours = storage.pack(weight.to(card));

      assertThat(ours.codes().toBytes()).isEqualTo(expected.codes().toBytes());
      assertThat(ours.scales().toBytes()).isEqualTo(expected.scales().toBytes());
      assertThat(ours.in(dtype).toBytes()).isEqualTo(expected.in(dtype).toBytes());
    }
  }

  /// Products as the CPU's, but for the rounding of the result; few rows too.
  @ParameterizedTest
  @CsvSource({
    "FP8, BF16, 5e-3",
    "FP8, F32, 1e-4",
    "FP8, F16, 2e-3",
    "INT8, BF16, 5e-3",
    "INT8, F32, 1e-6",
    "INT8, F16, 2e-3"
  })
  void multipliesAsTheCpu(WeightStorage storage, Dtype dtype, double bound) {
    Device card = Card.required();
    assume(card, storage, dtype);
    try (Scope _ = new Scope();
        RandomStream random = RandomStream.cpu(2)) {
      RowScaled packed = storage.pack(random.randn(Dtype.F32, 256, 512).mul(0.02).to(dtype));
      for (long rows : new long[] {1, 16, 17, 77, 256}) {
        Tensor x = random.randn(Dtype.F32, rows, 512).to(dtype);
        Tensor expected = EightBitRows.of(x, packed.codes().dtype()).times(packed, dtype);
        Tensor ours =
            EightBitRows.of(x.to(card), packed.codes().dtype()).times(on(card, packed), dtype);
        assertThat(error(ours, expected)).as(rows + " rows").isLessThan(bound);
      }
    }
  }

  /// At the MLP's shape and 4096 tokens: rounding and product against unpacking and product. Says
  /// how it stands; fails if the flag would be a loss.
  @ParameterizedTest
  @EnumSource(names = {"FP8", "INT8"})
  void isFasterThanUnpacking(WeightStorage storage) {
    Device card = Card.requiredReally();
    assume(card, storage, Dtype.BF16);
    try (Scope _ = new Scope();
        NoGrad _ = new NoGrad();
        RandomStream random = RandomStream.on(card, 3)) {
      Tensor x = random.randn(Dtype.BF16, 4096, 2048);
      RowScaled packed = storage.pack(random.randn(Dtype.BF16, 8192, 2048));
      Tensor buffer = Ops.empty(Dtype.BF16, card, 8192, 2048);
      double unpacking =
          seconds(
              card,
              () -> {
                packed.into(buffer);
                return Ops.linear(x, buffer);
              });
      double fast =
          seconds(card, () -> EightBitRows.of(x, packed.codes().dtype()).times(packed, Dtype.BF16));
      assertThat(fast / unpacking).as(storage + ": time of the fast product").isLessThan(1);
    }
  }

  private static double seconds(Device card, Supplier<Tensor> work) {
    double best = Double.POSITIVE_INFINITY;
    for (int round = 0; round < 5; round++) {
      card.await();
      long start = System.nanoTime();
      for (int i = 0; i < 20; i++) {
        try (Scope _ = new Scope()) {
          var _ = work.get();
        }
      }
      card.await();
      best = Math.min(best, (System.nanoTime() - start) / 1e9 / 20);
    }
    return best;
  }
}
