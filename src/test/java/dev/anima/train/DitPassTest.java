package dev.anima.train;

import static dev.anima.Golden.assertClose;
import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;

import dev.anima.Golden;
import dev.anima.config.NetworkKind;
import dev.anima.engine.Device;
import dev.anima.engine.Dtype;
import dev.anima.engine.NoGrad;
import dev.anima.engine.Ops;
import dev.anima.engine.RandomStream;
import dev.anima.engine.Scope;
import dev.anima.engine.Tensor;
import dev.anima.io.SafetensorsFile;
import dev.anima.lora.Dropouts;
import dev.anima.lora.LinearModules;
import dev.anima.lora.LoraAdapter;
import dev.anima.lora.LoraForm;
import dev.anima.lora.LoraPart;
import dev.anima.lora.LoraPlan;
import dev.anima.lora.LoraSet;
import dev.anima.lora.LoraSpec;
import dev.anima.lora.Network;
import dev.anima.lora.NetworkArgs;
import dev.anima.lora.ParameterGroup;
import dev.anima.lora.StreamDraws;
import dev.anima.model.Adapters;
import dev.anima.model.Placement;
import dev.anima.model.block.SavePolicy;
import dev.anima.model.dit.AnimaDit;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// Every way through the DiT against the recorded gradients, and against plain autograd.
class DitPassTest {
  /// Of the tiny model.
  private static final int BLOCKS = 3;

  private static final Dropouts ALL_DROPOUTS =
      new Dropouts(OptionalDouble.of(0.2), OptionalDouble.of(0.3), OptionalDouble.of(0.3));

  static Stream<PassKind> kinds() {
    return Stream.concat(
        Stream.of(new PassKind.Plain(), new PassKind.Checkpointed()),
        Arrays.stream(SavePolicy.values()).map(policy -> PassKind.explicit(policy, BLOCKS)));
  }

  @ParameterizedTest
  @MethodSource("kinds")
  void gradientsMatchTheReference(PassKind kind) {
    try (Scope _ = new Scope();
        AnimaDit dit = AnimaDit.load(Golden.path("tiny/dit.safetensors"), Placement.CPU_F32);
        RandomStream unused = RandomStream.cpu(0);
        LoraSet loras = set(NetworkArgs.NONE, Dropouts.NONE);
        DitPasses passes = DitPasses.of(kind, dit, List.of(trained(loras, unused)));
        SafetensorsFile golden = Golden.tensors("training/grad_batch2.safetensors")) {
      fromFile(loras);
      DitPass pass = passes.next();

      Tensor noisy = Golden.tensor(golden, "out/noisy").squeeze(2);
      Tensor prediction =
          pass.forward(noisy, Golden.tensor(golden, "out/timesteps"), context(dit, golden));
      assertClose("prediction", prediction, Golden.tensor(golden, "out/pred").squeeze(2), 5e-5);

      Tensor target = Golden.tensor(golden, "in/noise").sub(Golden.tensor(golden, "in/latents"));
      Tensor weights = Golden.tensor(golden, "in/loss_weights").view(-1, 1, 1, 1);
      Tensor gradient = prediction.sub(target).mul(weights).mul(2.0 / prediction.numel());
      assertThat(pass.backward(gradient, false)).isNull();

      for (LoraAdapter adapter : loras.modules()) {
        String name = "grad/" + adapter.module().name();
        assertClose(
            name,
            requireNonNull(adapter.gradient(LoraPart.DOWN)),
            Golden.tensor(golden, name + ".lora_down.weight"),
            3e-6);
        assertClose(
            name,
            requireNonNull(adapter.gradient(LoraPart.UP)),
            Golden.tensor(golden, name + ".lora_up.weight"),
            3e-6);
      }
    }
  }

  /// What trains and how.
  ///
  /// @param sets arguments of each LoRA; several train side by side
  /// @param cut as with `--split_attn`
  /// @param text whether something before the DiT trains
  record Case(String name, List<NetworkArgs> sets, Dropouts dropouts, boolean cut, boolean text) {
    @Override
    public String toString() {
      return name;
    }
  }

