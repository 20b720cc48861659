package dev.anima.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.anima.Golden;
import dev.anima.engine.Dtype;
import dev.anima.engine.NoGrad;
import dev.anima.engine.Scope;
import dev.anima.engine.Tensor;
import dev.anima.io.SafetensorsFile;
import dev.anima.lora.LoraAdapter;
import dev.anima.lora.LoraParameter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;

/// The recorded loop with 8-bit states, every link of the chain at its bound and no weight left
/// out: the gradients of each step at the recorded weights, and what the optimizer makes of the
/// recorded gradients.
///
/// Run freely, the loop cannot be held to the index's 2e-4 of the update, the reference neither. A
/// code of a state is one of 256, so where a value lies on the edge between two, the last bit of
/// the gradient decides, and the weight goes another way by up to 4e-4 (the bound is 3.4e-4 for all
/// weights together). Run again by hand, the reference (the wheel of torch 2.13.0, bitsandbytes
/// 0.50.2) gives the recorded weights bit for bit, but with one setting changed ends, in 1e-4 of
/// the update, at:
///
/// - 0.13 without oneDNN and with plain attention (what the index was bounded by),
/// - 0.24 with the kernels for AVX2 (`ATEN_CPU_CAPABILITY`), 2.2 with those for any CPU,
/// - 1.0 with plain attention, 2.8 without oneDNN, 2.1 and 2.2 with `MKL_CBWR` AVX2 and COMPATIBLE,
/// - 3.1 with sines, cosines and exponentials rounded exactly.
///
/// Ours is 3.5 with MKL. Matrix products have the bits of the wheel's there, but libtorch is built
/// without MKL and by another compiler: its sines, cosines and exponentials (SLEEF's) and the
/// backward kernels of attention and layer norm differ in the last bit on equal inputs. Given our
/// sines, cosines and exponentials, the reference predicts the first step with our very bits, and
/// ends at 3.5 too. With OpenBLAS ours is 1.2, with `MKL_CBWR` COMPATIBLE 1.4, AVX2 4.8: which
/// codes fall where is chance.
class EightBitLoopTest {
  private static final JsonNode RUN =
      Golden.json("training/index.json").get("runs").get("loop_adamw8bit_wide");

  private static final List<String> STATES = List.of("state1", "state2");

  /// Share of the codes that may be others (the README's bound).
  private static final double CODES = 1e-3;

  @TempDir Path folder;

  @ParameterizedTest(name = "operation for operation as the reference: {0}")
  @ValueSource(booleans = {true, false})
  void everyLinkMatchesTheReference(boolean asReference) {
    JsonNode tolerance = RUN.get("tolerance");
    try (Scope _ = new Scope();
        GoldenRun run = new GoldenRun(RUN, flags(), folder, asReference);
        SafetensorsFile samples = golden("samples_file");
        SafetensorsFile recorded = golden("steps_file");
        SafetensorsFile result = golden("file")) {
      Tensor initial = weights(run).copy();
      for (int i = 0; i < RUN.get("loss").size(); i++) {
        try (Scope _ = new Scope()) {
          String step = "step" + i + "/";
          assertThat(run.microBatch(samples, step).loss())
              .as("loss " + i)
              .isCloseTo(
                  RUN.get("loss").get(i).doubleValue(),
                  within(tolerance.get("loss_max_abs").doubleValue()));
          Tensor expected = recorded(run, recorded, step + "grad/");
          assertThat(relative(gradients(run), expected))
              .as("gradients of step " + i)
              .isLessThanOrEqualTo(tolerance.get("grad_rel_l2").doubleValue());
          giveGradients(run, recorded, step + "grad/");
          assertThat(run.learner().update()).isTrue();
        }
      }

      Tensor expected = recorded(run, result, "final/");
      assertThat(weights(run).sub(expected).norm().item() / expected.sub(initial).norm().item())
          .as("distance of the weights as a share of the update")
          .isLessThanOrEqualTo(tolerance.get("weights_rel_l2_of_update").doubleValue());
      Golden.assertClose(
          "weights", weights(run), expected, tolerance.get("weights_max_abs").doubleValue());
      assertCodes(run, recorded);
    }
  }

  @ParameterizedTest(name = "operation for operation as the reference: {0}")
  @ValueSource(booleans = {true, false})
  void runFreelyTheCodesAreThoseOfTheReference(boolean asReference) {
    try (Scope _ = new Scope();
        GoldenRun run = new GoldenRun(RUN, flags(), folder, asReference);
        SafetensorsFile samples = golden("samples_file");
        SafetensorsFile recorded = golden("steps_file")) {
      for (int i = 0; i < RUN.get("loss").size(); i++) {
        try (Scope _ = new Scope()) {
          run.microBatch(samples, "step" + i + "/");
          assertThat(run.learner().update()).isTrue();
        }
      }
      assertCodes(run, recorded);
    }
  }

  private static void assertCodes(GoldenRun run, SafetensorsFile recorded) {
    for (String state : STATES) {
      Tensor codes =
          Objects.requireNonNull(run.learner().optimizer().state().get(state + ".codes"), state);
      Tensor expected = recorded(run, recorded, "final/" + state + "/");
      assertThat(codes.numel()).isEqualTo(expected.numel()).isEqualTo(run.quantisedWeights());
      double others = codes.to(Dtype.F64).sub(expected).abs().gt(0).to(Dtype.F64).sum().item();
      assertThat(others / codes.numel())
          .as("share of other codes in " + state)
          .isLessThanOrEqualTo(CODES);
    }
  }

  private static void giveGradients(GoldenRun run, SafetensorsFile file, String prefix) {
    try (NoGrad _ = new NoGrad()) {
      for (LoraAdapter adapter : run.loras().modules()) {
        for (LoraParameter parameter : adapter.module().parameters()) {
          adapter
              .weight(parameter.part())
              .grad()
              .copy_(Golden.tensor(file, prefix + parameter.name()));
        }
      }
    }
  }

  // ---- all LoRA tensors end to end, in double ---------------------------------------------------

  private static Tensor weights(GoldenRun run) {
    return run.flat((adapter, parameter) -> adapter.weight(parameter.part()));
  }

  private static Tensor gradients(GoldenRun run) {
    return run.flat((adapter, parameter) -> adapter.weight(parameter.part()).grad());
  }

  private static Tensor recorded(GoldenRun run, SafetensorsFile file, String prefix) {
    return run.flat((_, parameter) -> Golden.tensor(file, prefix + parameter.name()));
  }

  /// `|a - b| / |b|`.
  private static double relative(Tensor a, Tensor b) {
    return a.sub(b).norm().item() / b.norm().item();
  }

  private static SafetensorsFile golden(String key) {
    return Golden.tensors("training/" + RUN.get(key).stringValue());
  }

  private static List<String> flags() {
    List<String> flags = new ArrayList<>();
    RUN.get("flags").forEach(flag -> flags.add(flag.stringValue()));
    return flags;
  }
}
