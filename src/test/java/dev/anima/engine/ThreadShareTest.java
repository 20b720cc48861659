package dev.anima.engine;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.Test;

class ThreadShareTest {
  private static final int LOOKS = 40;

  /// Lets `work` run again and again until it has been looked at often enough.
  private static double outside(Runnable work) {
    ThreadShare.Tally tally = new ThreadShare.Tally();
    try (ThreadShare share = new ThreadShare(Thread.currentThread())) {
      BooleanSupplier enough = () -> tally.looks() >= LOOKS;
      while (!enough.getAsBoolean()) {
        try (ThreadShare.Counting _ = share.count(tally)) {
          work.run();
        }
      }
    }
    return tally.outside().orElseThrow();
  }

  @Test
  void aProductIsInsideLibtorch() {
    try (Scope _ = new Scope()) {
      Tensor x = Ops.full(1, Dtype.F32, Device.CPU, 700, 700);

      assertThat(
              outside(() -> {
                try (Scope _ = new Scope()) {
                  var _ = x.matmul(x);
                }
              }))
          .isLessThan(0.5);
    }
  }

  @Test
  void javaIsOutside() {
    assertThat(
            outside(() -> {
              long sum = 0;
              for (int i = 0; i < 1_000_000; i++) {
                sum += Integer.toString(i).length();
              }
              assertThat(sum).isPositive();
            }))
        .isEqualTo(1);
  }

  @Test
  void nothingIsCountedBetween() {
    ThreadShare.Tally tally = new ThreadShare.Tally();
    try (ThreadShare share = new ThreadShare(Thread.currentThread())) {
      share.count(tally).close();
    }

    assertThat(tally.looks()).isLessThanOrEqualTo(1);
    assertThat(new ThreadShare.Tally().outside()).isEmpty();
  }
}
