package dev.anima.engine;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class ScopeTest {
  @Test
  void keptResultsOutliveTheirScope() {
    try (Scope _ = new Scope()) {
      Tensor kept = Scope.keep(() -> Ops.full(2, Dtype.F32, Device.CPU, 3).mul(3));

      assertThat(kept.toFloats()).containsExactly(6, 6, 6);
    }
  }

  @Test
  void retainedTensorsLiveUntilClosed() {
    Tensor retained;
    try (Scope _ = new Scope()) {
      retained = Ops.full(5, Dtype.F32, Device.CPU, 2).retain();
    }
    try (retained) {
      assertThat(retained.toFloats()).containsExactly(5, 5);
    }
    assertThat(retained.raw.isNull()).isTrue();
  }

  @Test
  void everythingElseIsFreedAtTheBrace() {
    Tensor leaked;
    try (Scope _ = new Scope()) {
      leaked = Ops.full(5, Dtype.F32, Device.CPU, 2);
    }
    assertThat(leaked.raw.isNull()).isTrue();
  }

  @Test
  void gradientsFlowOnlyWhereTheyAreWanted() {
    try (Scope _ = new Scope()) {
      Tensor x = Ops.full(3, Dtype.F32, Device.CPU, 1).requiresGrad_(true);
      try (NoGrad _ = new NoGrad()) {
        assertThat(x.mul(2).requiresGrad()).isFalse();
        try (NoGrad.Grad _ = NoGrad.grad()) {
          assertThat(x.mul(2).requiresGrad()).isTrue();
        }
      }
      Tensor y = x.square();
      Tensor grad =
          Ops.grad(
                  java.util.List.of(y),
                  java.util.List.of(x),
                  java.util.List.of(Ops.full(1, Dtype.F32, Device.CPU, 1)))
              .getFirst();
      assertThat(grad.toFloats()).containsExactly(6);
    }
  }
}
