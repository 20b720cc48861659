package dev.anima.model.dit;

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
import dev.anima.model.WeightEdit;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class AnimaDitTest {
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
    return GoldenCase.startingWith("dit/");
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("cases")
  void velocityMatchesTheReference(GoldenCase golden) {
    try (Scope _ = new Scope();
        NoGrad _ = new NoGrad()) {
      Tensor velocity =
          dit.forward(
              golden.input("latents"),
              golden.input("timesteps"),
              text(dit, golden),
              golden.input("padding_mask"),
              Adapters.NONE);

      golden.check("output", velocity);
    }
  }

  static Tensor text(AnimaDit dit, GoldenCase golden) {
    return golden.hasInput("context")
        ? golden.input("context")
        : dit.llmAdapter()
            .context(
                golden.input("prompt_embeds"),
                golden.input("attn_mask"),
                golden.input("t5_input_ids"),
                golden.input("t5_attn_mask"),
                Adapters.NONE);
  }

  @Test
  void everyLayerMatchesTheReference() {
    GoldenCase golden = GoldenCase.named("dit/square16");
    Map<String, Tensor> layers = new HashMap<>();
    Adapters recorder =
        (module, _, output) -> {
          layers.put(module, output.copy().retain());
          return output;
        };
    try (Scope _ = new Scope();
        NoGrad _ = new NoGrad()) {
      Tensor text = text(dit, golden);
      AnimaDit.Embedded embedded =
          dit.embed(golden.input("latents"), golden.input("timesteps"), null, recorder);
      golden.check("x_embedder", embedded.x().view(1, 1, 8, 8, 96));
      golden.check("t_embedding_norm", embedded.conditioning().emb());
      golden.check("t_embedder_1", embedded.conditioning().adaln());
      Tensor x = embedded.x();
      for (int i = 0; i < 3; i++) {
        x = dit.block(i, x, embedded, text, recorder);
        golden.check("block_" + i, x.view(1, 1, 8, 8, 96));
      }
      for (int i = 0; i < 3; i++) {
        String block = "blocks." + i + ".";
        for (String branch : List.of("self_attn", "cross_attn", "mlp")) {
          // The recorded modulation is the layer's own output, before the timestep's is added.
          golden.check(
              "block_" + i + "_adaln_" + branch,
              recorded(layers, block + "adaln_modulation_" + branch + ".2"));
        }
        golden.check(
            "block_" + i + "_self_attn", recorded(layers, block + "self_attn.output_proj"));
        golden.check(
            "block_" + i + "_cross_attn", recorded(layers, block + "cross_attn.output_proj"));
        golden.check(
            "block_" + i + "_mlp", recorded(layers, block + "mlp.layer2").view(1, 1, 8, 8, 96));
      }
      golden.check(
          "final_layer", dit.finalLayer(x, embedded.conditioning(), recorder).view(1, 1, 8, 8, 64));
      golden.check("output", dit.finish(x, embedded, recorder).view(1, 16, 1, 16, 16));
    } finally {
      layers.values().forEach(Tensor::close);
    }
  }

  private static Tensor recorded(Map<String, Tensor> layers, String module) {
    return Objects.requireNonNull(layers.get(module), module);
  }

  @Test
  void everyLinearPassesThroughTheAdapters() {
    GoldenCase golden = GoldenCase.named("dit/square16");
    List<String> seen = new ArrayList<>();
    Adapters recorder =
        (module, _, output) -> {
          seen.add(module);
          return output;
        };
    try (Scope _ = new Scope();
        NoGrad _ = new NoGrad()) {
      Tensor text =
          dit.llmAdapter()
              .context(
                  golden.input("prompt_embeds"),
                  golden.input("attn_mask"),
                  golden.input("t5_input_ids"),
                  golden.input("t5_attn_mask"),
                  recorder);
      dit.forward(golden.input("latents"), golden.input("timesteps"), text, recorder);
    }
    List<String> linears =
        dit.config().layout().expected().entrySet().stream()
            .filter(e -> e.getValue().size() == 2)
            .map(e -> e.getKey().replaceAll("\\.weight$", ""))
            .filter(name -> !name.equals("llm_adapter.embed"))
            .toList();
    assertThat(seen).containsExactlyInAnyOrderElementsOf(linears);
  }

  @Test
  void gradientsReachWhatStandsBesideTheLayers() {
    GoldenCase golden = GoldenCase.named("dit/direct_context");
    try (Scope _ = new Scope()) {
      Map<String, Tensor> shifts = new HashMap<>();
      Adapters shift =
          (module, _, output) -> {
            Tensor added = Ops.zeros(Dtype.F32, output.device(), output.size(-1));
            added.requiresGrad_(true).retain();
            shifts.put(module, added);
            return output.add(added);
          };
      Tensor velocity =
          dit.forward(
              golden.input("latents"), golden.input("timesteps"), golden.input("context"), shift);
      velocity.square().mean().backward();

      assertThat(shifts).hasSize(3 + 3 * 16 + 3);
      shifts.forEach((module, added) -> {
        assertThat(added.hasGrad()).as(module).isTrue();
        assertThat(added.grad().abs().max().item()).as(module).isGreaterThan(0);
        added.close();
      });
    }
  }

  @Test
  void bfloat16IsAsCloseAsTheReferenceItself() {
    GoldenCase golden = GoldenCase.named("dit_bf16/autocast");
    double meanBound = golden.json().get("outputs").get("output").get("mean_atol").doubleValue();
    Placement bf16 = Placement.of(Device.CPU, Dtype.BF16);
    try (Scope _ = new Scope();
        NoGrad _ = new NoGrad();
        AnimaDit half = AnimaDit.load(Golden.path("tiny/dit_bf16.safetensors"), bf16)) {
      Tensor velocity =
          half.forward(
              golden.input("latents"),
              golden.input("timesteps"),
              text(half, golden),
              Adapters.NONE);

      assertThat(velocity.dtype()).isEqualTo(Dtype.BF16);
      golden.check("output", velocity);
      Tensor difference = velocity.to(Dtype.F32).sub(golden.output("output"));
      assertThat(difference.abs().mean().item()).isLessThan(meanBound);
    }
  }

  @Test
  void float16KeepsItsResidualStreamInFloat32() {
    GoldenCase golden = GoldenCase.named("dit/direct_context");
    Placement f16 = Placement.of(Device.CPU, Dtype.F16);
    try (Scope _ = new Scope();
        NoGrad _ = new NoGrad();
        AnimaDit half = AnimaDit.load(Golden.path("tiny/dit.safetensors"), f16)) {
      Tensor latents = golden.input("latents").to(Dtype.F16);
      Tensor timesteps = golden.input("timesteps").to(Dtype.F16);
      Tensor text = golden.input("context").to(Dtype.F16);
      AnimaDit.Embedded embedded = half.embed(latents, timesteps, null, Adapters.NONE);

      assertThat(embedded.x().dtype()).isEqualTo(Dtype.F32);
      assertThat(embedded.conditioning().adaln().dtype()).isEqualTo(Dtype.F32);
      Tensor afterBlock = half.block(0, embedded.x(), embedded, text, Adapters.NONE);
      assertThat(afterBlock.dtype()).isEqualTo(Dtype.F32);
      Tensor velocity = half.forward(latents, timesteps, text, Adapters.NONE);
      assertThat(velocity.dtype()).isEqualTo(Dtype.F16);
      Tensor expected = golden.output("output");
      double error = velocity.to(Dtype.F32).sub(expected).norm().item();
      assertThat(error / expected.norm().item()).isLessThan(0.005); // fp16 has 11 bits
    }
  }

  @Test
  void editsReachEveryLinearWeightOnceAndNothingElse() {
    List<String> edited = new ArrayList<>();
    WeightEdit edit =
        (module, weight) -> {
          edited.add(module);
          return module.equals("final_layer.linear") ? weight.mul(0) : weight;
        };
    GoldenCase golden = GoldenCase.named("dit/direct_context");
    try (Scope _ = new Scope();
        NoGrad _ = new NoGrad();
        AnimaDit changed =
            AnimaDit.load(Golden.path("tiny/dit.safetensors"), Placement.CPU_F32, edit)) {
      Tensor velocity =
          changed.forward(
              golden.input("latents"),
              golden.input("timesteps"),
              golden.input("context"),
              Adapters.NONE);

      assertThat(velocity.abs().max().item()).isZero();
    }
    assertThat(edited).doesNotHaveDuplicates().contains("llm_adapter.blocks.1.mlp.2");
    assertThat(edited).hasSize(3 * 16 + 2 * 10 + 1 + 1 + 2 + 3); // blocks, adapter, ends
  }
}
