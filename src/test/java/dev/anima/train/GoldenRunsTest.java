package dev.anima.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.anima.Golden;
import dev.anima.engine.Dtype;
import dev.anima.engine.Scope;
import dev.anima.engine.Tensor;
import dev.anima.io.SafetensorsFile;
import dev.anima.lora.LoraAdapter;
import dev.anima.lora.LoraParameter;
import dev.anima.lora.WeightNorms;
import dev.anima.train.optim.Gradients;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import tools.jackson.databind.JsonNode;

/// The recorded single steps and training loops of the reference (`training/index.json`).
///
/// The index bounds losses, predictions, gradients and weights. The norms of gradients and the
/// rates have no bound of their own there; theirs is beside each check.
class GoldenRunsTest {
  private static final JsonNode RUNS = Golden.json("training/index.json").get("runs");

  /// Of the weights with 8-bit states one in so many may be off by more, if by less than a step: a
  /// code on a rounding edge falls either way (the README allows as many codes), and the reference
  /// itself leaves the index's bound when its kernels are others. [EightBitLoopTest] has the
  /// figures, and holds every link of that run to its bound with no weight left out.
  private static final long EDGES = 1000;

  @TempDir Path folder;

  /// @param variant of the flags, empty for the recorded ones
  /// @param asReference through autograd over padded text, else the way that training goes
  record Case(String name, String variant, List<String> flags, boolean asReference) {
    JsonNode golden() {
      return RUNS.get(name);
    }

    @Override
    public String toString() {
      return name
          + (variant.isEmpty() ? "" : " with " + variant)
          + (asReference ? ", operation for operation" : ", as trained");
    }
  }

  static Stream<Case> steps() {
    return cases("single step");
  }

  static Stream<Case> loops() {
    return cases("training loop");
  }

  private static Stream<Case> cases(String kind) {
    List<Case> cases = new ArrayList<>();
    RUNS.properties()
        .forEach(run -> {
          if (!run.getValue().get("kind").stringValue().equals(kind)) {
            return;
          }
          for (boolean asReference : new boolean[] {true, false}) {
            cases.add(new Case(run.getKey(), "", flags(run.getValue()), asReference));
          }
          JsonNode same = run.getValue().get("same_result_with");
          if (same != null) {
            same.properties()
                .forEach(variant ->
                    cases.add(
                        new Case(
                            run.getKey(), variant.getKey(), flags(variant.getValue()), false)));
          }
        });
    return cases.stream();
  }

  private static List<String> flags(JsonNode node) {
    List<String> flags = new ArrayList<>();
    node.get("flags").forEach(flag -> flags.add(flag.stringValue()));
    return flags;
  }

  // ---- single steps ---------------------------------------------------------------------------

  @ParameterizedTest(name = "{0}")
  @MethodSource("steps")
  void oneStepMatchesTheReference(Case which) {
    JsonNode tolerance = which.golden().get("tolerance");
    try (Scope _ = new Scope();
        GoldenRun run = new GoldenRun(which.golden(), which.flags(), folder, which.asReference());
        SafetensorsFile golden =
            Golden.tensors("training/" + which.golden().get("file").stringValue())) {
      GoldenRun.Outcome outcome = run.microBatch(golden, "in/");

      assertModelInput(run, outcome, golden);
      assertThat(outcome.loss())
          .isCloseTo(
              which.golden().get("loss").doubleValue(),
              within(tolerance.get("loss").doubleValue()));
      if (tolerance.has("pred_max_abs")) {
        Golden.assertClose(
            "prediction",
            outcome.prediction(),
            Golden.tensor(golden, "out/pred").squeeze(2),
            tolerance.get("pred_max_abs").doubleValue());
      }
      assertGradients(which.golden(), run, golden);
    }
  }

  /// Both are elementwise, so only the last digits may differ: 2e-4 on the 0..1000 scale is the
  /// bound for timesteps; what is noisy is at most some five long.
  private static void assertModelInput(
      GoldenRun run, GoldenRun.Outcome outcome, SafetensorsFile golden) {
    Tensor noisy = Golden.tensor(golden, "out/noisy").squeeze(2);
    Tensor timesteps = Golden.tensor(golden, "out/timesteps");
    assertThat(outcome.noisy().noisy().dtype()).isEqualTo(noisy.dtype());
    assertThat(outcome.noisy().timesteps().dtype()).isEqualTo(timesteps.dtype());
    boolean single = run.setup().dtype() == Dtype.F32;
    Golden.assertClose("noisy", outcome.noisy().noisy(), noisy, single ? 1e-6 : 0);
    Golden.assertClose("timesteps", outcome.noisy().timesteps(), timesteps, single ? 2e-7 : 0);
  }