  static Stream<Case> cases() {
    NetworkArgs usual = NetworkArgs.NONE;
    NetworkArgs everything = NetworkArgs.parse(List.of("include_patterns='.*'"));
    NetworkArgs upperBlocks = NetworkArgs.parse(List.of("exclude_patterns='.*blocks\\.[01].*'"));
    NetworkArgs lastLayer =
        NetworkArgs.parse(
            List.of("exclude_patterns='.*'", "include_patterns='final_layer.linear'"));
    return Stream.of(
        new Case("usual modules", List.of(usual), Dropouts.NONE, false, true),
        new Case("dropouts", List.of(usual), ALL_DROPOUTS, false, true),
        new Case("dropouts, cut text", List.of(usual), ALL_DROPOUTS, true, true),
        new Case("cut text", List.of(usual), Dropouts.NONE, true, false),
        new Case("every layer", List.of(everything), Dropouts.NONE, false, false),
        new Case("every layer, dropouts, cut text", List.of(everything), ALL_DROPOUTS, true, true),
        new Case("upper blocks", List.of(upperBlocks), ALL_DROPOUTS, false, false),
        new Case("upper blocks and text", List.of(upperBlocks), Dropouts.NONE, false, true),
        new Case("final layer alone", List.of(lastLayer), ALL_DROPOUTS, false, false),
        new Case("two LoRAs", List.of(usual, everything), ALL_DROPOUTS, false, true),
        new Case("everything dropped", List.of(usual), dropouts(1, 0.3, 0), false, true),
        new Case("no module takes part", List.of(everything), dropouts(0.2, 0.3, 1), false, true),
        new Case("dropouts of 0", List.of(usual), dropouts(0, 0, 0), false, false),
        new Case("LoHa", List.of(LOHA), Dropouts.NONE, false, true),
        new Case("LoHa on every layer, dropouts", List.of(ALL_LOHA), ALL_DROPOUTS, true, true),
        new Case("LoKr", List.of(LOKR), Dropouts.NONE, false, true),
        new Case("LoKr on every layer, dropouts", List.of(ALL_LOKR), ALL_DROPOUTS, false, true),
        new Case("DoRA on every layer", List.of(ALL_DORA), Dropouts.NONE, true, true),
        new Case("DoRA on every layer, dropouts", List.of(ALL_DORA), ALL_DROPOUTS, false, true),
        new Case("DoRA of a LoHa", List.of(DORA_LOHA), ALL_DROPOUTS, false, false),
        new Case(
            "one of each kind", List.of(usual, LOHA, ALL_LOKR, ALL_DORA), ALL_DROPOUTS, true, true),
        new Case("no LoKr takes part", List.of(ALL_LOKR), dropouts(0, 0.3, 1), false, true),
        new Case("no DoRA takes part", List.of(ALL_DORA), dropouts(0, 0.3, 1), false, true));
  }

  private static final String EVERY_LAYER = "include_patterns='.*'";

  /// The MLPs' rank is so large that the matrix is formed.
  private static final NetworkArgs LOHA =
      NetworkArgs.parse(NetworkKind.LOHA, List.of("network_reg_dims=.*mlp.*=12"));

  private static final NetworkArgs ALL_LOHA =
      NetworkArgs.parse(NetworkKind.LOHA, List.of("network_reg_dims=.*mlp.*=12", EVERY_LAYER));
  private static final NetworkArgs LOKR = NetworkArgs.parse(NetworkKind.LOKR, List.of("factor=4"));

  /// The attentions' rank is so large that the second factor is whole.
  private static final NetworkArgs ALL_LOKR =
      NetworkArgs.parse(NetworkKind.LOKR, List.of("network_reg_dims=.*attn.*=64", EVERY_LAYER));

  private static final NetworkArgs ALL_DORA =
      NetworkArgs.parse(List.of("dora_wd=True", EVERY_LAYER));
  private static final NetworkArgs DORA_LOHA =
      NetworkArgs.parse(NetworkKind.LOHA, List.of("dora_wd=True"));

