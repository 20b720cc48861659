package dev.anima.engine;

import static org.assertj.core.api.Assertions.assertThat;

import dev.anima.Golden;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

class AttentionKernelTest {
  private static final long HEAD = 12;

  static Stream<Arguments> kernelsAndShapes() {
    return Stream.of(
            FusedAttention.CPU_FLASH,
            ChunkedAttention.standard(),
            new ChunkedAttention(40), // a few queries of one head
            new ChunkedAttention(300)) // all queries of two heads
        .flatMap(kernel ->
            Stream.of(new long[] {1, 3, 13, 11}, new long[] {2, 4, 7, 7})
                .flatMap(
                    shape -> Stream.of(0L, 5L).map(zeros -> Arguments.of(kernel, shape, zeros))));
  }

  @ParameterizedTest(name = "{0} {1} zero keys {2}")
  @MethodSource("kernelsAndShapes")
  void equalsAutogradOfThePaddedFormula(AttentionKernel kernel, long[] shape, long zeroKeys) {
    try (Scope _ = new Scope();
        RandomStream random = RandomStream.cpu(1)) {
      Case given = Case.draw(random, Dtype.F64, shape);
      Tensor padding = Ops.zeros(Dtype.F64, Device.CPU, shape[0], shape[1], zeroKeys, HEAD);
      List<Tensor> leaves =
          Stream.of(given.query, given.key, given.value)
              .map(tensor -> tensor.copy().requiresGrad_(true))
              .toList();
      Tensor scores =
          leaves
              .get(0)
              .matmul(Ops.cat(List.of(leaves.get(1), padding), 2).t())
              .mul(1 / Math.sqrt(HEAD));
      Tensor expected = scores.softmax(-1).matmul(Ops.cat(List.of(leaves.get(2), padding), 2));
      List<Tensor> expectedGradients =
          Ops.grad(List.of(expected), leaves, List.of(given.gradOutput));

      AttentionKernel.Attended attended =
          kernel.forward(given.query, given.key, given.value, zeroKeys);
      List<Tensor> gradients =
          kernel.backward(
              given.gradOutput, given.query, given.key, given.value, attended, zeroKeys);

      Golden.assertClose("output", attended.output(), expected, 1e-13);
      for (int i = 0; i < 3; i++) {
        Golden.assertClose("gradient " + i, gradients.get(i), expectedGradients.get(i), 1e-13);
      }
    }
  }

  @Test
  void trimmedTextEqualsPaddedTextInFloat32() {
    try (Scope _ = new Scope();
        RandomStream random = RandomStream.cpu(2)) {
      Case given = Case.draw(random, Dtype.F32, 1, 4, 33, 17);
      Tensor padding = Ops.zeros(Dtype.F32, Device.CPU, 1, 4, 512 - 17, HEAD);
      Tensor padded =
          Ops.attention(
              given.query,
              Ops.cat(List.of(given.key, padding), 2),
              Ops.cat(List.of(given.value, padding), 2),
              null);

      for (AttentionKernel kernel :
          List.of(FusedAttention.CPU_FLASH, ChunkedAttention.standard())) {
        Tensor trimmed = kernel.forward(given.query, given.key, given.value, 512 - 17).output();
        Golden.assertClose(kernel.description(), trimmed, padded, 1e-6);
      }
    }
  }

  @Test
  void bf16ProductsStayCloseToTheExactResult() {
    try (Scope _ = new Scope();
        RandomStream random = RandomStream.cpu(3)) {
      Case exact = Case.draw(random, Dtype.F64, 1, 4, 96, 96);
      Case rounded = exact.to(Dtype.BF16);
      for (long zeroKeys : new long[] {0, 100}) {
        AttentionKernel.Attended expected =
            FusedAttention.CPU_FLASH.forward(exact.query, exact.key, exact.value, zeroKeys);
        List<Tensor> expectedGradients =
            FusedAttention.CPU_FLASH.backward(
                exact.gradOutput, exact.query, exact.key, exact.value, expected, zeroKeys);

        ChunkedAttention kernel = new ChunkedAttention(2000);
        AttentionKernel.Attended attended =
            kernel.forward(rounded.query, rounded.key, rounded.value, zeroKeys);
        List<Tensor> gradients =
            kernel.backward(
                rounded.gradOutput, rounded.query, rounded.key, rounded.value, attended, zeroKeys);

        assertThat(relative(attended.output(), expected.output())).isLessThan(0.01);
        for (int i = 0; i < 3; i++) {
          assertThat(relative(gradients.get(i), expectedGradients.get(i))).isLessThan(0.015);
        }
      }
    }
  }

  private static double relative(Tensor actual, Tensor expected) {
    Tensor wide = expected.to(Dtype.F64);
    return actual.to(Dtype.F64).sub(wide).norm().item() / wide.norm().item();
  }

  private record Case(Tensor query, Tensor key, Tensor value, Tensor gradOutput) {
    /// In memory as `(B, L, N, d)`, as projections leave them.
    static Case draw(RandomStream random, Dtype dtype, long... shape) {
      return new Case(
          heads(random, dtype, shape[0], shape[2], shape[1]),
          heads(random, dtype, shape[0], shape[3], shape[1]),
          heads(random, dtype, shape[0], shape[3], shape[1]),
          heads(random, dtype, shape[0], shape[2], shape[1]));
    }

    private static Tensor heads(
        RandomStream random, Dtype dtype, long batch, long tokens, long heads) {
      return random.randn(Dtype.F64, batch, tokens, heads, HEAD).to(dtype).transpose(1, 2);
    }

    Case to(Dtype dtype) {
      return new Case(query.to(dtype), key.to(dtype), value.to(dtype), gradOutput.to(dtype));
    }
  }
}
