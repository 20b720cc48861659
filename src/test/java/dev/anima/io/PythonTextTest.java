package dev.anima.io;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.anima.Golden;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

class PythonTextTest {
  // Right column: CPython's repr().
  @ParameterizedTest
  @CsvSource({
    "1e-5, 1e-05",
    "1e-4, 0.0001",
    "0.1, 0.1",
    "1, 1.0",
    "100, 100.0",
    "1e15, 1000000000000000.0",
    "1e16, 1e+16",
    "123456789012345680, 1.2345678901234568e+17",
    "1.5e16, 1.5e+16",
    "4.9e-324, 5e-324",
    "2e-323, 2e-323",
    "1e-323, 1e-323",
    "2e23, 2e+23",
    "1e22, 1e+22",
    "1e23, 1e+23",
    "4.35, 4.35",
    "0.3333333333333333, 0.3333333333333333",
    "0.00012345, 0.00012345",
    "123456.789, 123456.789",
    "9007199254740993, 9007199254740992.0",
    "1.7976931348623157e308, 1.7976931348623157e+308",
    "2.2250738585072014e-308, 2.2250738585072014e-308",
    "-0.0, -0.0",
    "0, 0.0",
    "-2.5e-7, -2.5e-07",
    "9.5e-5, 9.5e-05",
    "0.05, 0.05",
    "NaN, nan",
    "Infinity, inf",
    "-Infinity, -inf"
  })
  void floatsAsPython(double value, String expected) {
    assertThat(PythonText.repr(value)).isEqualTo(expected);
    assertThat(PythonText.str(value)).isEqualTo(expected);
  }

  @ParameterizedTest
  @CsvSource({"1", "2", "3"})
  void everyFloatComesBack(int seed) {
    Random random = new Random(seed);
    for (int i = 0; i < 10_000; i++) {
      double value = Double.longBitsToDouble(random.nextLong());
      String text = PythonText.repr(value);
      if (Double.isNaN(value)) {
        assertThat(text).isEqualTo("nan");
        continue;
      }
      assertThat(Double.parseDouble(text)).isEqualTo(value);
      assertThat(text.length()).isLessThanOrEqualTo(24);
    }
  }

  @Test
  void valuesAsPython() {
    Map<String, Object> map = new LinkedHashMap<>();
    map.put("k", List.of());
    map.put("b'", null);
    assertThat(PythonText.str(null)).isEqualTo("None");
    assertThat(PythonText.str(true)).isEqualTo("True");
    assertThat(PythonText.str(5)).isEqualTo("5");
    assertThat(PythonText.str(-5L)).isEqualTo("-5");
    assertThat(PythonText.str("it's")).isEqualTo("it's");
    assertThat(PythonText.str(List.of(1e-5))).isEqualTo("[1e-05]");
    assertThat(PythonText.str(map)).isEqualTo("{'k': [], \"b'\": None}");
    assertThat(PythonText.tuple(List.of(1024, 768))).isEqualTo("(1024, 768)");
    assertThat(PythonText.tuple(List.of(1))).isEqualTo("(1,)");
    assertThatThrownBy(() -> PythonText.str('c')).isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  void stringsAsPython() {
    assertThat(PythonText.repr("it's")).isEqualTo("\"it's\"");
    assertThat(PythonText.repr("a\"b'c")).isEqualTo("'a\"b\\'c'");
    assertThat(PythonText.repr("\0\u007f\u00a0é\u200b😀\n\\\u3000\ue000"))
        .isEqualTo("'\\x00\\x7f\\xa0é\\u200b😀\\n\\\\\\u3000\\ue000'");
  }

  @Test
  void jsonAsPython() {
    Map<Object, @Nullable Object> map = new LinkedHashMap<>();
    map.put("a", Arrays.asList(1, 2.0, null, true, "é☀😀\u007f\u001f\"\\/\n\b\f"));
    map.put(3, Double.POSITIVE_INFINITY);
    map.put("x", Map.of());
    map.put("n", List.of());
    assertThat(PythonText.json(map))
        .isEqualTo(
            "{\"a\": [1, 2.0, null, true,"
                + " \"\\u00e9\\u2600\\ud83d\\ude00\\u007f\\u001f\\\"\\\\/\\n\\b\\f\"],"
                + " \"3\": Infinity, \"x\": {}, \"n\": []}");
  }

  /// Metadata of the recorded runs that is JSON: parsed and written again it is the same text.
  @Test
  void recordedMetadataComesBack() {
    int checked = 0;
    for (JsonNode run : Golden.json("training/e2e/index.json").path("runs")) {
      for (JsonNode file : run.path("saved")) {
        for (Map.Entry<String, JsonNode> entry : file.path("metadata").properties()) {
          String text = entry.getValue().asString();
          if (text.startsWith("{") || text.startsWith("[{")) {
            JsonNode parsed = JsonMapper.shared().readTree(text);
            assertThat(PythonText.json(value(parsed))).as(entry.getKey()).isEqualTo(text);
            checked++;
          }
        }
      }
    }
    assertThat(checked).isGreaterThan(5);
  }

  private static @Nullable Object value(JsonNode node) {
    if (node.isArray()) {
      List<@Nullable Object> list = new ArrayList<>();
      node.forEach(element -> list.add(value(element)));
      return list;
    }
    if (node.isObject()) {
      Map<String, @Nullable Object> map = new LinkedHashMap<>();
      node.properties().forEach(entry -> map.put(entry.getKey(), value(entry.getValue())));
      return map;
    }
    if (node.isNull()) {
      return null;
    }
    if (node.isString()) {
      return node.stringValue();
    }
    if (node.isBoolean()) {
      return node.booleanValue();
    }
    return node.isIntegralNumber() ? (Object) node.longValue() : (Object) node.doubleValue();
  }
}