  private static Dropouts dropouts(double element, double rank, double module) {
    return new Dropouts(
        OptionalDouble.of(element), OptionalDouble.of(rank), OptionalDouble.of(module));
  }

  @ParameterizedTest
  @MethodSource("cases")
  void everyWayGivesTheGradientsOfPlainAutograd(Case given) {
    try (Scope _ = new Scope();
        AnimaDit dit = AnimaDit.load(Golden.path("tiny/dit.safetensors"), Placement.CPU_F32);
        SafetensorsFile golden = Golden.tensors("training/grad_batch2.safetensors")) {
      dit.cutText(given.cut);
      Run plain = run(dit, golden, given, new PassKind.Plain());
      for (PassKind kind : kinds().toList()) {
        Run other = run(dit, golden, given, kind);
        assertSame(kind + " prediction", other.prediction, plain.prediction);
        assertSame(kind + " gradients", other.gradients, plain.gradients);
        assertSame(kind + " context", other.contextGradient, plain.contextGradient);
        assertThat(other.tookPart).as(kind + " modules").isEqualTo(plain.tookPart);
        assertThat(other.next).as(kind + " stream after the pass").isEqualTo(plain.next);
      }
    }
  }

  @Test
  void policiesAgreeToTheBit() {
    try (Scope _ = new Scope();
        AnimaDit dit =
            AnimaDit.load(
                Golden.path("tiny/dit.safetensors"), Placement.of(Device.CPU, Dtype.BF16));
        SafetensorsFile golden = Golden.tensors("training/grad_batch2.safetensors")) {
      for (Case given : cases().filter(one -> one.dropouts.equals(ALL_DROPOUTS)).toList()) {
        Run first = run(dit, golden, given, PassKind.explicit(SavePolicy.EVERYTHING, BLOCKS));
        for (SavePolicy policy : SavePolicy.values()) {
          Run other = run(dit, golden, given, PassKind.explicit(policy, BLOCKS));
          assertThat(other.prediction).as(given + " " + policy).isEqualTo(first.prediction);
          assertThat(other.gradients).as(given + " " + policy).isEqualTo(first.gradients);
          assertThat(other.contextGradient).isEqualTo(first.contextGradient);
        }
      }
    }
  }

  /// @param gradients of all sets
  /// @param contextGradient of the rows that are text; the padding's is cut off before it
  @SuppressWarnings("ArrayRecordComponent") // compared as wholes
  private record Run(
      float[] prediction,
      float[] gradients,
      float[] contextGradient,
      List<Boolean> tookPart,
      float[] next) {}

  private static Run run(AnimaDit dit, SafetensorsFile golden, Case given, PassKind kind) {
    List<LoraSet> sets =
        given.sets.stream().map(args -> random(set(args, given.dropouts))).toList();
    try (Scope _ = new Scope();
        RandomStream stream = RandomStream.cpu(5);
        DitPasses passes =
            DitPasses.of(kind, dit, sets.stream().map(loras -> trained(loras, stream)).toList())) {
      Dtype dtype = dit.placement().dtype();
      DitContext context = context(dit, golden);
      context =
          new DitContext(context.rows().detach().requiresGrad_(given.text), context.lengths());
      DitPass pass = passes.next();
      Tensor prediction =
          pass.forward(
              Golden.tensor(golden, "out/noisy").squeeze(2).to(dtype),
              Golden.tensor(golden, "out/timesteps").to(dtype),
              context);
      Tensor contextGradient = pass.backward(prediction.mul(1e-3), given.text);
      assertThat(contextGradient != null).isEqualTo(given.text);
      return new Run(
          prediction.toFloats(),
          Ops.cat(sets.stream().map(LoraSet::gradients).toList(), 0).toFloats(),
          contextGradient == null ? new float[0] : given(contextGradient, context.lengths()),
          sets.stream().flatMap(set -> set.modules().stream()).map(LoraAdapter::tookPart).toList(),
          stream.rand(Dtype.F32, 20).toFloats());
    } finally {
      sets.forEach(LoraSet::close);
    }
  }

