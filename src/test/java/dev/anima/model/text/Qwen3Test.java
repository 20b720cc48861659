package dev.anima.model.text;

import static org.assertj.core.api.Assertions.assertThat;

import dev.anima.Golden;
import dev.anima.engine.Device;
import dev.anima.engine.Dtype;
import dev.anima.engine.NoGrad;
import dev.anima.engine.Ops;
import dev.anima.engine.Scope;
import dev.anima.engine.Tensor;
import dev.anima.model.Adapters;
import dev.anima.model.GoldenCase;
import dev.anima.model.Placement;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class Qwen3Test {
  private static Qwen3 qwen3;

  @BeforeAll
  static void load() {
    qwen3 = Qwen3.load(Golden.path("tiny/qwen3.safetensors"), Placement.CPU_F32);
  }

  @AfterAll
  static void close() {
    qwen3.close();
  }

  static List<GoldenCase> cases() {
    return GoldenCase.startingWith("qwen3/");
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("cases")
  void statesMatchTheReference(GoldenCase golden) {
    try (Scope _ = new Scope();
        NoGrad _ = new NoGrad()) {
      Tensor states =
          qwen3.encode(golden.input("input_ids"), golden.input("attention_mask"), Adapters.NONE);

      golden.check("prompt_embeds", states);
    }
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("cases")
  void leavingOutThePaddingChangesNothing(GoldenCase golden) {
    try (Scope _ = new Scope();
        NoGrad _ = new NoGrad()) {
      Tensor mask = golden.input("attention_mask");
      int used = (int) mask.sum(false, 1).max().item();

      golden.check(
          "prompt_embeds", qwen3.encode(golden.input("input_ids"), mask, used, Adapters.NONE));
    }
  }

  @Test
  void everyLayerMatchesTheReferenceWhereThereAreTokens() {
    GoldenCase golden = GoldenCase.named("qwen3/tags");
    try (Scope _ = new Scope();
        NoGrad _ = new NoGrad()) {
      Tensor mask = golden.input("attention_mask");
      Qwen3.Text text = qwen3.text(mask);
      Tensor h = qwen3.embed(golden.input("input_ids"));
      golden.check("hidden_state_0", h);
      for (int i = 0; i < 3; i++) {
        h = qwen3.layer(i, h, text, Adapters.NONE);
        // The reference applies the final norm before it records the last one.
        checkTokens(golden, "hidden_state_" + (i + 1), i < 2 ? h : qwen3.finish(h), mask);
      }
      checkTokens(golden, "last_hidden_state", qwen3.finish(h), mask);
    }
  }

  private static void checkTokens(GoldenCase golden, String output, Tensor actual, Tensor mask) {
    Tensor padding = mask.eq(0).unsqueeze(-1);
    golden.check(output, Ops.where(padding, golden.output(output), actual));
  }

  @Test
  void everyLinearPassesThroughTheAdaptersAndGetsItsGradient() {
    GoldenCase golden = GoldenCase.named("qwen3/batch2");
    List<String> seen = new ArrayList<>();
    Map<String, Tensor> shifts = new HashMap<>();
    try (Scope _ = new Scope()) {
      Adapters shift =
          (module, _, output) -> {
            seen.add(module);
            Tensor added = Ops.zeros(Dtype.F32, output.device(), output.size(-1));
            shifts.put(module, added.requiresGrad_(true).retain());
            return output.add(added);
          };
      qwen3
          .encode(golden.input("input_ids"), golden.input("attention_mask"), shift)
          .square()
          .mean()
          .backward();
      shifts.forEach((module, added) -> {
        assertThat(added.grad().isFinite().to(Dtype.F32).min().item()).as(module).isEqualTo(1);
        if (!module.endsWith("k_proj")) { // a constant added to all keys is nearly invisible
          assertThat(added.grad().abs().max().item()).as(module).isGreaterThan(0);
        }
        added.close();
      });
    }
    List<String> linears =
        qwen3.config().layout().expected().keySet().stream()
            .filter(name -> name.endsWith("_proj.weight"))
            .map(name -> name.replace(".weight", ""))
            .toList();
    assertThat(seen).containsExactlyInAnyOrderElementsOf(linears);
  }

  @Test
  void bfloat16StaysClose() {
    GoldenCase golden = GoldenCase.named("qwen3/tags");
    try (Scope _ = new Scope();
        NoGrad _ = new NoGrad();
        Qwen3 half =
            Qwen3.load(
                Golden.path("tiny/qwen3.safetensors"), Placement.of(Device.CPU, Dtype.BF16))) {
      Tensor states =
          half.encode(golden.input("input_ids"), golden.input("attention_mask"), Adapters.NONE);

      assertThat(states.dtype()).isEqualTo(Dtype.BF16);
      Tensor expected = golden.output("prompt_embeds");
      double relative = states.to(Dtype.F32).sub(expected).norm().item() / expected.norm().item();
      assertThat(relative).isLessThan(0.03); // bf16 has 8 bits: 0.4 % a rounding
    }
  }
}
