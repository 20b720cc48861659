package dev.anima.lora;

import static dev.anima.Golden.assertClose;
import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

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
import dev.anima.io.SafetensorsWriter;
import dev.anima.io.TensorData;
import dev.anima.lora.LoraKeys.Style;
import dev.anima.model.change.Kept;
import dev.anima.model.change.RowDroppable;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import tools.jackson.databind.JsonNode;

/// LoHa, LoKr and DoRA against numbers of the reference's modules and of LyCORIS.
class AdapterGoldenTest {
  private static final String FILE = "adapters/adapters.safetensors";
  private static final JsonNode INDEX = Golden.json("adapters/index.json");
  private static final JsonNode TOLERANCE = INDEX.get("tolerance");
  private static final String PATH = "blocks.0.mlp.layer1";
  private static final LinearModule LAYER = new LinearModule(PATH, 24, 40);

  @TempDir Path folder;

  static Stream<JsonNode> forms() {
    return Stream.of(INDEX.get("forms")).flatMap(AdapterGoldenTest::stream);
  }

  static Stream<JsonNode> cases() {
    return stream(INDEX.get("cases"));
  }

  static Stream<JsonNode> networks() {
    return stream(INDEX.get("networks"));
  }

  private static Stream<JsonNode> stream(JsonNode array) {
    List<JsonNode> nodes = new ArrayList<>();
    array.forEach(nodes::add);
    return nodes.stream();
  }

  // ---- one layer ------------------------------------------------------------------------------