  private static void assertGradients(JsonNode run, GoldenRun ours, SafetensorsFile golden) {
    List<Tensor> actual = new ArrayList<>();
    List<Tensor> expected = new ArrayList<>();
    TreeSet<String> names = new TreeSet<>();
    for (LoraAdapter adapter : ours.loras().modules()) {
      for (LoraParameter parameter : adapter.module().parameters()) {
        String name = "grad/" + parameter.name();
        names.add(name);
        actual.add(adapter.weight(parameter.part()).grad());
        expected.add(Golden.tensor(golden, name));
      }
    }
    assertThat(names)
        .hasSize(run.get("gradients").intValue())
        .containsExactlyInAnyOrderElementsOf(
            golden.names().stream().filter(name -> name.startsWith("grad/")).toList());

    Tensor a = GoldenRun.flat(actual);
    Tensor b = GoldenRun.flat(expected);
    JsonNode tolerance = run.get("tolerance");
    double relative = relative(a, b, b);
    double bound =
        tolerance
            .path("grad_rel_l2")
            .doubleValue(tolerance.path("grad_rel_l2_to_this").doubleValue(0));
    assertThat(relative).as("relative distance of the gradients").isLessThanOrEqualTo(bound);
    if (tolerance.has("grad_max_abs")) {
      Golden.assertClose("gradients", a, b, tolerance.get("grad_max_abs").doubleValue());
    }
    if (tolerance.has("grad_cosine_min")) {
      double cosine = a.mul(b).sum().item() / (a.norm().item() * b.norm().item());
      assertThat(cosine).isGreaterThanOrEqualTo(tolerance.get("grad_cosine_min").doubleValue());
    }
    // A norm is no further off than its vector.
    double norm = run.get("grad_norm").doubleValue();
    assertThat(Gradients.norm(ours.loras().gradients()).item())
        .as("norm of the gradients")
        .isCloseTo(norm, within(norm * bound));
  }

  // ---- loops ----------------------------------------------------------------------------------

  @ParameterizedTest(name = "{0}")
  @MethodSource("loops")
  void loopMatchesTheReference(Case which) {
    JsonNode golden = which.golden();
    try (Scope _ = new Scope();
        GoldenRun run = new GoldenRun(golden, which.flags(), folder, which.asReference());
        SafetensorsFile samples =
            Golden.tensors(
                "training/"
                    + golden.path("samples_file").stringValue(golden.get("file").stringValue()));
        SafetensorsFile result = Golden.tensors("training/" + golden.get("file").stringValue())) {
      assertThat(run.learner().groups())
          .containsExactlyElementsOf(strings(golden.get("lr_groups")));
      Tensor initial = weights(run);

      Recording ours = train(run, samples, golden.get("loss").size());

      ours.assertSame(golden);
      assertWeights(golden.get("tolerance"), run, initial, result);
    }
  }

  /// What a loop reports.
  ///
  /// @param losses per micro-batch
  /// @param norms of the gradients per step, before clipping
  /// @param rates per step and group
  /// @param reports of `--scale_weight_norms` per micro-batch
  private record Recording(
      List<Double> losses,
      List<Double> norms,
      List<List<Double>> rates,
      List<WeightNorms.Report> reports) {

    void assertSame(JsonNode golden) {
      double maxLoss = golden.get("tolerance").get("loss_max_abs").doubleValue();
      for (int i = 0; i < losses.size(); i++) {
        assertThat(losses.get(i))
            .as("loss " + i)
            .isCloseTo(golden.get("loss").get(i).doubleValue(), within(maxLoss));
      }
      assertThat(norms).hasSize(golden.get("grad_norm").size());
      for (int i = 0; i < norms.size(); i++) {
        JsonNode norm = golden.get("grad_norm").get(i); // null without clipping
        if (!norm.isNull()) {
          double expected = norm.doubleValue();
          assertThat(norms.get(i))
              .as("norm " + i)
              .isCloseTo(expected, within(expected * normBound(golden)));
        }
      }
      assertThat(rates).hasSize(golden.get("lr").size());
      for (int i = 0; i < rates.size(); i++) {
        JsonNode expected = golden.get("lr").get(i);
        assertThat(rates.get(i)).hasSize(expected.size());
        for (int group = 0; group < expected.size(); group++) {
          double rate = expected.get(group).doubleValue();
          assertThat(rates.get(i).get(group)).as("rate " + i).isCloseTo(rate, within(rate * 1e-9));
        }
      }
      assertReports(golden);
    }

    /// The gradients of a step follow from weights that may be off by what the index allows.
    private static double normBound(JsonNode golden) {
      return golden.get("tolerance").get("weights_rel_l2_of_update").doubleValue();
    }

    private void assertReports(JsonNode golden) {
      assertThat(reports).hasSize(golden.path("keys_scaled").size());
      for (int i = 0; i < reports.size(); i++) {
        WeightNorms.Report report = reports.get(i);
        assertThat(report.scaled()).isEqualTo(golden.get("keys_scaled").get(i).intValue());
        assertThat(report.mean())
            .isCloseTo(golden.get("mean_norm").get(i).doubleValue(), within(1e-5));
        assertThat(report.max())
            .isCloseTo(golden.get("max_norm").get(i).doubleValue(), within(1e-5));
      }
    }
  }

