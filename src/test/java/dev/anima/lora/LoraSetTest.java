package dev.anima.lora;

import static dev.anima.Golden.assertClose;
import static org.assertj.core.api.Assertions.assertThat;

import dev.anima.Golden;
import dev.anima.engine.Device;
import dev.anima.engine.Dtype;
import dev.anima.engine.NoGrad;
import dev.anima.engine.Ops;
import dev.anima.engine.RandomStream;
import dev.anima.engine.Scope;
import dev.anima.engine.Tensor;
import dev.anima.io.SafetensorsFile;
import dev.anima.model.Adapters;
import java.util.List;
import java.util.OptionalDouble;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import tools.jackson.databind.JsonNode;

class LoraSetTest {
  private static final String FILE = "training/lora_module.safetensors";
  private static final String PATH = "blocks.0.mlp.layer1";
  private static final OptionalDouble OFF = OptionalDouble.empty();

  static IntStream cases() {
    return IntStream.range(0, index().get("cases").size());
  }

  private static JsonNode index() {
    return Golden.json("training/index.json").get("lora_module");
  }

  @ParameterizedTest(name = "case {0}")
  @MethodSource("cases")
  void trainingForwardMatchesTheReference(int number) {
    JsonNode golden = index().get("cases").get(number);
    String name = golden.get("name").stringValue();
    Dropouts dropouts =
        new Dropouts(
            optional(golden.get("dropout")),
            optional(golden.get("rank_dropout")),
            optional(golden.get("module_dropout")));
    try (Scope _ = new Scope();
        SafetensorsFile file = Golden.tensors(FILE);
        LoraSet set = goldenSet(file, dropouts)) {
      Tensor input = Golden.tensor(file, golden.get("input").stringValue());
      Tensor output = Ops.linear(input, Golden.tensor(file, "weight"));

      Tensor actual =
          set.training(Network.DIT, new Recorded(file, golden)).apply(PATH, input, output);

      assertClose(
          name,
          actual,
          Golden.tensor(file, name + "/output"),
          index().get("tolerance").get("output_max_abs").doubleValue());
    }
  }

  @Test
  void evaluationDropsNothing() {
    Dropouts all =
        new Dropouts(OptionalDouble.of(0.5), OptionalDouble.of(0.5), OptionalDouble.of(1));
    try (Scope _ = new Scope();
        SafetensorsFile file = Golden.tensors(FILE);
        LoraSet set = goldenSet(file, all)) {
      Tensor input = Golden.tensor(file, "x3");
      Tensor output = Ops.linear(input, Golden.tensor(file, "weight"));

      Tensor actual = set.evaluating(Network.DIT, 1).apply(PATH, input, output);

      assertClose("evaluation", actual, Golden.tensor(file, "plain/output"), 2e-6);
    }
  }

  @Test
  void otherLayersPassThrough() {
    try (Scope _ = new Scope();
        SafetensorsFile file = Golden.tensors(FILE);
        LoraSet set = goldenSet(file, Dropouts.NONE)) {
      Tensor output = Ops.zeros(Dtype.F32, Device.CPU, 1, 40);
      Adapters hook = set.evaluating(Network.DIT, 1);
      assertThat(hook.apply("blocks.1.mlp.layer1", output, output)).isSameAs(output);
      assertThat(set.evaluating(Network.TEXT_ENCODER, 1).apply(PATH, output, output))
          .isSameAs(output);
    }
  }

  @Test
  void rankDropoutMasksEverySampleOfAnImageBatchByItself() {
    LoraModule module = module(4, 8, 4, 4);
    Dropouts dropouts = new Dropouts(OFF, OptionalDouble.of(0.5), OFF);
    try (Scope _ = new Scope();
        LoraSet set = set(List.of(module), dropouts);
        RandomStream stream = RandomStream.cpu(7)) {
      set.weights().fill_(1);
      byte[] before = stream.state();
      Tensor kept = stream.rand(Dtype.F32, 2, 4).gt(0.5).to(Dtype.F32).sum(true, 1); // (2, 1)
      stream.restore(before);
      Tensor input = Ops.full(1, Dtype.F32, Device.CPU, 2, 1, 2, 2, 8);
      Tensor output = Ops.zeros(Dtype.F32, Device.CPU, 2, 1, 2, 2, 4);

      Tensor actual =
          set.training(Network.DIT, new StreamDraws(stream, stream)).apply(PATH, input, output);

      // Each kept rank unit gives 8; scale 1 / (1 - 0.5) = 2.
      Tensor expected = kept.mul(16).view(2, 1, 1, 1, 1).expand(2, 1, 2, 2, 4);
      assertClose("masked per sample", actual, expected, 0);
    }
  }

