package dev.anima.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class PythonValuesTest {
  @ParameterizedTest(name = "{0}")
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "0.9,0.99|(0.9, 0.99)",
        "(0.9,0.99)|(0.9, 0.99)",
        "(0.9)|0.9",
        "(0.9,)|(0.9,)",
        "1,|(1,)",
        "()|()",
        "[1, 2.5, 'a']|[1, 2.5, 'a']",
        "[]|[]",
        "1e-5|1e-05",
        ".5|0.5",
        "-3|-3",
        "1_000|1000",
        "True|True",
        "None|None",
        "'linear'|'linear'",
        "\"it's\"|\"it's\"",
        "('a', (1, None), [False])|('a', (1, None), [False])",
        "'.*\\d+'|'.*\\\\d+'",
        "[r'\\n', R\"a\"]|['\\\\n', 'a']"
      })
  void readsAndWritesLiterals(String text, String repr) throws Exception {
    assertThat(PythonLiteral.repr(PythonLiteral.parse(text))).isEqualTo(repr);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "", "linear", "(1", "[1 2]", "'open", "r'open", "r'\\'", "1)", "1,,2", ".*x.*", "inf",
        "true", "{1}"
      })
  void refusesWhatIsNoLiteral(String text) {
    assertThatThrownBy(() -> PythonLiteral.parse(text))
        .isInstanceOf(PythonLiteral.MalformedLiteralException.class);
  }

  @ParameterizedTest(name = "{0}")
  @CsvSource({
    "0.0001, 0.0001",
    "0.00001, 1e-05",
    "1.0, 1.0",
    "1e16, 1e+16",
    "123456789012345.0, 123456789012345.0",
    "-2.5e-7, -2.5e-07",
    "0.1, 0.1",
    "1e22, 1e+22",
    "100.0, 100.0",
    "-0.0, -0.0",
    "1e-300, 1e-300"
  })
  void writesFloatsAsPython(double value, String text) {
    assertThat(PythonNumber.text(value)).isEqualTo(text);
  }

  @Test
  void readsFloatsAsPython() {
    assertThat(PythonNumber.parseFloat(" 1_0.5e-1 ")).hasValue(1.05);
    assertThat(PythonNumber.parseFloat("-Infinity")).hasValue(Double.NEGATIVE_INFINITY);
    assertThat(PythonNumber.parseFloat("NaN").orElseThrow()).isNaN();
    assertThat(PythonNumber.parseFloat("5.")).hasValue(5.0);
    assertThat(PythonNumber.parseFloat("1d")).isEmpty();
    assertThat(PythonNumber.parseFloat("0x1p3")).isEmpty();
    assertThat(PythonNumber.parseFloat(".")).isEmpty();
    assertThat(PythonNumber.parseInt("1__0")).isEmpty();
  }
}