  private static Recording train(GoldenRun run, SafetensorsFile samples, int microBatches) {
    Recording recording =
        new Recording(new ArrayList<>(), new ArrayList<>(), new ArrayList<>(), new ArrayList<>());
    for (int i = 0; i < microBatches; i++) {
      try (Scope _ = new Scope()) {
        recording.losses().add(run.microBatch(samples, "step" + i + "/").loss());
        if (run.setup().plan().isUpdate(i)) {
          recording.norms().add(Gradients.norm(run.loras().gradients()).item());
          recording.rates().add(List.copyOf(run.learner().nextRates().values()));
          assertThat(run.learner().update()).isTrue();
        }
        Optional<WeightNorms.Pending> pending = run.learner().limitNorms();
        pending.map(WeightNorms.Pending::report).ifPresent(recording.reports()::add);
        pending.ifPresent(WeightNorms.Pending::close);
      }
    }
    assertThat(recording.rates()).hasSize(run.setup().plan().totalSteps());
    return recording;
  }

  private static void assertWeights(
      JsonNode tolerance, GoldenRun run, Tensor initial, SafetensorsFile golden) {
    List<Tensor> expected = new ArrayList<>();
    TreeSet<String> names = new TreeSet<>();
    for (LoraAdapter adapter : run.loras().modules()) {
      for (LoraParameter parameter : adapter.module().parameters()) {
        String name = "final/" + parameter.name();
        names.add(name);
        expected.add(Golden.tensor(golden, name));
      }
      String alpha = "final/" + adapter.module().name() + ".alpha";
      names.add(alpha);
      assertThat(adapter.alpha()).isEqualTo(Golden.tensor(golden, alpha).item());
    }
    assertThat(names)
        .containsExactlyInAnyOrderElementsOf(
            golden.names().stream().filter(name -> name.startsWith("final/")).toList());
    assertWeights(tolerance, weights(run), GoldenRun.flat(expected), initial, run);
  }

  private static void assertWeights(
      JsonNode tolerance, Tensor actual, Tensor expected, Tensor initial, GoldenRun run) {
    Tensor off = actual.sub(expected).abs();
    long atEdges = run.quantisedWeights() / EDGES;
    if (atEdges > 0) {
      Tensor edges =
          off.gt(
              Arrays.stream(off.toDoubles()).sorted().toArray()[(int) (off.numel() - atEdges - 1)]);
      assertThat(off.max().item())
          .as("weight at an edge")
          .isLessThan(run.setup().config().optimizer().learningRate());
      off = off.maskedFill(edges, 0);
    }
    assertThat(off.norm().item() / expected.sub(initial).norm().item())
        .as("distance of the weights as a share of the update")
        .isLessThanOrEqualTo(tolerance.get("weights_rel_l2_of_update").doubleValue());
    if (tolerance.has("weights_max_abs")) {
      assertThat(off.max().item())
          .as("weights")
          .isLessThanOrEqualTo(tolerance.get("weights_max_abs").doubleValue());
    }
  }

  // ---- helpers --------------------------------------------------------------------------------

  private static Tensor weights(GoldenRun run) {
    return run.flat((adapter, parameter) -> adapter.weight(parameter.part()));
  }

  /// `|a - b| / |scale|`.
  private static double relative(Tensor a, Tensor b, Tensor scale) {
    return a.sub(b).norm().item() / scale.norm().item();
  }

  private static List<String> strings(JsonNode array) {
    List<String> strings = new ArrayList<>();
    array.forEach(element -> strings.add(element.stringValue()));
    return strings;
  }
}