  @Test
  void dropoutDrawsAsTorchDoes() {
    try (Scope _ = new Scope();
        RandomStream ours = RandomStream.cpu(3);
        RandomStream theirs = RandomStream.cpu(3)) {
      Tensor like = Ops.zeros(Dtype.F32, Device.CPU, 5, 7);
      Tensor mask = new StreamDraws(ours, ours).element(like, 0.25);
      theirs.skip(2L * 35); // two words an element: spec/training.md §5.1
      assertThat(ours.state()).isEqualTo(theirs.state());
      assertThat(mask.eq(0).logicalNot().to(Dtype.F32).mul(1 / 0.75).sub(mask).abs().max().item())
          .isLessThan(1e-7);
    }
  }

  @Test
  void computesInTheDtypeOfTheLayer() {
    try (Scope _ = new Scope();
        SafetensorsFile file = Golden.tensors(FILE);
        LoraSet set = goldenSet(file, Dropouts.NONE)) {
      Tensor input = Golden.tensor(file, "x3").to(Dtype.BF16);
      Tensor weight = Golden.tensor(file, "weight").to(Dtype.BF16);
      Tensor down = Golden.tensor(file, "down").to(Dtype.BF16);
      Tensor up = Golden.tensor(file, "up").to(Dtype.BF16);
      Tensor output = Ops.linear(input, weight);

      Tensor actual = set.evaluating(Network.DIT, 1).apply(PATH, input, output);

      assertThat(actual.dtype()).isEqualTo(Dtype.BF16);
      Tensor expected = output.add(Ops.linear(Ops.linear(input, down), up).mul(0.5));
      assertClose("bf16", actual, expected, 0);
    }
  }

  @Test
  void backwardSumsIntoTheFlatBuffer() {
    LoraModule a = module(2, 3, 5, 2);
    LoraModule b = new LoraModule(Network.DIT, new LinearModule("blocks.1.mlp.layer1", 3, 5), 2, 2);
    try (Scope _ = new Scope();
        LoraSet set = set(List.of(a, b), Dropouts.NONE);
        RandomStream stream = RandomStream.cpu(1)) {
      stream.normal_(set.weights(), 0, 1);
      Tensor input = stream.randn(Dtype.F32, 4, 3);
      Tensor base = Ops.zeros(Dtype.F32, Device.CPU, 4, 5);
      Adapters hook = set.training(Network.DIT, new StreamDraws(stream, stream));

      hook.apply(PATH, input, base).sum().backward();
      hook.apply(PATH, input, base).sum().backward();

      // d sum(x A^T B^T) / dA = (sum_o B)^T (sum_x), / dB = 1 (sum_x A^T)
      LoraAdapter first = set.modules().getFirst();
      try (NoGrad _ = new NoGrad()) {
        Tensor sum = input.sum(true, 0); // (1, 3)
        Tensor down = first.up().sum(true, 0).t().matmul(sum).mul(2);
        Tensor up = sum.matmul(first.down().t()).expand(5, 2).mul(2);
        Tensor expected =
            Ops.cat(
                List.of(down.flatten(), up.reshape(10), Ops.zeros(Dtype.F32, Device.CPU, 16)), 0);
        assertClose("gradients", set.gradients(), expected, 1e-5);
      }
      assertThat(set.hasGradient(a.parameter(LoraPart.UP))).isTrue();
      assertThat(set.hasGradient(b.parameter(LoraPart.UP))).isFalse();

      set.clearGradients();
      assertThat(set.gradients().abs().max().item()).isZero();
      assertThat(set.hasGradient(a.parameter(LoraPart.UP))).isFalse();
    }
  }