  @ParameterizedTest(name = "{0}")
  @MethodSource("cases")
  void forwardAndGradientsUnderAutograd(JsonNode golden) {
    String name = golden.get("name").stringValue();
    Dropouts dropouts =
        new Dropouts(
            OptionalDouble.empty(),
            optional(golden.get("rank_dropout")),
            optional(golden.get("module_dropout")));
    try (Scope _ = new Scope();
        SafetensorsFile file = Golden.tensors(FILE);
        LoraSet set = set(file, form(golden), dropouts)) {
      String input = golden.get("input").stringValue();
      Tensor x = Golden.tensor(file, input).requiresGrad_(true);
      Tensor base = Ops.linear(x, Golden.tensor(file, "weight"));

      Tensor y = set.training(Network.DIT, new Recorded(file, golden)).apply(PATH, x, base);
      y.backward(Golden.tensor(file, "d" + input));

      assertClose(name, y, Golden.tensor(file, name + "/output"), bound("output_max_abs"));
      assertClose(name, x.grad(), Golden.tensor(file, name + "/grad_input"), bound("grad_max_abs"));
      assertGradients(set, file, name);
    }
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("cases")
  void forwardAndGradientsByHand(JsonNode golden) {
    String name = golden.get("name").stringValue();
    OptionalDouble rank = optional(golden.get("rank_dropout"));
    try (Scope _ = new Scope();
        SafetensorsFile file = Golden.tensors(FILE);
        LoraSet set = set(file, form(golden), Dropouts.NONE);
        NoGrad _ = new NoGrad()) {
      String input = golden.get("input").stringValue();
      LoraAdapter adapter = set.modules().getFirst();
      RowDroppable change = (RowDroppable) adapter.change();
      Tensor x = Golden.tensor(file, input).view(-1, 24);
      Tensor dy = Golden.tensor(file, "d" + input).view(-1, 40);
      Tensor weight = Golden.tensor(file, "weight");
      Kept kept =
          rank.isEmpty()
              ? new Kept(null, adapter.scale())
              : new Kept(
                  Golden.tensor(file, name + "/row_draw").gt(rank.getAsDouble()).to(Dtype.F32),
                  adapter.scale() / (1 - rank.getAsDouble()));

      Tensor y = Ops.linear(x, weight);
      Tensor inner = change.inner(x);
      change.addTo(y, x, inner, kept);
      Tensor dx = dy.matmul(weight);
      change.backward(dy, x, inner, kept, dx);

      assertClose(
          name, y, Golden.tensor(file, name + "/output").view(-1, 40), bound("output_max_abs"));
      assertClose(
          name, dx, Golden.tensor(file, name + "/grad_input").view(-1, 24), bound("grad_max_abs"));
      assertGradients(set, file, name);
    }
  }

  private static void assertGradients(LoraSet set, SafetensorsFile file, String name) {
    LoraAdapter adapter = set.modules().getFirst();
    for (LoraParameter parameter : adapter.module().parameters()) {
      String gradient = name + "/grad/" + parameter.part().suffix();
      assertClose(
          gradient,
          requireNonNull(adapter.gradient(parameter.part())),
          Golden.tensor(file, gradient),
          bound("grad_max_abs"));
    }
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("forms")
  void baseWeightsMergeThem(JsonNode form) {
    String name = form.get("name").stringValue();
    try (Scope _ = new Scope();
        SafetensorsFile file = Golden.tensors(FILE);
        LoraSet set = set(file, form, Dropouts.NONE)) {
      Path saved = folder.resolve("one.safetensors");
      LoraSaver.save(set, saved, Map.of(), LoraSaver.Options.DEFAULT);
      LoraPlan.Layers layers = new LoraPlan.Layers(List.of(), List.of(LAYER));
      try (BaseWeights base = BaseWeights.open(List.of(saved), List.of(0.7), layers)) {
        assertClose(
            name,
            base.merge(Network.DIT, PATH, Golden.tensor(file, "weight")),
            Golden.tensor(file, name + "/merged_multiplier_0.7"),
            bound("merged_max_abs"));
      }
    }
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("forms")
  void normsAreThoseOfTheWholeMatrix(JsonNode form) {
    try (Scope _ = new Scope();
        SafetensorsFile file = Golden.tensors(FILE);
        LoraSet set = set(file, form, Dropouts.NONE);
        NoGrad _ = new NoGrad()) {
      LoraAdapter adapter = set.modules().getFirst();
      double norm = adapter.change().dense().to(Dtype.F64).norm().item() * adapter.scale();

      WeightNorms.Report report;
      try (WeightNorms.Pending pending = WeightNorms.limit(set, norm / 2)) {
        report = pending.report();
      }

      assertThat(report.scaled()).isEqualTo(1);
      assertThat(report.max()).isCloseTo(norm / 2, within(1e-6 * norm));
      assertThat(adapter.change().dense().norm().item() * adapter.scale())
          .isCloseTo(norm / 2, within(1e-6 * norm));
    }
  }

  // ---- whole networks -------------------------------------------------------------------------

  @Test
  void widthsAreFactorisedAsTheReferenceDoes() {
    for (JsonNode row : INDEX.get("factorisation")) {
      int width = row.get(0).intValue();
      int factor = row.get(1).intValue();
      LoraForm.Kronecker form =
          LoraForm.Kronecker.of(new LinearModule("x", width, width), 1, factor);
      assertThat(List.of(form.in1(), form.in2()))
          .as("%d by %d", width, factor)
          .containsExactly(row.get(2).intValue(), row.get(3).intValue());
    }
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("networks")
  void aSeedGivesTheReferencesModulesGroupsAndFirstWeights(JsonNode golden) {
    NetworkArgs args = args(golden);
    LoraPlan plan = plan(golden, args, Set.of(Network.values()));
    List<ParameterGroup> groups =
        ParameterGroup.of(
            plan,
            args,
            new ParameterGroup.LearningRates(0.3, OptionalDouble.of(0.1), OptionalDouble.of(0.01)));

    assertThat(plan.trained().stream().map(m -> List.<Object>of(m.name(), m.rank(), m.alpha())))
        .containsExactlyElementsOf(
            stream(golden.get("plan"))
                .map(m ->
                    List.<Object>of(
                        m.get(0).stringValue(), m.get(1).intValue(), m.get(2).doubleValue()))
                .toList());
    assertThat(groups).hasSize(golden.get("groups").size());
    for (int i = 0; i < groups.size(); i++) {
      JsonNode group = golden.get("groups").get(i);
      assertThat(groups.get(i).description()).isEqualTo(group.get("description").stringValue());
      assertThat(groups.get(i).learningRate())
          .isCloseTo(group.get("lr").doubleValue(), within(1e-12));
      assertThat(groups.get(i).parameters().stream().map(LoraParameter::name))
          .containsExactlyElementsOf(
              stream(group.get("params")).map(JsonNode::stringValue).toList());
    }
    try (Scope _ = new Scope();
        SafetensorsFile file = Golden.tensors(FILE);
        RandomStream stream = RandomStream.cpu(INDEX.get("seed").intValue());
        LoraSet set = LoraSet.frozen(plan.trained(), Device.CPU, Dtype.F32)) {
      LoraInit.draw(set, plan, stream);

      TreeSet<String> names = new TreeSet<>();
      for (TensorData tensor : LoraSaver.tensors(set, LoraSaver.Options.DEFAULT)) {
        names.add(tensor.name());
      }
      assertThat(names)
          .containsExactlyElementsOf(
              stream(golden.get("keys")).map(JsonNode::stringValue).toList());
      for (LoraAdapter adapter : set.modules()) {
        for (LoraParameter parameter : adapter.module().parameters()) {
          assertClose(
              parameter.name(),
              adapter.weight(parameter.part()),
              Golden.tensor(file, golden.get("name").stringValue() + "/" + parameter.name()),
              0);
        }
      }
    }
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("networks")
  void modulesThatAreOnlyCreatedAreDrawnToo(JsonNode golden) {
    LoraPlan both = plan(golden, args(golden), Set.of(Network.values()));
    LoraPlan dit = plan(golden, args(golden), Set.of(Network.DIT));
    try (Scope _ = new Scope();
        RandomStream one = RandomStream.cpu(4);
        RandomStream two = RandomStream.cpu(4);
        LoraSet whole = LoraSet.frozen(both.trained(), Device.CPU, Dtype.F32);
        LoraSet part = LoraSet.frozen(dit.trained(), Device.CPU, Dtype.F32)) {
      LoraInit.draw(whole, both, one);
      LoraInit.draw(part, dit, two);

      assertThat(one.state()).isEqualTo(two.state());
      LoraAdapter last = part.modules().getLast();
      LoraAdapter same = requireNonNull(whole.module(Network.DIT, last.module().path()));
      LoraPart first = last.module().parameters().getFirst().part();
      assertClose("last module", last.weight(first), same.weight(first), 0);
    }
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("networks")
  void aFileOfTheReferenceIsReadAndWrittenAlike(JsonNode golden) {
    String prefix = golden.get("name").stringValue() + "/";
    List<TensorData> tensors = new ArrayList<>();
    try (Scope _ = new Scope();
        SafetensorsFile file = Golden.tensors(FILE)) {
      for (JsonNode key : golden.get("keys")) {
        SafetensorsFile.Entry entry = file.entry(prefix + key.stringValue());
        tensors.add(
            new TensorData(
                key.stringValue(), entry.dtype(), entry.shape(), file.bytes(entry.name())));
      }
      Path theirs = folder.resolve("theirs.safetensors");
      SafetensorsWriter.write(theirs, tensors);
      LoraPlan.Layers layers = layers();
      try (LoraFile lora = LoraFile.open(theirs, LoraKeys.of(layers))) {
        assertThat(lora.unknownKeys()).isEmpty();
        LoraPlan plan = NetworkWeights.plan(lora, layers, Set.of(Network.values()), kind(golden));
        assertThat(plan.trained().stream().map(LoraModule::name))
            .containsExactlyInAnyOrderElementsOf(
                stream(golden.get("plan")).map(m -> m.get(0).stringValue()).toList());
        try (LoraSet set = LoraSet.frozen(plan.trained(), Device.CPU, Dtype.F32)) {
          NetworkWeights.load(set, lora, NetworkWeights.AlphaRule.CONSISTENT);
          Path ours = folder.resolve("ours.safetensors");
          SafetensorsWriter.write(
              ours,
              LoraSaver.tensors(
                  set, new LoraSaver.Options(Style.SD_SCRIPTS, Optional.empty(), false)));
          try (SafetensorsFile a = SafetensorsFile.open(theirs);
              SafetensorsFile b = SafetensorsFile.open(ours)) {
            assertThat(b.names()).containsExactlyInAnyOrderElementsOf(a.names());
            for (String name : a.names()) {
              assertClose(name, Golden.tensor(b, name), Golden.tensor(a, name), 0);
            }
          }
        }
      }
    }
  }

  // ---- DoRA -----------------------------------------------------------------------------------

  @Test
  void columnLengthsActAsInLycoris() {
    try (Scope _ = new Scope();
        SafetensorsFile file = Golden.tensors(FILE);
        LoraSet set = dora(file)) {
      LoraAdapter adapter = set.modules().getFirst();
      Tensor weight = Golden.tensor(file, "weight");
      assertClose(
          "first lengths", weight.norm(true, 0), Golden.tensor(file, "dora/columns/first"), 1e-6);
      Tensor x = Golden.tensor(file, "x3").requiresGrad_(true);
      dev.anima.model.Linear layer =
          new dev.anima.model.Linear(PATH, new dev.anima.model.FrozenMatrix.Dense(weight), null);

      Tensor y = layer.apply(x, set.training(Network.DIT, NO_DRAWS));
      y.backward(Golden.tensor(file, "dx3"));

      assertClose("output", y, Golden.tensor(file, "dora/columns/output"), 4e-6);
      assertClose("input", x.grad(), Golden.tensor(file, "dora/columns/grad_input"), 2e-5);
      assertClose(
          "lengths",
          requireNonNull(adapter.gradient(LoraPart.MAGNITUDE)),
          Golden.tensor(file, "dora/columns/grad/dora_scale"),
          2e-5);
      Tensor half = layer.apply(x, set.evaluating(Network.DIT, 0.5));
      Tensor plain = Ops.linear(x, weight);
      assertClose("half strength", half, plain.lerp(y, 0.5), 4e-6);
    }
  }

  @Test
  void bothKindsOfLengthsMergeAsInLycoris() {
    for (String axis : List.of("columns", "rows")) {
      try (Scope _ = new Scope();
          SafetensorsFile file = Golden.tensors(FILE)) {
        String module = "lora_unet_blocks_0_mlp_layer1.";
        Path saved = folder.resolve(axis + ".safetensors");
        SafetensorsWriter.write(
            saved,
            List.of(
                stored(file, "dora/lora_down.weight", module + "lora_down.weight"),
                stored(file, "dora/lora_up.weight", module + "lora_up.weight"),
                stored(file, "dora/" + axis + "/dora_scale", module + "dora_scale"),
                new TensorData(
                    module + "alpha", "F32", List.of(), LoraSaver.scalar(1.5, Dtype.F32))));
        LoraPlan.Layers layers = new LoraPlan.Layers(List.of(), List.of(LAYER));
        try (BaseWeights base = BaseWeights.open(List.of(saved), List.of(), layers)) {
          assertClose(
              axis,
              base.merge(Network.DIT, PATH, Golden.tensor(file, "weight")),
              Golden.tensor(file, "dora/" + axis + "/merged"),
              2e-6);
        }
      }
    }
  }

  private static LoraSet dora(SafetensorsFile file) {
    LoraModule module = new LoraModule(Network.DIT, LAYER, 3, 1.5, new LoraForm.LowRank(), true);
    LoraSet set = LoraSetTest.set(List.of(module), Dropouts.NONE);
    LoraAdapter adapter = set.modules().getFirst();
    try (NoGrad _ = new NoGrad()) {
      adapter.down().copy_(Golden.tensor(file, "dora/lora_down.weight"));
      adapter.up().copy_(Golden.tensor(file, "dora/lora_up.weight"));
      adapter.weight(LoraPart.MAGNITUDE).copy_(Golden.tensor(file, "dora/columns/dora_scale"));
    }
    return set;
  }

  // ---- helpers --------------------------------------------------------------------------------

  private static TensorData stored(SafetensorsFile file, String name, String as) {
    SafetensorsFile.Entry entry = file.entry(name);
    return new TensorData(as, entry.dtype(), entry.shape(), file.bytes(name));
  }

  private static double bound(String name) {
    return TOLERANCE.get(name).doubleValue();
  }

  private static JsonNode form(JsonNode golden) {
    return forms()
        .filter(form -> form.get("name").equals(golden.get("form")))
        .findFirst()
        .orElseThrow();
  }

  private static LoraSet set(SafetensorsFile file, JsonNode form, Dropouts dropouts) {
    String name = form.get("name").stringValue();
    boolean loha = name.startsWith("loha");
    NetworkArgs args =
        loha
            ? NetworkArgs.parse(NetworkKind.LOHA, List.of())
            : NetworkArgs.parse(
                NetworkKind.LOKR, List.of("factor=" + form.get("factor").intValue()));
    LoraModule module =
        LoraSpec.of(
                OptionalInt.of(form.get("rank").intValue()),
                OptionalDouble.of(form.get("alpha").doubleValue()),
                OptionalDouble.empty(),
                args)
            .module(Network.DIT, LAYER, form.get("rank").intValue());
    LoraSet set = LoraSetTest.set(List.of(module), dropouts);
    try (NoGrad _ = new NoGrad()) {
      LoraAdapter adapter = set.modules().getFirst();
      for (LoraParameter parameter : module.parameters()) {
        adapter
            .weight(parameter.part())
            .copy_(Golden.tensor(file, name + "/" + parameter.part().suffix()));
      }
    }
    return set;
  }

  private static NetworkKind kind(JsonNode golden) {
    return golden.get("module").stringValue().equals("loha") ? NetworkKind.LOHA : NetworkKind.LOKR;
  }

  private static NetworkArgs args(JsonNode golden) {
    return NetworkArgs.parse(
        kind(golden), stream(golden.get("args")).map(JsonNode::stringValue).toList());
  }

  private static LoraPlan plan(JsonNode golden, NetworkArgs args, Set<Network> networks) {
    LoraSpec spec =
        LoraSpec.of(
            OptionalInt.of(golden.get("rank").intValue()),
            OptionalDouble.of(golden.get("alpha").doubleValue()),
            OptionalDouble.empty(),
            args);
    return LoraPlan.select(spec, layers(), networks);
  }

  private static LoraPlan.Layers layers() {
    JsonNode layers = INDEX.get("layers");
    return new LoraPlan.Layers(linears(layers.get("text_encoder")), linears(layers.get("dit")));
  }

  private static List<LinearModule> linears(JsonNode rows) {
    return stream(rows)
        .map(row ->
            new LinearModule(
                row.get(0).stringValue(), row.get(1).intValue(), row.get(2).intValue()))
        .toList();
  }

  private static OptionalDouble optional(JsonNode node) {
    return node.isNull() ? OptionalDouble.empty() : OptionalDouble.of(node.doubleValue());
  }

  private static final LoraDraws NO_DRAWS =
      new LoraDraws() {
        @Override
        public float module() {
          throw new AssertionError("nothing to draw");
        }

        @Override
        public Tensor element(Tensor activations, double probability) {
          throw new AssertionError("nothing to draw");
        }

        @Override
        public Tensor rank(long batch, int rank, Device device) {
          throw new AssertionError("nothing to draw");
        }

        @Override
        public Tensor rows(long rows, Device device) {
          throw new AssertionError("nothing to draw");
        }
      };

  /// The draws in the golden file.
  private record Recorded(SafetensorsFile file, JsonNode golden) implements LoraDraws {
    @Override
    public float module() {
      return golden.get("module_draw").floatValue();
    }

    @Override
    public Tensor element(Tensor activations, double probability) {
      throw new AssertionError("no element dropout here");
    }

    @Override
    public Tensor rank(long batch, int rank, Device device) {
      throw new AssertionError("rows are dropped, not ranks");
    }

    @Override
    public Tensor rows(long rows, Device device) {
      return Golden.tensor(file, golden.get("name").stringValue() + "/row_draw");
    }
  }
}