  private static float[] given(Tensor gradient, List<Long> lengths) {
    List<Tensor> rows = new ArrayList<>();
    for (int i = 0; i < lengths.size(); i++) {
      rows.add(gradient.select(0, i).narrow(0, 0, lengths.get(i)));
    }
    return Ops.cat(rows, 0).to(Dtype.F32).toFloats();
  }

  /// Equal within the rounding of float32.
  private static void assertSame(String what, float[] actual, float[] expected) {
    assertThat(actual).as(what).hasSameSizeAs(expected);
    double difference = 0;
    double length = 0;
    for (int i = 0; i < expected.length; i++) {
      difference += Math.pow(actual[i] - (double) expected[i], 2);
      length += Math.pow(expected[i], 2);
    }
    assertThat(Math.sqrt(difference)).as(what).isLessThanOrEqualTo(3e-6 * Math.sqrt(length));
  }

  private static DitContext context(AnimaDit dit, SafetensorsFile golden) {
    try (SafetensorsFile text = Golden.tensors("training/text.safetensors")) {
      Tensor rows = Golden.tensor(golden, "in/captions");
      Tensor mask = Golden.tensor(text, "t5_attn_mask").indexSelect(0, rows);
      Tensor context =
          dit.llmAdapter()
              .context(
                  Golden.tensor(text, "prompt_embeds")
                      .indexSelect(0, rows)
                      .to(dit.placement().dtype()),
                  Golden.tensor(text, "attn_mask").indexSelect(0, rows),
                  Golden.tensor(text, "t5_input_ids").indexSelect(0, rows),
                  mask,
                  Adapters.NONE);
      return new DitContext(context, Arrays.stream(mask.sum(false, 1).toLongs()).boxed().toList());
    }
  }

  private static TrainedSet trained(LoraSet loras, RandomStream stream) {
    return new TrainedSet(loras, new StreamDraws(stream, stream));
  }

  private static LoraSet set(NetworkArgs args, Dropouts dropouts) {
    LoraPlan.Layers layers;
    try (SafetensorsFile dit = Golden.tensors("tiny/dit.safetensors");
        SafetensorsFile qwen = Golden.tensors("tiny/qwen3.safetensors")) {
      layers = new LoraPlan.Layers(LinearModules.ofTextEncoder(qwen), LinearModules.ofDit(dit));
    }
    LoraSpec spec =
        LoraSpec.of(OptionalInt.of(4), OptionalDouble.of(2), OptionalDouble.empty(), args);
    LoraPlan plan = LoraPlan.select(spec, layers, Set.of(Network.DIT));
    List<ParameterGroup> groups =
        ParameterGroup.of(
            plan,
            args,
            new ParameterGroup.LearningRates(1e-3, OptionalDouble.empty(), OptionalDouble.empty()));
    return new LoraSet(plan.trained(), groups, dropouts, Device.CPU, Dtype.F32);
  }

  /// Random weights, larger where several are multiplied; lengths around 1.
  private static LoraSet random(LoraSet set) {
    try (Scope _ = new Scope();
        NoGrad _ = new NoGrad();
        RandomStream stream = RandomStream.cpu(7)) {
      boolean pairs = set.modules().getFirst().module().form() instanceof LoraForm.LowRank;
      set.weights().copy_(stream.randn(Dtype.F32, set.weights().numel()).mul(pairs ? 0.1 : 0.3));
      set.modules().stream()
          .filter(adapter -> adapter.module().decomposed())
          .forEach(adapter -> adapter.weight(LoraPart.MAGNITUDE).add_(1));
    }
    return set;
  }

  private static void fromFile(LoraSet set) {
    try (Scope _ = new Scope();
        NoGrad _ = new NoGrad();
        SafetensorsFile init = Golden.tensors("training/lora_init_dit.safetensors")) {
      for (LoraAdapter adapter : set.modules()) {
        adapter.down().copy_(Golden.tensor(init, adapter.module().name() + ".lora_down.weight"));
        adapter.up().copy_(Golden.tensor(init, adapter.module().name() + ".lora_up.weight"));
      }
    }
  }
}
