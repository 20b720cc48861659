package dev.anima.model.text;

import static org.assertj.core.api.Assertions.assertThat;

import dev.anima.Golden;
import dev.anima.engine.Dtype;
import dev.anima.engine.NoGrad;
import dev.anima.engine.Ops;
import dev.anima.engine.Scope;
import dev.anima.engine.Tensor;
import dev.anima.model.Adapters;
import dev.anima.model.GoldenCase;
import dev.anima.model.Placement;
import dev.anima.model.TextPositions;
import dev.anima.model.dit.AnimaDit;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

class LlmAdapterTest {
  private static AnimaDit dit;

  @BeforeAll
  static void load() {
    dit = AnimaDit.load(Golden.path("tiny/dit.safetensors"), Placement.CPU_F32);
  }

  @AfterAll
  static void close() {
    dit.close();
  }

  static List<GoldenCase> cases() {
    return GoldenCase.startingWith("adapter/");
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("cases")
  void contextMatchesTheReference(GoldenCase golden) {
    try (Scope _ = new Scope();
        NoGrad _ = new NoGrad()) {
      golden.check("context", context(golden, Adapters.NONE));
    }
  }

  private static Tensor context(GoldenCase golden, Adapters adapters) {
    return dit.llmAdapter()
        .context(
            golden.input("prompt_embeds"),
            golden.input("attn_mask"),
            golden.input("t5_input_ids"),
            golden.input("t5_attn_mask"),
            adapters);
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("cases")
  void leavingOutThePaddingChangesNothing(GoldenCase golden) {
    try (Scope _ = new Scope();
        NoGrad _ = new NoGrad()) {
      Tensor sourceMask = golden.input("attn_mask");
      Tensor idsMask = golden.input("t5_attn_mask");
      golden.check(
          "context",
          dit.llmAdapter()
              .context(
                  golden.input("prompt_embeds"),
                  sourceMask,
                  golden.input("t5_input_ids"),
                  idsMask,
                  longest(sourceMask),
                  longest(idsMask),
                  Adapters.NONE));
    }
  }

  private static int longest(Tensor mask) {
    return (int) mask.sum(false, 1).max().item();
  }

  @Test
  void everySubLayerMatchesTheReferenceWhereThereAreTokens() {
    GoldenCase golden = GoldenCase.named("adapter/tags");
    Map<String, Tensor> layers = new HashMap<>();
    Adapters recorder =
        (module, _, output) -> {
          layers.put(module, output.copy().retain());
          return output;
        };
    LlmAdapter adapter = dit.llmAdapter();
    try (Scope _ = new Scope();
        NoGrad _ = new NoGrad();
        TextPositions positions = new TextPositions(16, 10000, Placement.CPU_F32)) {
      Tensor source = golden.input("prompt_embeds");
      Tensor idsMask = golden.input("t5_attn_mask");
      LlmAdapter.Side target =
          new LlmAdapter.Side(positions.upTo(idsMask.size(1)), LlmAdapter.keyMask(idsMask));
      LlmAdapter.Side text =
          new LlmAdapter.Side(
              positions.upTo(source.size(1)), LlmAdapter.keyMask(golden.input("attn_mask")));
      Tensor x = adapter.embed(golden.input("t5_input_ids"), recorder);
      golden.check("embed", x);
      for (int i = 0; i < 2; i++) {
        x = adapter.block(i, x, target, source, text, recorder);
        checkTokens(golden, "block_" + i, x, idsMask);
        String module = "llm_adapter.blocks." + i;
        checkTokens(
            golden,
            "block_" + i + "_self_attn",
            recorded(layers, module + ".self_attn.o_proj"),
            idsMask);
        checkTokens(
            golden,
            "block_" + i + "_cross_attn",
            recorded(layers, module + ".cross_attn.o_proj"),
            idsMask);
        checkTokens(golden, "block_" + i + "_mlp", recorded(layers, module + ".mlp.2"), idsMask);
      }
    } finally {
      layers.values().forEach(Tensor::close);
    }
  }

  private static Tensor recorded(Map<String, Tensor> layers, String module) {
    return Objects.requireNonNull(layers.get(module), module);
  }

  private static void checkTokens(GoldenCase golden, String output, Tensor actual, Tensor mask) {
    Tensor padding = mask.eq(0).unsqueeze(-1);
    golden.check(output, Ops.where(padding, golden.output(output), actual));
  }

  @Test
  void anEmptyPromptGivesFiniteGradients() {
    GoldenCase golden = GoldenCase.named("adapter/empty");
    try (Scope _ = new Scope()) {
      Tensor[] shift = new Tensor[1];
      Adapters adapters =
          (module, _, output) -> {
            if (!module.equals("llm_adapter.blocks.0.self_attn.q_proj")) {
              return output;
            }
            shift[0] =
                Ops.zeros(Dtype.F32, output.device(), output.size(-1)).requiresGrad_(true).retain();
            return output.add(shift[0]);
          };
      context(golden, adapters).square().mean().backward();

      Tensor leaf = Objects.requireNonNull(shift[0]);
      assertThat(leaf.grad().isFinite().to(Dtype.F32).min().item()).isEqualTo(1);
      leaf.close();
    }
  }

  @ParameterizedTest(name = "{0}")
  @CsvSource({"rope/adapter_head64, 64, 1e4", "rope/qwen3_head128, 128, 1e6"})
  void textPositionsMatchTheReference(String name, int headSize, double base) {
    GoldenCase golden = GoldenCase.named(name);
    try (Scope _ = new Scope();
        TextPositions positions = new TextPositions(headSize, base, Placement.CPU_F32)) {
      golden.check("cos", positions.upTo(24).cos().transpose(0, 1));
      golden.check("sin", positions.upTo(24).sin().transpose(0, 1));
    }
  }

  @Test
  void aLongTextGrowsTheTableWithoutHarmToEarlierViews() {
    try (Scope _ = new Scope();
        TextPositions positions = new TextPositions(16, 1e4, Placement.CPU_F32)) {
      Tensor before = positions.upTo(512).cos();
      Tensor longer = positions.upTo(700).cos();

      assertThat(longer.shape()).containsExactly(700, 1, 16);
      assertThat(longer.narrow(0, 0, 512).toFloats()).isEqualTo(before.toFloats());
    }
  }
}
