package dev.anima.train;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class PythonTextTest {
  @ParameterizedTest(name = "{0}")
  @CsvSource({
    "1e-5, 1e-05",
    "0.0001, 0.0001",
    "0.00012345, 0.00012345",
    "1.5e-7, 1.5e-07",
    "1, 1.0",
    "0, 0.0",
    "0.11, 0.11",
    "1e15, 1000000000000000.0",
    "1e16, 1e+16",
    "1.25e22, 1.25e+22",
    "-2e-100, -2e-100",
    "2e-6, 2e-06"
  })
  void writesFloatsLikePython(double number, String expected) {
    assertThat(PythonText.of(number)).isEqualTo(expected);
  }

  @Test
  void writesOtherValuesLikePython() {
    assertThat(PythonText.of(true)).isEqualTo("True");
    assertThat(PythonText.of((Object) null)).isEqualTo("None");
    assertThat(PythonText.of("linear")).isEqualTo("linear");
    assertThat(PythonText.of(List.of(0.9, 0.99))).isEqualTo("(0.9, 0.99)");
    assertThat(PythonText.of(List.of("a"))).isEqualTo("('a',)");
    assertThat(PythonText.of(4096)).isEqualTo("4096");
  }
}
