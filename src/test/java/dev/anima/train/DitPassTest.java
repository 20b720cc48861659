package dev.anima.train;

import static dev.anima.Golden.assertClose;
import static org.assertj.core.api.Assertions.assertThat;

import dev.anima.Golden;
import dev.anima.engine.Device;
import dev.anima.engine.Dtype;
import dev.anima.engine.NoGrad;
import dev.anima.engine.RandomStream;
import dev.anima.engine.Scope;
import dev.anima.engine.Tensor;
import dev.anima.io.SafetensorsFile;
import dev.anima.lora.Dropouts;
import dev.anima.lora.LinearModules;
import dev.anima.lora.LoraAdapter;
import dev.anima.lora.LoraPlan;
import dev.anima.lora.LoraSet;
import dev.anima.lora.LoraSpec;
import dev.anima.lora.Network;
import dev.anima.lora.NetworkArgs;
import dev.anima.lora.ParameterGroup;
import dev.anima.lora.StreamDraws;
import dev.anima.model.Adapters;
import dev.anima.model.Placement;
import dev.anima.model.dit.AnimaDit;
import java.util.List;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// Both passes against the recorded gradients, and against each other with every dropout on.
class DitPassTest {
  @ParameterizedTest(name = "checkpointed {0}")
  @ValueSource(booleans = {false, true})
  void gradientsMatchTheReference(boolean checkpointed) {
    try (Scope _ = new Scope();
        AnimaDit dit = AnimaDit.load(Golden.path("tiny/dit.safetensors"), Placement.CPU_F32);
        LoraSet loras = loras(Dropouts.NONE);
        SafetensorsFile golden = Golden.tensors("training/grad_batch2.safetensors")) {
      Adapters adapters =
          loras.training(Network.DIT, new StreamDraws(RandomStream.cpu(0), RandomStream.cpu(0)));
      DitPass pass =
          checkpointed
              ? new CheckpointedPass(dit, adapters, List.of())
              : new PlainPass(dit, adapters);

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
            name, adapter.down().grad(), Golden.tensor(golden, name + ".lora_down.weight"), 3e-6);
        assertClose(
            name, adapter.up().grad(), Golden.tensor(golden, name + ".lora_up.weight"), 3e-6);
      }
    }
  }

  @Test
  void recomputingABlockDrawsTheSameDropouts() {
    Dropouts dropouts =
        new Dropouts(OptionalDouble.of(0.2), OptionalDouble.of(0.3), OptionalDouble.of(0.3));
    try (Scope _ = new Scope();
        AnimaDit dit = AnimaDit.load(Golden.path("tiny/dit.safetensors"), Placement.CPU_F32);
        SafetensorsFile golden = Golden.tensors("training/grad_batch2.safetensors")) {
      Run plain = run(dit, golden, dropouts, false);
      Run checkpointed = run(dit, golden, dropouts, true);

      assertThat(checkpointed.prediction()).isEqualTo(plain.prediction());
      assertThat(checkpointed.contextGradient()).hasSameSizeAs(plain.contextGradient());
      assertThat(plain.gradients()).isNotEqualTo(new float[plain.gradients().length]);
      assertSame("gradients", checkpointed.gradients(), plain.gradients());
      assertSame("context", checkpointed.contextGradient(), plain.contextGradient());
      assertThat(checkpointed.next()).as("stream after the pass").isEqualTo(plain.next());
    }
  }

  @SuppressWarnings("ArrayRecordComponent")
  private record Run(
      float[] prediction, float[] gradients, float[] contextGradient, float[] next) {}

  private static Run run(
      AnimaDit dit, SafetensorsFile golden, Dropouts dropouts, boolean checkpointed) {
    try (Scope _ = new Scope();
        RandomStream stream = RandomStream.cpu(5);
        LoraSet loras = loras(dropouts)) {
      Adapters adapters = loras.training(Network.DIT, new StreamDraws(stream, stream));
      DitPass pass =
          checkpointed
              ? new CheckpointedPass(dit, adapters, List.of(stream))
              : new PlainPass(dit, adapters);
      Tensor context = context(dit, golden).requiresGrad_(true);
      Tensor prediction =
          pass.forward(
              Golden.tensor(golden, "out/noisy").squeeze(2),
              Golden.tensor(golden, "out/timesteps"),
              context);
      Tensor contextGradient = pass.backward(prediction.mul(1e-3), true);
      assertThat(contextGradient).isNotNull();
      return new Run(
          prediction.toFloats(),
          loras.gradients().toFloats(),
          contextGradient == null ? new float[0] : contextGradient.toFloats(),
          stream.rand(Dtype.F32, 20).toFloats());
    }
  }

  private static void assertSame(String what, float[] actual, float[] expected) {
    Golden.assertClose(
        what,
        dev.anima.engine.Ops.of(actual, actual.length),
        dev.anima.engine.Ops.of(expected, expected.length),
        1e-6);
  }

  private static Tensor context(AnimaDit dit, SafetensorsFile golden) {
    try (SafetensorsFile text = Golden.tensors("training/text.safetensors")) {
      Tensor rows = Golden.tensor(golden, "in/captions");
      return dit.llmAdapter()
          .context(
              Golden.tensor(text, "prompt_embeds").indexSelect(0, rows),
              Golden.tensor(text, "attn_mask").indexSelect(0, rows),
              Golden.tensor(text, "t5_input_ids").indexSelect(0, rows),
              Golden.tensor(text, "t5_attn_mask").indexSelect(0, rows),
              Adapters.NONE);
    }
  }

  private static LoraSet loras(Dropouts dropouts) {
    LoraPlan.Layers layers;
    try (SafetensorsFile dit = Golden.tensors("tiny/dit.safetensors");
        SafetensorsFile qwen = Golden.tensors("tiny/qwen3.safetensors")) {
      layers = new LoraPlan.Layers(LinearModules.ofTextEncoder(qwen), LinearModules.ofDit(dit));
    }
    NetworkArgs args = NetworkArgs.NONE;
    LoraSpec spec =
        LoraSpec.of(OptionalInt.of(4), OptionalDouble.of(2), OptionalDouble.empty(), args);
    LoraPlan plan = LoraPlan.select(spec, layers, Set.of(Network.DIT));
    List<ParameterGroup> groups =
        ParameterGroup.of(
            plan,
            args,
            new ParameterGroup.LearningRates(1e-3, OptionalDouble.empty(), OptionalDouble.empty()));
    LoraSet set = new LoraSet(plan.trained(), groups, dropouts, Device.CPU, Dtype.F32);
    try (Scope _ = new Scope();
        NoGrad _ = new NoGrad();
        SafetensorsFile init = Golden.tensors("training/lora_init_dit.safetensors")) {
      for (LoraAdapter adapter : set.modules()) {
        adapter.down().copy_(Golden.tensor(init, adapter.module().name() + ".lora_down.weight"));
        adapter.up().copy_(Golden.tensor(init, adapter.module().name() + ".lora_up.weight"));
      }
    }
    return set;
  }
}
