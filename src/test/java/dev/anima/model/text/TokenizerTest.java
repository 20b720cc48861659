package dev.anima.model.text;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.anima.Golden;
import dev.anima.engine.Scope;
import dev.anima.io.InputException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import tools.jackson.databind.JsonNode;

class TokenizerTest {
  private static Tokenizers tokenizers;

  @BeforeAll
  static void load() {
    tokenizers = new Tokenizers(Golden.path("tiny/qwen3.safetensors"));
  }

  @AfterAll
  static void close() {
    tokenizers.close();
  }

  record Prompt(JsonNode json) {
    String text() {
      return json.get("text").stringValue();
    }

    long[] ids(String field) {
      return json.get(field).valueStream().mapToLong(JsonNode::longValue).toArray();
    }

    @Override
    public String toString() {
      return json.get("label").stringValue();
    }
  }

  static List<Prompt> prompts() {
    return Golden.json("models/tokenization.json")
        .get("prompts")
        .valueStream()
        .map(Prompt::new)
        .toList();
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("prompts")
  void idsEqualTheReference(Prompt prompt) {
    for (String model : List.of("qwen3", "t5")) {
      Tokenizer tokenizer = model.equals("qwen3") ? tokenizers.qwen3() : tokenizers.t5();
      JsonNode expected = prompt.json().get(model);
      long[] ids = expected.get("ids").valueStream().mapToLong(JsonNode::longValue).toArray();

      assertThat(tokenizer.encode(prompt.text()))
          .as(model)
          .hasSize(expected.get("untruncated_length").intValue());
      check(tokenizer.encode(prompt.text(), 512), ids, 512, model);
    }
    check(tokenizers.qwen3().encode(prompt.text(), 16), prompt.ids("qwen3_max16"), 16, "qwen3");
    check(tokenizers.t5().encode(prompt.text(), 12), prompt.ids("t5_max12"), 12, "t5");
  }

  private static void check(Tokens tokens, long[] expected, int length, String model) {
    assertThat(tokens.used()).isEqualTo(expected.length);
    assertThat(tokens.ids()).hasSize(length);
    assertThat(Arrays.copyOf(tokens.ids(), expected.length)).isEqualTo(expected);
    long padding = model.equals("qwen3") ? 151643 : 0;
    assertThat(Arrays.stream(tokens.ids()).skip(expected.length)).allMatch(id -> id == padding);
    assertThat(Arrays.stream(tokens.mask()).sum()).isEqualTo(expected.length);
    assertThat(Arrays.stream(tokens.mask()).limit(expected.length)).allMatch(m -> m == 1);
  }

  @Test
  void aBatchBecomesTwoTensors() {
    List<Tokens> batch =
        List.of(tokenizers.qwen3().encode("1girl", 5), tokenizers.qwen3().encode("", 5));
    try (Scope _ = new Scope()) {
      assertThat(Tokens.ids(batch).shape()).containsExactly(2, 5);
      assertThat(Tokens.ids(batch).toLongs())
          .containsExactly(
              16, 28552, 151643, 151643, 151643, 151643, 151643, 151643, 151643, 151643);
      assertThat(Tokens.mask(batch).toLongs()).containsExactly(1, 1, 0, 0, 0, 0, 0, 0, 0, 0);
    }
    assertThat(Tokens.longest(batch)).isEqualTo(2);
  }

  @Test
  void aFolderBringsItsOwnTokenizer(@TempDir Path folder) throws IOException {
    Files.copy(
        Path.of("src/main/resources/dev/anima/tokenizers/t5/tokenizer.json"),
        folder.resolve("tokenizer.json"));
    try (Tokenizer own = Tokenizer.qwen3(folder)) {
      assertThat(own.encode("1girl")).containsExactly(209, 18722, 1);
    }
  }

  @Test
  void aDamagedTokenizerIsNamed(@TempDir Path folder) throws IOException {
    Files.writeString(folder.resolve("tokenizer.json"), "{\"model\": 3");
    try (Tokenizers broken = new Tokenizers(folder)) {
      assertThatThrownBy(broken::qwen3)
          .isInstanceOf(InputException.class)
          .hasMessageContaining("tokenizer.json: not a usable tokenizer");
    }
  }
}