  @Test
  void aDroppedModuleHasNoGradient() {
    LoraModule a = module(2, 3, 5, 2);
    Dropouts always = new Dropouts(OFF, OFF, OptionalDouble.of(1));
    try (Scope _ = new Scope();
        LoraSet set = set(List.of(a), always);
        RandomStream stream = RandomStream.cpu(1)) {
      Tensor output = Ops.zeros(Dtype.F32, Device.CPU, 4, 5);
      Tensor input = Ops.zeros(Dtype.F32, Device.CPU, 4, 3);
      assertThat(
              set.training(Network.DIT, new StreamDraws(stream, stream)).apply(PATH, input, output))
          .isSameAs(output);
      assertThat(set.hasGradient(a.parameter(LoraPart.DOWN))).isFalse();
    }
  }

  @Test
  void parametersOfNoGroupAreFrozen() {
    LoraModule a = module(2, 3, 5, 2);
    ParameterGroup ups = new ParameterGroup("unet plus", 1, List.of(a.parameter(LoraPart.UP)));
    try (Scope _ = new Scope();
        LoraSet set = new LoraSet(List.of(a), List.of(ups), Dropouts.NONE, Device.CPU, Dtype.F32)) {
      assertThat(set.layout().trainable()).isEqualTo(10);
      assertThat(set.layout().elements()).isEqualTo(16);
      assertThat(set.modules().getFirst().down().requiresGrad()).isFalse();
      assertThat(set.modules().getFirst().up().requiresGrad()).isTrue();
    }
  }

  @Test
  void setsSideBySideShareNothing() {
    LoraModule a = module(2, 3, 5, 2);
    try (Scope _ = new Scope();
        LoraSet one = set(List.of(a), Dropouts.NONE);
        LoraSet two = set(List.of(a), Dropouts.NONE)) {
      one.weights().fill_(1);
      Tensor input = Ops.full(1, Dtype.F32, Device.CPU, 1, 3);
      Tensor output = Ops.zeros(Dtype.F32, Device.CPU, 1, 5);
      assertThat(two.evaluating(Network.DIT, 1).apply(PATH, input, output).sum().item()).isZero();
      assertThat(one.evaluating(Network.DIT, 1).apply(PATH, input, output).sum().item())
          .isEqualTo(30);
    }
  }

  private static OptionalDouble optional(JsonNode node) {
    return node.isNull() ? OFF : OptionalDouble.of(node.doubleValue());
  }

  private static LoraModule module(int rank, int in, int out, double alpha) {
    return new LoraModule(Network.DIT, new LinearModule(PATH, in, out), rank, alpha);
  }

  static LoraSet set(List<LoraModule> modules, Dropouts dropouts) {
    List<LoraParameter> parameters =
        modules.stream().flatMap(m -> m.parameters().stream()).toList();
    ParameterGroup group = new ParameterGroup("unet", 1e-4, parameters);
    return new LoraSet(modules, List.of(group), dropouts, Device.CPU, Dtype.F32);
  }

  private static LoraSet goldenSet(SafetensorsFile file, Dropouts dropouts) {
    LoraSet set = set(List.of(module(8, 24, 40, 4)), dropouts);
    try (NoGrad _ = new NoGrad()) {
      set.modules().getFirst().down().copy_(Golden.tensor(file, "down"));
      set.modules().getFirst().up().copy_(Golden.tensor(file, "up"));
    }
    return set;
  }

  /// The draws in the golden file.
  private record Recorded(SafetensorsFile file, JsonNode golden) implements LoraDraws {
    @Override
    public float module() {
      return golden.get("module_draw").floatValue();
    }

    @Override
    public Tensor element(Tensor activations, double probability) {
      return recorded("dropout_keep").div(1 - probability);
    }

    @Override
    public Tensor rank(long batch, int rank, Device device) {
      return recorded("rank_draw");
    }

    @Override
    public Tensor rows(long rows, Device device) {
      throw new AssertionError("a LoRA drops no rows");
    }

    private Tensor recorded(String what) {
      return Golden.tensor(file, golden.get("name").stringValue() + "/" + what);
    }
  }
}
