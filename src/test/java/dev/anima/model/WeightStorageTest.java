package dev.anima.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.anima.Golden;
import dev.anima.engine.Device;
import dev.anima.engine.Dtype;
import dev.anima.engine.Ops;
import dev.anima.engine.RandomStream;
import dev.anima.engine.Scope;
import dev.anima.engine.Tensor;
import dev.anima.io.SafetensorsFile;
import dev.anima.model.FrozenMatrix.RowScaled;
import dev.anima.model.dit.BlockWeights;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/// The stated errors of the 8-bit forms.
class WeightStorageTest {
  /// Frobenius norm of the difference over that of the weight.
  private static double error(RowScaled packed, Tensor weight) {
    Tensor exact = weight.to(Dtype.F64);
    Tensor unpacked = packed.in(weight.dtype()).to(Dtype.F64);
    return unpacked.sub(exact).norm().item() / exact.norm().item();
  }

  @ParameterizedTest
  @CsvSource({
    "FP8, F32, 64, 0.028",
    "FP8, F32, 2048, 0.028",
    "FP8, BF16, 2048, 0.028",
    "FP8, F16, 2048, 0.028",
    "FP8, BF16, 8192, 0.028",
    // A bf16 product rounds by 0.17 % itself.
    "INT8, F32, 64, 0.0060",
    "INT8, F32, 2048, 0.0085",
    "INT8, BF16, 2048, 0.0086",
    "INT8, F16, 2048, 0.0085",
    "INT8, BF16, 8192, 0.0095",
  })
  void errorOnNormalWeights(WeightStorage storage, Dtype dtype, long columns, double bound) {
    try (Scope _ = new Scope();
        RandomStream random = RandomStream.cpu(1)) {
      Tensor weight = random.randn(Dtype.F32, 256, columns).mul(0.02).to(dtype);

      RowScaled packed = storage.pack(weight);

      assertThat(packed.codes().bytes()).isEqualTo(256 * columns);
      assertThat(packed.scales().shape()).containsExactly(256, 1);
      assertThat(error(packed, weight)).isBetween(bound / 2, bound);
    }
  }

  @ParameterizedTest
  @CsvSource({"FP8, 0.028", "INT8, 0.0075"})
  void errorOfEveryMatrixOfTheTinyModel(WeightStorage storage, double bound) {
    try (Scope _ = new Scope();
        SafetensorsFile file = Golden.tensors("tiny/dit.safetensors")) {
      List<String> names =
          file.names().stream()
              .filter(name -> BlockWeights.isPackable(Checkpoint.strip(name)))
              .toList();
      assertThat(names).isNotEmpty();
      for (String name : names) {
        Tensor weight = Golden.tensor(file, name).to(Dtype.BF16);
        assertThat(error(storage.pack(weight), weight)).as(name).isLessThan(bound);
      }
    }
  }

  /// Rows do not disturb each other: tiny, huge, zero, and one with an outlier.
  @ParameterizedTest
  @EnumSource(names = {"FP8", "INT8"})
  void everyRowHasItsOwnScale(WeightStorage storage) {
    try (Scope _ = new Scope();
        RandomStream random = RandomStream.cpu(2)) {
      Tensor row = random.randn(Dtype.F32, 1, 512);
      Tensor outlier = row.copy();
      outlier.select(1, 3).fill_(1000);
      Tensor weight = Ops.cat(List.of(row.mul(1e-6), row.mul(1e4), row.mul(0), outlier, row), 0);

      RowScaled packed = storage.pack(weight);
      Tensor unpacked = packed.in(Dtype.F32);

      for (int i : new int[] {0, 1, 4}) {
        Tensor exact = weight.select(0, i);
        assertThat(unpacked.select(0, i).sub(exact).norm().item())
            .as("row " + i)
            .isLessThan(0.03 * exact.norm().item());
      }
      assertThat(unpacked.select(0, 2).abs().max().item()).isZero();
      assertThat(unpacked.select(0, 3).select(0, 3).item()).isBetween(998.0, 1002.0);
      assertThat(unpacked.toFloats()).doesNotContain(Float.NaN);
    }
  }

  /// What is put into the buffer is what a plain forward sees.
  @ParameterizedTest
  @EnumSource(names = {"FP8", "INT8"})
  void bothWaysOfUnpackingAgreeToTheBit(WeightStorage storage) {
    try (Scope _ = new Scope();
        RandomStream random = RandomStream.cpu(3)) {
      for (Dtype dtype : List.of(Dtype.F32, Dtype.BF16, Dtype.F16)) {
        RowScaled packed = storage.pack(random.randn(Dtype.F32, 48, 80).to(dtype));
        Tensor buffer = Ops.empty(dtype, Device.CPU, 48, 80);
        packed.into(buffer);
        assertThat(buffer.toBytes()).isEqualTo(packed.in(dtype).toBytes());
      }
    }
  }

  @Test
  void nothingIsPackedByDefault() {
    try (Scope _ = new Scope()) {
      Tensor weight = Ops.zeros(Dtype.F32, Device.CPU, 2, 2);
      assertThatThrownBy(() -> WeightStorage.COMPUTE.pack(weight))
          .isInstanceOf(IllegalStateException.class);
    }
  }
}
