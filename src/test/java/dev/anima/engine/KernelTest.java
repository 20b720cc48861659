package dev.anima.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.anima.Golden;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;
import org.bytedeco.pytorch.IValue;
import org.bytedeco.pytorch.IValueVector;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/// Operators called by name get the arguments their schemas name. The schemas of the card's
/// operators are in the CPU's libtorch too, so no card is needed.
class KernelTest {
  static Stream<Kernel> kernels() {
    return Stream.concat(
        Stream.of(FusedAttention.values()).flatMap(pair -> Stream.of(pair.forward, pair.backward)),
        Stream.of(Ops.SOFTMAX_BACKWARD, EightBit.INT_MM, EightBit.SCALED_MM));
  }

  @ParameterizedTest
  @MethodSource("kernels")
  void parametersAreThoseOfTheRegisteredSchema(Kernel kernel) {
    assertThat(kernel.parameters()).as(kernel.name()).isEqualTo(kernel.schema());
  }

  /// What each pair hands over, named by the schema: the right tensor at every place.
  @ParameterizedTest
  @EnumSource(FusedAttention.class)
  void attentionPairsPassWhatTheSchemaNames(FusedAttention pair) {
    try (Scope _ = new Scope()) {
      Tensor query = heads(13);
      Tensor key = heads(7);
      Tensor value = heads(7);
      Tensor gradOutput = heads(13);
      Tensor output = heads(13);
      Tensor sums = Ops.zeros(Dtype.F32, Device.CPU, 1, 2, 13);

      check(
          pair.forward,
          pair.forwardArguments(query, key, value),
          named("query", query),
          named("key", key),
          named("value", value));
      check(
          pair.backward,
          pair.backwardArguments(
              gradOutput, query, key, value, new AttentionKernel.Attended(output, sums)),
          named("grad_out", gradOutput),
          named("query", query),
          named("key", key),
          named("value", value),
          named("out", output),
          named("logsumexp", sums),
          named("max_q", 13L),
          named("max_k", 7L));
    }
  }

  private static Tensor heads(long tokens) {
    return Ops.zeros(Dtype.F32, Device.CPU, 1, 2, tokens, 8);
  }

  private record Named(String name, Object value) {}

  private static Named named(String name, Object value) {
    return new Named(name, value);
  }

  /// The arguments fit the schema's types; the expected ones are at their names, and all others say
  /// "no dropout, no mask, no varying lengths, standard scale, keep the logsumexp".
  private static void check(Kernel kernel, @Nullable Object[] arguments, Named... expected) {
    List<Kernel.Parameter> schema = kernel.schema();
    assertThat(arguments).as(kernel.name()).hasSameSizeAs(schema);
    IValueVector stack = kernel.stack(arguments);
    for (int i = 0; i < arguments.length; i++) {
      Kernel.Parameter parameter = schema.get(i);
      Object argument = arguments[i];
      String name = parameter.name();
      assertThat(fits(parameter.type(), stack.get(i)))
          .as(kernel.name() + ": " + parameter)
          .isTrue();
      List<Named> wanted =
          Arrays.stream(expected).filter(one -> matches(name, one.name())).toList();
      if (!wanted.isEmpty()) {
        assertThat(argument).as(kernel.name() + ": " + name).isEqualTo(wanted.getFirst().value());
      } else {
        assertRest(kernel, parameter, argument, stack.get(i));
      }
    }
  }

  /// Some schemas write `grad_out_`; `max_q` and `max_k` are missing in others.
  private static boolean matches(String name, String wanted) {
    return name.equals(wanted) || name.equals(wanted + "_");
  }

  private static void assertRest(
      Kernel kernel, Kernel.Parameter parameter, @Nullable Object argument, IValue value) {
    String what = kernel.name() + ": " + parameter;
    switch (parameter.name()) {
      case "dropout_p" -> assertThat(argument).as(what).isEqualTo(0.0);
      case "is_causal", "return_debug_mask" -> assertThat(argument).as(what).isEqualTo(false);
      case "compute_log_sumexp" -> assertThat(argument).as(what).isEqualTo(true);
      case "scale", "attn_mask" -> assertThat(argument).as(what).isNull();
      case "attn_bias", "cum_seq_q", "cum_seq_k" ->
          assertThat(argument == null || !value.toTensor().defined()).as(what).isTrue();
      case "philox_seed", "philox_offset" -> {
        Tensor seed = (Tensor) Objects.requireNonNull(argument);
        assertThat(seed.dtype()).as(what).isEqualTo(Dtype.I64);
        assertThat(seed.dim()).as(what).isZero();
      }
      case "grad_input_mask" ->
          assertThat((boolean[]) argument).as(what).containsExactly(true, true, true, false);
      default -> throw new AssertionError("nothing is known about " + what);
    }
  }

  private static boolean fits(String type, IValue value) {
    if (type.endsWith("?") && value.isNone()) {
      return true;
    }
    return switch (type.replace("?", "")) {
      case "Tensor" -> value.isTensor();
      case "float" -> value.isDouble();
      case "int" -> value.isInt();
      case "bool" -> value.isBool();
      case "bool[]" -> value.isBoolList();
      default -> false;
    };
  }

  @Test
  void wrongArgumentsAreRefusedBeforeTheyReachTheDispatcher() {
    try (Scope _ = new Scope()) {
      Tensor tensor = heads(3);
      Kernel kernel = Ops.SOFTMAX_BACKWARD;
      assertThatThrownBy(() -> kernel.stack(tensor, tensor, -1L))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("takes 4 arguments, got 3");
      assertThatThrownBy(() -> kernel.stack(tensor, tensor, 1.0, 6L))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("int dim cannot be 1.0");
      assertThatThrownBy(() -> kernel.stack(tensor, null, -1L, 6L))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("Tensor output cannot be null");
    }
  }

  /// What the logsumexp correction does with the two shapes that the card's kernels have and the
  /// CPU's has not: rows rounded up to 32 with infinities, and a last dimension of one.
  @Test
  void zeroKeysCorrectEveryShapeOfLogSumExp() {
    try (Scope _ = new Scope();
        RandomStream random = RandomStream.cpu(1)) {
      Tensor output = random.randn(Dtype.F32, 1, 2, 13, 8);
      Tensor sums = random.randn(Dtype.F32, 1, 2, 13);
      AttentionKernel.Attended plain = corrected(output, sums.copy());

      Tensor padded = Ops.full(Double.POSITIVE_INFINITY, Dtype.F32, Device.CPU, 1, 2, 32);
      padded.narrow(2, 0, 13).copy_(sums);
      AttentionKernel.Attended rounded = corrected(output, padded);
      AttentionKernel.Attended column = corrected(output, sums.unsqueeze(-1).copy());

      Golden.assertClose("rounded", rounded.output(), plain.output(), 1e-6);
      Golden.assertClose("column", column.output(), plain.output(), 1e-6);
      Tensor given = rounded.logSumExp().narrow(2, 0, 13);
      Golden.assertClose("rounded sums", given, plain.logSumExp(), 1e-6);
      assertThat(rounded.logSumExp().narrow(2, 13, 19).toFloats())
          .containsOnly(Float.POSITIVE_INFINITY);
      Tensor sumsOfColumn = column.logSumExp().squeeze(-1);
      Golden.assertClose("column sums", sumsOfColumn, plain.logSumExp(), 1e-6);
    }
  }

  private static AttentionKernel.Attended corrected(Tensor output, Tensor logSumExp) {
    return FusedAttention.withZeroKeys(new AttentionKernel.Attended(output.copy(), logSumExp), 5);
  }
}
