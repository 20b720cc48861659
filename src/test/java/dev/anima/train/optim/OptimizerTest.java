package dev.anima.train.optim;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.anima.Golden;
import dev.anima.engine.Device;
import dev.anima.engine.Dtype;
import dev.anima.engine.Ops;
import dev.anima.engine.RandomStream;
import dev.anima.engine.Scope;
import dev.anima.engine.Tensor;
import dev.anima.io.InputException;
import dev.anima.io.SafetensorsFile;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import tools.jackson.databind.JsonNode;

class OptimizerTest {
  private static final String[] NAMES = {"a", "b", "c"};
  private static final ParameterLayout LAYOUT =
      ParameterLayout.builder()
          .group("all", 1)
          .add("a", 64, 128)
          .add("b", 5000)
          .add("c", 32, 32)
          .build();
  private static final int STEPS = 8;

  /// Largest share of state codes that may differ (by one) from the recorded ones.
  private static final double CODE_SHARE = 0.001;

  static Stream<Arguments> recorded() {
    return Golden.json("training/index.json").at("/optimizers/optimizers").properties().stream()
        .map(entry -> Arguments.of(entry.getKey(), entry.getValue()));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("recorded")
  void followsTheReference(String name, JsonNode entry) {
    OptimizerChoice choice = choice(entry);
    double rate = entry.get("learning_rate").doubleValue();
    double atol = choice.name().equals("AdamW") ? 1e-6 : 2e-6;
    try (SafetensorsFile file = Golden.tensors("training/optimizers.safetensors");
        Scope _ = new Scope()) {
      Tensor values = flat(file, "init");
      FlatParameters parameters = new FlatParameters(values, LAYOUT);
      try (Optimizer optimizer = choice.create(parameters, rate)) {
        for (int step = 0; step < STEPS; step++) {
          optimizer.update(flat(file, "grad" + step), all(), new double[] {rate});
          String prefix = name + "/step" + step;
          if (file.names().contains(prefix + "/a")) {
            Golden.assertClose(prefix, values, flat(file, prefix), atol);
            if (name.equals("AdamW8bit")) {
              assertStates(prefix, optimizer, file);
            }
          }
        }
        if (file.names().contains(name + "/eval/a")) {
          optimizer.eval();
          Golden.assertClose(name + "/eval", values, flat(file, name + "/eval"), atol);
          optimizer.train();
          Golden.assertClose(name + "/train", values, flat(file, name + "/step7"), atol);
        }
      }
    }
    assertThat(choice.pythonName()).startsWith(entry.get("class").stringValue());
  }

  private static void assertStates(String prefix, Optimizer optimizer, SafetensorsFile file) {
    Map<String, Tensor> state = optimizer.state();
    for (String which : List.of("1", "2")) {
      Tensor codes =
          Ops.cat(
              List.of(
                  Golden.tensor(file, prefix + "/a.state" + which).flatten(),
                  Golden.tensor(file, prefix + "/b.state" + which)),
              0);
      Tensor off =
          requireNonNull(state.get("state" + which + ".codes"))
              .to(Dtype.F32)
              .sub(codes.to(Dtype.F32))
              .abs();
      assertThat(off.max().item()).as("%s codes %s", prefix, which).isLessThanOrEqualTo(1);
      assertThat(off.mean().item())
          .as("%s codes %s", prefix, which)
          .isLessThanOrEqualTo(CODE_SHARE);
      Tensor scales =
          Ops.cat(
              List.of(
                  Golden.tensor(file, prefix + "/a.absmax" + which),
                  Golden.tensor(file, prefix + "/b.absmax" + which)),
              0);
      Golden.assertClose(
          prefix + " absmax" + which,
          requireNonNull(state.get("state" + which + ".absmax")),
          scales,
          2e-6);
      Golden.assertClose(
          prefix + " small" + which,
          requireNonNull(state.get("state" + which + ".small")),
          Golden.tensor(file, prefix + "/c.state" + which).flatten(),
          2e-6);
    }
  }

  static List<OptimizerChoice> everyKind() {
    return List.of(
        choice("AdamW", "weight_decay", 0.1),
        choice("AdamW", "weight_decay", 0.1, "amsgrad", true),
        choice("AdamW8bit", "weight_decay", 0.1),
        choice("PagedAdamW"),
        choice("Lion", "weight_decay", 0.1),
        choice("Lion8bit", "weight_decay", 0.1),
        choice("SGDNesterov", "weight_decay", 0.1),
        choice("SGDNesterov8bit", "weight_decay", 0.1),
        choice("Adafactor", "weight_decay", 0.1),
        choice("Adafactor", "relative_step", false, "beta1", 0.9),
        choice("Prodigy", "weight_decay", 0.1),
        choice("Prodigy", "slice_p", 11L, "decouple", false, "weight_decay", 0.1),
        choice("AdamWScheduleFree", "warmup_steps", 3L),
        choice("RAdamScheduleFree", "silent_sgd_phase", false),
        choice("SGDScheduleFree", "weight_decay", 0.1),
        choice("CAME", "weight_decay", 0.1),
        choice("Muon"),
        choice("Adam", "weight_decay", 0.1),
        choice("SGD", "momentum", 0.9, "dampening", 0.5),
        choice("DAdaptation", "d0", 1e-3),
        choice("DAdaptAdam", "d0", 1e-3, "use_bias_correction", true, "weight_decay", 0.1),
        choice("DAdaptAdaGrad", "d0", 1e-3),
        choice("DAdaptAdan", "d0", 1e-3),
        choice("DAdaptAdanIP", "d0", 1e-3),
        choice("DAdaptLion", "d0", 1e-3),
        choice("DAdaptSGD", "d0", 1e-1, "momentum", 0.5),
        choice("ProdigyPlusScheduleFree", "d0", 1e-3),
        choice("ProdigyPlusScheduleFree", "d0", 1e-3, "use_speed", true, "use_adopt", true),
        choice("ProdigyPlusScheduleFree", "d0", 1e-3, "use_schedulefree", false));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("everyKind")
  void aRestoredStateContinuesToTheSameBits(OptimizerChoice choice) {
    try (Scope _ = new Scope();
        RandomStream random = RandomStream.cpu(5)) {
      List<Tensor> gradients = gradients(random, 6);
      Tensor straight = random.randn(Dtype.F32, LAYOUT.size());
      Tensor resumed = straight.copy();
      double[] rate = {0.01};
      try (Optimizer optimizer = choice.create(new FlatParameters(straight, LAYOUT), 0.01)) {
        gradients.forEach(gradient -> optimizer.update(gradient, all(), rate));
      }
      Map<String, Tensor> saved = new LinkedHashMap<>();
      try (Optimizer optimizer = choice.create(new FlatParameters(resumed, LAYOUT), 0.01)) {
        gradients.subList(0, 3).forEach(gradient -> optimizer.update(gradient, all(), rate));
        optimizer.eval();
        optimizer.train();
        optimizer.state().forEach((name, tensor) -> saved.put(name, tensor.copy()));
      }
      try (Optimizer optimizer = choice.create(new FlatParameters(resumed, LAYOUT), 0.01)) {
        optimizer.restore(saved);
        gradients.subList(3, 6).forEach(gradient -> optimizer.update(gradient, all(), rate));
      }
      assertThat(resumed.toFloats()).isEqualTo(straight.toFloats());
    }
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("everyKind")
  void slotsWithoutGradientAreLeftAlone(OptimizerChoice choice) {
    try (Scope _ = new Scope();
        RandomStream random = RandomStream.cpu(6)) {
      List<Tensor> gradients = gradients(random, 4);
      Tensor skipping = random.randn(Dtype.F32, LAYOUT.size());
      Tensor alone = skipping.narrow(0, 0, LAYOUT.slots().getFirst().length()).copy();
      Tensor before = skipping.copy();
      BitSet onlyA = new BitSet();
      onlyA.set(0);
      ParameterLayout layoutA = ParameterLayout.builder().group("all", 1).add("a", 64, 128).build();
      double[] rate = {0.01};
      try (Optimizer all = choice.create(new FlatParameters(skipping, LAYOUT), 0.01);
          Optimizer one = choice.create(new FlatParameters(alone, layoutA), 0.01)) {
        for (Tensor gradient : gradients) {
          all.update(gradient, onlyA, rate);
          one.update(gradient.narrow(0, 0, alone.numel()).contiguous(), onlyA, rate);
        }
      }
      long a = alone.numel();
      assertThat(skipping.narrow(0, 0, a).toFloats()).isEqualTo(alone.toFloats());
      assertThat(alone.toFloats()).isNotEqualTo(before.narrow(0, 0, a).toFloats());
      assertThat(skipping.narrow(0, a, LAYOUT.size() - a).toFloats())
          .isEqualTo(before.narrow(0, a, LAYOUT.size() - a).toFloats());
    }
  }

  /// Slots of different ages are updated apart, and each as if it were alone.
  @Test
  void everySlotCountsItsOwnSteps() {
    OptimizerChoice choice = choice("AdamW");
    try (Scope _ = new Scope();
        RandomStream random = RandomStream.cpu(7)) {
      List<Tensor> gradients = gradients(random, 4);
      Tensor values = random.randn(Dtype.F32, LAYOUT.size());
      Tensor alone = values.narrow(0, 8192, 5000).copy();
      ParameterLayout layoutB = ParameterLayout.builder().group("all", 1).add("b", 5000).build();
      double[] rate = {0.01};
      try (Optimizer all = choice.create(new FlatParameters(values, LAYOUT), 0.01);
          Optimizer one = choice.create(new FlatParameters(alone, layoutB), 0.01)) {
        for (int step = 0; step < 4; step++) {
          BitSet slots = all();
          slots.set(1, step % 2 == 1); // b has a gradient every second time
          all.update(gradients.get(step), slots, rate);
          if (step % 2 == 1) {
            one.update(
                gradients.get(step).narrow(0, 8192, 5000).contiguous(),
                BitSet.valueOf(new long[] {1}),
                rate);
          }
        }
      }
      assertThat(values.narrow(0, 8192, 5000).toFloats()).isEqualTo(alone.toFloats());
    }
  }

  @Test
  void groupsHaveTheirOwnLearningRates() {
    ParameterLayout layout =
        ParameterLayout.builder()
            .group("one", 1e-3)
            .add("a", 10)
            .add("b", 20)
            .group("two", 1e-4)
            .add("c", 30)
            .build();
    try (Scope _ = new Scope()) {
      Tensor values = Ops.zeros(Dtype.F32, Device.CPU, 60);
      try (Optimizer optimizer = choice("Lion").create(new FlatParameters(values, layout), 1e-3)) {
        optimizer.update(Ops.full(1, Dtype.F32, Device.CPU, 60), all(), new double[] {0.5, 0.25});
      }
      float[] expected = new float[60];
      Arrays.fill(expected, 0, 30, -0.5f);
      Arrays.fill(expected, 30, 60, -0.25f);
      assertThat(values.toFloats()).isEqualTo(expected);
    }
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("everyKind")
  void aForeignStateIsRefused(OptimizerChoice choice) {
    try (Scope _ = new Scope();
        Optimizer optimizer =
            choice.create(
                new FlatParameters(Ops.zeros(Dtype.F32, Device.CPU, LAYOUT.size()), LAYOUT),
                0.01)) {
      assertThatThrownBy(() -> optimizer.restore(Map.of()))
          .isInstanceOf(InputException.class)
          .hasMessageContaining("another optimizer");
      Map<String, Tensor> wrong = optimizer.state();
      wrong.replaceAll((_, _) -> Ops.zeros(Dtype.F32, Device.CPU, 3, 3));
      assertThatThrownBy(() -> optimizer.restore(wrong))
          .isInstanceOf(InputException.class)
          .hasMessageContaining("another network");
    }
  }

  @Test
  void theTwoKernelOrdersDifferBelowTheQuantisationNoise() {
    OptimizerChoice choice = choice("AdamW8bit", "weight_decay", 0.1);
    try (Scope _ = new Scope();
        RandomStream random = RandomStream.cpu(8)) {
      Tensor onCpu = random.randn(Dtype.F32, LAYOUT.size());
      Tensor onCuda = onCpu.copy();
      Tensor start = onCpu.copy();
      double[] rate = {0.01};
      try (Optimizer cpu = choice.create(new FlatParameters(onCpu, LAYOUT), 0.01, KernelOrder.CPU);
          Optimizer cuda =
              choice.create(new FlatParameters(onCuda, LAYOUT), 0.01, KernelOrder.CUDA)) {
        for (Tensor gradient : gradients(random, 5)) {
          cpu.update(gradient, all(), rate);
          cuda.update(gradient, all(), rate);
        }
      }
      double moved = onCpu.sub(start).norm().item();
      assertThat(onCuda.sub(onCpu).norm().item() / moved).isBetween(1e-7, 0.02);
    }
  }

  @Test
  void onCudaABrokenGradientLeavesItsValueAlone() {
    OptimizerChoice choice = choice("AdamW8bit", "weight_decay", 0.1);
    try (Scope _ = new Scope()) {
      Tensor values = Ops.full(1, Dtype.F32, Device.CPU, LAYOUT.size());
      Tensor gradient = Ops.full(1, Dtype.F32, Device.CPU, LAYOUT.size());
      gradient.narrow(0, 3, 1).fill_(Double.NaN);
      try (Optimizer cuda =
          choice.create(new FlatParameters(values, LAYOUT), 0.01, KernelOrder.CUDA)) {
        cuda.update(gradient, all(), new double[] {0.01});
      }
      float[] after = values.toFloats();
      assertThat(after[3]).isEqualTo(1f);
      assertThat(after[2]).isLessThan(1f).isEqualTo(after[4]);
    }
  }

  /// `--full_bf16`: the same way, as well as bf16 can hold it.
  @ParameterizedTest(name = "{0}")
  @MethodSource("everyKind")
  void bf16ParametersGoTheSameWay(OptimizerChoice choice) {
    try (Scope _ = new Scope();
        RandomStream random = RandomStream.cpu(10)) {
      Tensor start = random.randn(Dtype.F32, LAYOUT.size()).mul(0.01).to(Dtype.BF16);
      Tensor full = start.to(Dtype.F32);
      Tensor half = start.copy();
      double[] rate = {0.01};
      try (Optimizer inFull = choice.create(new FlatParameters(full, LAYOUT), 0.01);
          Optimizer inHalf = choice.create(new FlatParameters(half, LAYOUT), 0.01)) {
        for (Tensor gradient : gradients(random, 3)) {
          Tensor rounded = gradient.to(Dtype.BF16);
          inFull.update(rounded.to(Dtype.F32), all(), rate);
          inHalf.update(rounded, all(), rate);
        }
      }
      assertThat(half.dtype()).isEqualTo(Dtype.BF16);
      double moved = full.sub(start).norm().item();
      double apart = half.to(Dtype.F32).sub(full).norm().item();
      double grain = full.norm().item() / 256; // bf16 keeps 8 bits
      assertThat(apart).isLessThan(0.1 * moved + 2 * grain);
    }
  }

  /// Updates of 1/1000 of the weights are below bf16's grain: rounded to the nearest, none gets
  /// through.
  @Test
  void keptRoundingErrorsLetSmallUpdatesThrough() {
    try (Scope _ = new Scope()) {
      Tensor gradient = Ops.full(1, Dtype.BF16, Device.CPU, LAYOUT.size());
      for (WeightRounding rounding : WeightRounding.values()) {
        Tensor values = Ops.full(1, Dtype.BF16, Device.CPU, LAYOUT.size());
        try (Optimizer lion =
            choice("Lion").with(rounding).create(new FlatParameters(values, LAYOUT), 0.001)) {
          for (int step = 0; step < 100; step++) {
            lion.update(gradient, all(), new double[] {0.001});
          }
        }
        double mean = values.to(Dtype.F32).mean().item();
        switch (rounding) {
          case NEAREST -> assertThat(mean).isEqualTo(1);
          case STOCHASTIC -> assertThat(mean).isCloseTo(0.9, within(0.002));
          case KAHAN -> assertThat(mean).isCloseTo(0.9, within(0.004)); // half a grain, for all
        }
      }
    }
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("everyKind")
  void keptRoundingErrorsContinueToTheSameBits(OptimizerChoice kind) {
    for (WeightRounding rounding : List.of(WeightRounding.STOCHASTIC, WeightRounding.KAHAN)) {
      OptimizerChoice choice = kind.with(rounding);
      try (Scope _ = new Scope();
          RandomStream random = RandomStream.cpu(5)) {
        List<Tensor> gradients =
            gradients(random, 6).stream().map(gradient -> gradient.to(Dtype.BF16)).toList();
        Tensor straight = random.randn(Dtype.F32, LAYOUT.size()).to(Dtype.BF16);
        Tensor resumed = straight.copy();
        double[] rate = {0.01};
        try (Optimizer optimizer = choice.create(new FlatParameters(straight, LAYOUT), 0.01)) {
          gradients.forEach(gradient -> optimizer.update(gradient, all(), rate));
        }
        Map<String, Tensor> saved = new LinkedHashMap<>();
        try (Optimizer optimizer = choice.create(new FlatParameters(resumed, LAYOUT), 0.01)) {
          gradients.subList(0, 3).forEach(gradient -> optimizer.update(gradient, all(), rate));
          optimizer.state().forEach((name, tensor) -> saved.put(name, tensor.copy()));
        }
        try (Optimizer optimizer = choice.create(new FlatParameters(resumed, LAYOUT), 0.01)) {
          optimizer.restore(saved);
          gradients.subList(3, 6).forEach(gradient -> optimizer.update(gradient, all(), rate));
        }
        assertThat(resumed.toFloats()).as("%s", rounding).isEqualTo(straight.toFloats());
      }
    }
  }

  /// What compensation is for: as close to float32 weights as 16 bits of them can be.
  @ParameterizedTest(name = "{0}")
  @MethodSource("everyKind")
  void compensatedWeightsStayCloserThanRoundedOnes(OptimizerChoice choice) {
    try (Scope _ = new Scope();
        RandomStream random = RandomStream.cpu(11)) {
      Tensor start = random.randn(Dtype.F32, LAYOUT.size()).to(Dtype.BF16);
      Tensor exact = start.to(Dtype.F32);
      Tensor rounded = start.copy();
      Tensor compensated = start.copy();
      double[] rate = {1e-3};
      try (Optimizer inFull = choice.create(new FlatParameters(exact, LAYOUT), 1e-3);
          Optimizer inHalf = choice.create(new FlatParameters(rounded, LAYOUT), 1e-3);
          Optimizer kept =
              choice
                  .with(WeightRounding.KAHAN)
                  .create(new FlatParameters(compensated, LAYOUT), 1e-3)) {
        Tensor gradient = random.randn(Dtype.F32, LAYOUT.size()).to(Dtype.BF16);
        for (int step = 0; step < 20; step++) {
          inFull.update(gradient.to(Dtype.F32), all(), rate);
          inHalf.update(gradient, all(), rate);
          kept.update(gradient, all(), rate);
        }
      }
      double lossy = rounded.to(Dtype.F32).sub(exact).norm().item();
      double grain = exact.norm().item() / 512; // of the bf16 weights themselves
      assertThat(compensated.to(Dtype.F32).sub(exact).norm().item())
          .isLessThan(Math.max(1.05 * lossy, grain));
    }
  }

  /// Matrices of one shape are orthogonalised together, and each as if it were alone.
  @Test
  void muonTreatsEqualShapesAlike() {
    ParameterLayout together =
        ParameterLayout.builder()
            .group("all", 0.02)
            .add("a", 48, 8)
            .add("b", 8, 64)
            .add("c", 48, 8)
            .add("d", 48, 8)
            .build();
    try (Scope _ = new Scope();
        RandomStream random = RandomStream.cpu(12)) {
      Tensor values = random.randn(Dtype.F32, together.size());
      Tensor start = values.copy();
      Tensor gradient = random.randn(Dtype.F32, together.size());
      BitSet slots = new BitSet();
      slots.set(0, 4);
      try (Optimizer muon = choice("Muon").create(new FlatParameters(values, together), 0.02)) {
        muon.update(gradient, slots, new double[] {0.02});
      }
      for (ParameterLayout.Slot slot : together.slots()) {
        Tensor alone = start.narrow(0, slot.offset(), slot.length()).copy();
        ParameterLayout own =
            ParameterLayout.builder().group("all", 0.02).add("x", slot.shapeArray()).build();
        try (Optimizer muon = choice("Muon").create(new FlatParameters(alone, own), 0.02)) {
          muon.update(
              gradient.narrow(0, slot.offset(), slot.length()).contiguous(),
              BitSet.valueOf(new long[] {1}),
              new double[] {0.02});
        }
        Tensor batched = values.narrow(0, slot.offset(), slot.length());
        double moved = start.narrow(0, slot.offset(), slot.length()).sub(alone).norm().item();
        assertThat(batched.sub(alone).norm().item()).isLessThan(0.01 * moved); // bf16 products
      }
    }
  }

  private static List<Tensor> gradients(RandomStream random, int count) {
    List<Tensor> gradients = new ArrayList<>();
    IntStream.range(0, count).forEach(_ -> gradients.add(random.randn(Dtype.F32, LAYOUT.size())));
    return gradients;
  }

  private static BitSet all() {
    BitSet all = new BitSet();
    all.set(0, NAMES.length);
    return all;
  }

  private static Tensor flat(SafetensorsFile file, String prefix) {
    return Ops.cat(
        Stream.of(NAMES).map(n -> Golden.tensor(file, prefix + "/" + n).flatten()).toList(), 0);
  }

  private static OptimizerChoice choice(String type, Object... pairs) {
    Map<String, @Nullable Object> arguments = new LinkedHashMap<>();
    for (int i = 0; i < pairs.length; i += 2) {
      arguments.put((String) pairs[i], pairs[i + 1]);
    }
    return OptimizerChoice.parse(type, arguments);
  }

  private static OptimizerChoice choice(JsonNode entry) {
    String type = "";
    Map<String, @Nullable Object> arguments = new LinkedHashMap<>();
    for (JsonNode word : entry.get("flags")) {
      String[] pair = word.stringValue().split("=", 2);
      if (pair[0].equals("--optimizer_type")) {
        type = pair[1];
      } else if (!pair[0].startsWith("--")) {
        arguments.put(pair[0], literal(pair[1]));
      }
    }
    return OptimizerChoice.parse(type, arguments);
  }

  private static Object literal(String text) {
    if (text.startsWith("(")) {
      return Stream.of(text.substring(1, text.length() - 1).split(","))
          .map(Double::valueOf)
          .toList();
    }
    if (text.equals("True") || text.equals("False")) {
      return text.equals("True");
    }
    return text.contains(".") ? (Object) Double.valueOf(text) : Long.valueOf(text);
  }
}
