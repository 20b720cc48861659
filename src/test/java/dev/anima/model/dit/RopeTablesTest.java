package dev.anima.model.dit;

import static org.assertj.core.api.Assertions.assertThat;

import dev.anima.engine.Device;
import dev.anima.engine.Dtype;
import dev.anima.engine.Ops;
import dev.anima.engine.Scope;
import dev.anima.engine.Tensor;
import dev.anima.model.GoldenCase;
import dev.anima.model.Placement;
import dev.anima.model.RotaryPrecision;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class RopeTablesTest {
  @ParameterizedTest(name = "{0}")
  @CsvSource({
    "rope/head128_8x8, 128, 8, 8",
    "rope/head128_19x13, 128, 19, 13",
    "rope/head128_64x64, 128, 64, 64",
    "rope/head128_52x76, 128, 52, 76",
    "rope/tiny_8x8, 32, 8, 8",
    "rope/tiny_19x13, 32, 19, 13",
    "rope/tiny_64x64, 32, 64, 64",
    "rope/tiny_52x76, 32, 52, 76"
  })
  void anglesMatchTheReference(String name, int headSize, int rows, int columns) {
    GoldenCase golden = GoldenCase.named(name);
    try (Scope _ = new Scope();
        RopeTables tables = new RopeTables(headSize, Placement.CPU_F32)) {
      Tensor half = Ops.of(tables.halfAngles(rows, columns), (long) rows * columns, headSize / 2);
      Tensor angles = Ops.cat(List.of(half, half), -1);

      golden.check(
          "angles", golden.hasInput("rows") ? angles.indexSelect(0, golden.input("rows")) : angles);
    }
  }

  @Test
  void rotationMatchesTheReference() {
    GoldenCase golden = GoldenCase.named("rope/apply_head128_8x8");
    try (Scope _ = new Scope();
        RopeTables tables = new RopeTables(128, Placement.CPU_F32)) {
      golden.check("rotated", tables.table(8, 8).apply(golden.input("q")));
    }
  }

  @Test
  void theReferencesRoundingMovesTheAnglesAsMeasured() {
    // spec: at most 0.041 rad in bf16 over rows 0..63; and it must differ at all.
    Placement exact = Placement.of(Device.CPU, Dtype.BF16);
    Placement reference = new Placement(Device.CPU, Dtype.BF16, RotaryPrecision.REFERENCE);
    try (Scope _ = new Scope();
        RopeTables a = new RopeTables(128, exact);
        RopeTables b = new RopeTables(128, reference)) {
      Tensor difference =
          Ops.of(a.halfAngles(64, 64), 64 * 64 * 64)
              .sub(Ops.of(b.halfAngles(64, 64), 64 * 64 * 64));

      assertThat(difference.abs().max().item()).isBetween(0.03, 0.0415);
    }
  }

  @Test
  void oneTablePerShape() {
    try (RopeTables tables = new RopeTables(32, Placement.CPU_F32)) {
      assertThat(tables.table(4, 6)).isSameAs(tables.table(4, 6));
      assertThat(tables.table(4, 6).cos().shape()).containsExactly(24, 1, 32);
      assertThat(tables.table(6, 4)).isNotSameAs(tables.table(4, 6));
    }
  }
}
