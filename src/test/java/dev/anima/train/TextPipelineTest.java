package dev.anima.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.anima.Golden;
import dev.anima.engine.Scope;
import dev.anima.engine.Tensor;
import dev.anima.model.Placement;
import dev.anima.model.WeightEdit;
import dev.anima.model.dit.AnimaDit;
import dev.anima.model.text.Qwen3Config;
import dev.anima.model.text.Tokenizers;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class TextPipelineTest {
  private static final Path QWEN3 = Golden.path("tiny/qwen3.safetensors");
  private static final List<String> TEXTS =
      List.of(
          "1girl, solo, smile", "", "outdoors", "1girl, from side, monochrome, blue sky, river");

  private AnimaDit dit;
  private int hidden;

  @BeforeEach
  void load() {
    dit = AnimaDit.load(Golden.path("tiny/dit.safetensors"), Placement.CPU_F32);
    hidden = Qwen3Config.read(QWEN3).hidden();
  }

  @AfterEach
  void close() {
    dit.close();
  }

  private static TextEncoder encoder() {
    return new TextEncoder(
        new Tokenizers(QWEN3), QWEN3, WeightEdit.NONE, Placement.CPU_F32, 96, 64, null);
  }

  private float[] context(TextPipeline text, List<String> keys) {
    try (Scope _ = new Scope()) {
      return text.context(keys, dit.llmAdapter(), hidden).toFloats();
    }
  }

  @Test
  void onTheCpuATextDoesNotDependOnItsCompany() {
    try (TextPipeline together = new TextPipeline(encoder());
        TextPipeline alone = new TextPipeline(encoder())) {
      context(together, TEXTS);

      for (String text : TEXTS) {
        assertThat(context(alone, List.of(text))).isEqualTo(context(together, List.of(text)));
      }
    }
  }

  @Test
  void severalAtATimeTheyAreTheSameButForRounding() {
    try (TextPipeline several = new TextPipeline(encoder(), 3);
        TextPipeline single = new TextPipeline(encoder(), 1)) {
      float[] expected = context(single, TEXTS);
      float[] actual = context(several, TEXTS);

      assertThat(several.lengths(TEXTS)).isEqualTo(single.lengths(TEXTS));
      for (int i = 0; i < expected.length; i++) {
        assertThat((double) actual[i]).isCloseTo(expected[i], within(1e-5));
      }
    }
  }

  @Test
  void lastingTextsOutliveTheOthers() {
    List<String> many = IntStream.range(0, TextPipeline.KEPT).mapToObj(i -> "tag " + i).toList();
    try (TextPipeline text = new TextPipeline(encoder(), 64)) {
      text.keepForGood(List.of("lasting"));
      text.encode(List.of("lasting", "passing"));
      text.encode(many);

      assertThat(text.isReady(List.of("lasting"), false)).isTrue();
      assertThat(text.isReady(many, false)).isTrue();
      assertThat(text.isReady(List.of("passing"), false)).isFalse();
    }
  }

  @Test
  void theModelIsThereOnlyFromUseToRelease() {
    try (TextPipeline text = new TextPipeline(encoder())) {
      text.encode(List.of(""));
      assertThat(text.encoder().isLoaded()).as("an empty text needs no model").isFalse();

      List<Integer> told = new ArrayList<>();
      text.prepareContexts(TEXTS, dit.llmAdapter(), hidden, (done, _) -> told.add(done));
      assertThat(text.encoder().isLoaded()).isTrue();
      assertThat(told).containsExactly(1, 2, 3);

      text.encoder().release();
      try (Scope _ = new Scope()) {
        Tensor kept = text.context(TEXTS, dit.llmAdapter(), hidden);
        assertThat(kept.shape()).containsExactly(4, 64, dit.config().context());
      }
      assertThat(text.encoder().isLoaded()).isFalse();
    }
  }
}
