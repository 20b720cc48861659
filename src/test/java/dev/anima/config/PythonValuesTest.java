package dev.anima.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.anima.io.PythonText;
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
    assertThat(PythonText.repr(PythonLiteral.parse(text))).isEqualTo(repr);
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
