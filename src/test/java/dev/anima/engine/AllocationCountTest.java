package dev.anima.engine;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class AllocationCountTest {
  private static AllocationCount open() {
    return AllocationCount.open().orElseThrow();
  }

  @Test
  void countsTensorsAsTheyComeAndGo() {
    try (Scope _ = new Scope();
        AllocationCount count = open()) {
      Tensor a = Ops.empty(Dtype.F32, Device.CPU, 1000);
      assertThat(count.live(Device.CPU)).isEqualTo(4000);
      Tensor b = Ops.empty(Dtype.BF16, Device.CPU, 500);
      assertThat(count.live(Device.CPU)).isEqualTo(5000);

      a.close();
      b.close();

      assertThat(count.live(Device.CPU)).isZero();
      assertThat(count.peak(Device.CPU)).isEqualTo(5000);
    }
  }

  @Test
  void viewsCostNothing() {
    try (Scope _ = new Scope();
        AllocationCount count = open()) {
      Tensor a = Ops.empty(Dtype.F32, Device.CPU, 10, 10);
      var _ = a.t().narrow(0, 0, 5).unsqueeze(0);

      assertThat(count.live(Device.CPU)).isEqualTo(400);
    }
  }

  @Test
  void seesTheTemporariesInsideAnOperation() {
    try (Scope _ = new Scope();
        NoGrad _ = new NoGrad()) {
      Tensor a = Ops.zeros(Dtype.F32, Device.CPU, 100, 1000);
      try (AllocationCount count = open()) {
        var _ = a.logsumexp(true, -1); // exp(a - max) is as large as a

        assertThat(count.peak(Device.CPU)).isBetween(400_000L, 402_000L);
        assertThat(count.live(Device.CPU)).isEqualTo(400);
      }
    }
  }

  @Test
  void seesWhatAutogradKeeps() {
    try (AllocationCount count = open();
        Scope _ = new Scope()) {
      Tensor leaf = Ops.zeros(Dtype.F32, Device.CPU, 1000).requiresGrad_(true);
      Tensor result =
          Scope.keep(() -> {
            Tensor y = leaf.exp(); // 4000 bytes that its backward needs
            return y.mul(y).sum();
          });
      assertThat(count.live(Device.CPU)).isEqualTo(8004);

      result.backward();

      result.close();
      assertThat(count.live(Device.CPU)).isEqualTo(8000); // the leaf and its gradient
    }
  }

  @Test
  void thePeakCanStartAnew() {
    try (Scope _ = new Scope();
        AllocationCount count = open()) {
      Ops.empty(Dtype.F32, Device.CPU, 1000).close();
      count.resetPeak();
      Ops.empty(Dtype.F32, Device.CPU, 10).close();

      assertThat(count.peak(Device.CPU)).isEqualTo(40);
    }
  }

  @Test
  void innerCountsAddToOuterOnes() {
    List<Long> told = new ArrayList<>();
    try (Scope _ = new Scope();
        AllocationCount outer = AllocationCount.open((_, bytes) -> told.add(bytes)).orElseThrow()) {
      Ops.empty(Dtype.F32, Device.CPU, 1).close();
      try (AllocationCount inner = open()) {
        Ops.empty(Dtype.F32, Device.CPU, 2).close();
        assertThat(inner.peak(Device.CPU)).isEqualTo(8);
      }
      Ops.empty(Dtype.F32, Device.CPU, 3).close();

      assertThat(outer.peak(Device.CPU)).isEqualTo(12);
      assertThat(told).containsExactly(4L, -4L, 8L, -8L, 12L, -12L);
    }
  }

  @Test
  void nothingIsCountedOutside() {
    AllocationCount count = open();
    count.close();
    try (Scope _ = new Scope()) {
      var _ = Ops.empty(Dtype.F32, Device.CPU, 1000);
    }

    assertThat(count.peak(Device.CPU)).isZero();
  }
}
