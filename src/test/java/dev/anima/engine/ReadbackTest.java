package dev.anima.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;

class ReadbackTest {
  @Test
  void theCpuHasTheNumbersAtOnceAndTheyStay() {
    Readback readback;
    try (Scope _ = new Scope()) {
      Tensor tensor = Ops.of(new float[] {1.5f, 0.1f}, 2);
      readback = Readback.of(tensor);
      tensor.zero_();
    }
    try (readback) {
      assertThat(readback.arrived()).isTrue();
      assertThat(readback.values()).containsExactly(1.5, 0.1f);
      assertThatThrownBy(readback::value).isInstanceOf(IllegalStateException.class);
    }
  }

  @Test
  void aScalarIsReadAsItemReadsIt() {
    try (Scope _ = new Scope()) {
      Tensor loss = Ops.of(new float[] {0.1f}, 1).mean();
      try (Readback readback = Readback.of(loss)) {
        assertThat(readback.value()).isEqualTo(loss.item());
      }
    }
  }
}
