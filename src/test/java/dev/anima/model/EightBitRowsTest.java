package dev.anima.model;

import static org.assertj.core.api.Assertions.assertThat;

import dev.anima.engine.Device;
import dev.anima.engine.Dtype;
import dev.anima.engine.Ops;
import dev.anima.engine.RandomStream;
import dev.anima.engine.Scope;
import dev.anima.engine.Tensor;
import dev.anima.model.FrozenMatrix.RowScaled;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/// The stated errors of products in 8 bits.
class EightBitRowsTest {
  private static double error(Tensor actual, Tensor expected) {
    Tensor exact = expected.to(Dtype.F64);
    return actual.to(Dtype.F64).sub(exact).norm().item() / exact.norm().item();
  }

  private static Tensor product(Tensor x, RowScaled weight) {
    return EightBitRows.of(x, weight.codes().dtype()).times(weight, x.dtype());
  }

  /// Against the product with the unpacked weight: what rounding the activations adds. Against the
  /// exact one: both roundings.
  @ParameterizedTest
  @CsvSource({
    "FP8, F32, 2048, 0.027, 0.038",
    "FP8, BF16, 2048, 0.027, 0.038",
    "FP8, F16, 2048, 0.027, 0.038",
    "FP8, BF16, 8192, 0.027, 0.038",
    "INT8, F32, 2048, 0.0085, 0.012",
    "INT8, BF16, 2048, 0.0092, 0.0125",
    "INT8, F16, 2048, 0.0085, 0.012",
    "INT8, BF16, 8192, 0.0105, 0.014",
  })
  void errorOnNormalActivations(
      WeightStorage storage, Dtype dtype, long columns, double ofActivations, double ofBoth) {
    try (Scope _ = new Scope();
        RandomStream random = RandomStream.cpu(1)) {
      Tensor x = random.randn(Dtype.F32, 64, columns).to(dtype);
      Tensor weight = random.randn(Dtype.F32, 96, columns).mul(0.02).to(dtype);
      RowScaled packed = storage.pack(weight);

      Tensor fast = product(x, packed);

      assertThat(fast.dtype()).isEqualTo(dtype);
      assertThat(fast.shape()).containsExactly(64, 96);
      Tensor unpacked = packed.codes().to(Dtype.F64).mul(packed.scales().to(Dtype.F64));
      Tensor wide = x.to(Dtype.F64);
      assertThat(error(fast, wide.matmul(unpacked.t())))
          .isBetween(ofActivations * 0.6, ofActivations);
      assertThat(error(fast, wide.matmul(weight.to(Dtype.F64).t())))
          .isBetween(ofBoth * 0.6, ofBoth);
    }
  }

  /// The products themselves add nothing but the rounding of the result.
  @ParameterizedTest
  @CsvSource({"FP8, F32, 2e-6", "FP8, BF16, 3e-3", "INT8, F32, 2e-7", "INT8, BF16, 4e-3"})
  void sumsAreExact(WeightStorage storage, Dtype dtype, double bound) {
    try (Scope _ = new Scope();
        RandomStream random = RandomStream.cpu(2)) {
      Tensor x = random.randn(Dtype.F32, 40, 2048).to(dtype);
      RowScaled packed = storage.pack(random.randn(Dtype.F32, 48, 2048).to(dtype));
      EightBitRows rows = EightBitRows.of(x, packed.codes().dtype());

      Tensor expected =
          rows.codes()
              .to(Dtype.F64)
              .mul(rows.scales().to(Dtype.F64))
              .matmul(packed.codes().to(Dtype.F64).mul(packed.scales().to(Dtype.F64)).t());

      assertThat(error(rows.times(packed, dtype), expected)).isLessThan(bound);
    }
  }

  /// A card wants more than 16 rows of integers: what is added must not show.
  @ParameterizedTest
  @EnumSource(names = {"FP8", "INT8"})
  void rowsDoNotDependOnEachOther(WeightStorage storage) {
    try (Scope _ = new Scope();
        RandomStream random = RandomStream.cpu(3)) {
      RowScaled packed = storage.pack(random.randn(Dtype.F32, 32, 64));
      Tensor x = random.randn(Dtype.F32, 40, 64);
      x.select(0, 1).mul_(1e6);
      x.select(0, 2).mul_(1e-6);
      x.select(0, 3).zero_();
      Tensor all = product(x, packed);

      for (int rows : new int[] {1, 2, 16, 17}) {
        Tensor some = product(x.narrow(0, 0, rows), packed);
        assertThat(some.toFloats()).isEqualTo(all.narrow(0, 0, rows).toFloats());
      }
      Tensor exact = x.matmul(packed.in(Dtype.F32).t());
      for (int row : new int[] {0, 1, 2, 39}) {
        assertThat(error(all.select(0, row), exact.select(0, row)))
            .as("row " + row)
            .isLessThan(0.05);
      }
      assertThat(all.select(0, 3).abs().max().item()).isZero();
    }
  }

  /// A run that blows up must be noticed: int8 itself has no NaN.
  @ParameterizedTest
  @EnumSource(names = {"FP8", "INT8"})
  void nanStaysInItsRow(WeightStorage storage) {
    try (Scope _ = new Scope();
        RandomStream random = RandomStream.cpu(4)) {
      RowScaled packed = storage.pack(random.randn(Dtype.F32, 32, 64));
      Tensor x = random.randn(Dtype.F32, 20, 64);
      x.select(0, 5).select(0, 7).fill_(Double.NaN);

      Tensor y = product(x, packed);

      assertThat(y.select(0, 5).toFloats()).containsOnly(Float.NaN);
      assertThat(y.select(0, 4).toFloats()).doesNotContain(Float.NaN);
    }
  }

  @Test
  void onlyExtentsThatCardsTake() {
    try (Scope _ = new Scope()) {
      assertThat(EightBitRows.fit(packed(32, 64))).isTrue();
      assertThat(EightBitRows.fit(packed(32, 40))).isFalse();
      assertThat(EightBitRows.fit(packed(24, 64))).isFalse();
    }
  }

  private static RowScaled packed(long rows, long columns) {
    return WeightStorage.INT8.pack(Ops.full(1, Dtype.F32, Device.CPU, rows, columns));
  }

  @ParameterizedTest
  @EnumSource(names = {"FP8", "INT8"})
  void theCpuHasBoth(WeightStorage storage) {
    for (Dtype dtype : new Dtype[] {Dtype.F32, Dtype.BF16, Dtype.F16}) {
      assertThat(EightBitRows.missing(Device.CPU, storage, dtype)).isEmpty();
    }
  }
}
