package dev.anima.engine;

import java.util.List;
import java.util.stream.Stream;

/// Made-up attention problems that tell whether a kernel is right, and how fast.
///
/// @param query `(B, N, L, d)`, in memory `(B, L, N, d)` as the projections leave it; the others
///   likewise
record AttentionTrial(Tensor query, Tensor key, Tensor value, Tensor gradOutput, long zeroKeys) {

  /// Normal numbers, in the current scope.
  static AttentionTrial draw(
      RandomStream random,
      Dtype dtype,
      long heads,
      long tokens,
      long keys,
      long headSize,
      long zeroKeys) {
    return new AttentionTrial(
        heads(random, dtype, heads, tokens, headSize),
        heads(random, dtype, heads, keys, headSize),
        heads(random, dtype, heads, keys, headSize),
        heads(random, dtype, heads, tokens, headSize),
        zeroKeys);
  }

  private static Tensor heads(
      RandomStream random, Dtype dtype, long heads, long tokens, long headSize) {
    return random.randn(Dtype.F32, 1, tokens, heads, headSize).to(dtype).transpose(1, 2);
  }

  AttentionTrial to(Dtype dtype) {
    return new AttentionTrial(
        query.to(dtype), key.to(dtype), value.to(dtype), gradOutput.to(dtype), zeroKeys);
  }

  /// Output and gradients of query, key and value.
  List<Tensor> solve(AttentionKernel kernel) {
    AttentionKernel.Attended attended = kernel.forward(query, key, value, zeroKeys);
    List<Tensor> gradients = kernel.backward(gradOutput, query, key, value, attended, zeroKeys);
    return Stream.concat(Stream.of(attended.output()), gradients.stream()).toList();
  }

  /// Largest relative error (Frobenius) of output and gradients over two problems: queries and keys
  /// alike without zero keys, and an uneven number of each with some.
  ///
  /// @throws RuntimeException if the kernel does not work here
  static double error(AttentionKernel kernel, Device device, Dtype dtype, long headSize) {
    double largest = 0;
    try (RandomStream random = RandomStream.on(device, 1)) {
      for (long[] shape : new long[][] {{64, 64, 0}, {45, 21, 11}}) {
        try (Scope _ = new Scope();
            NoGrad _ = new NoGrad()) {
          AttentionTrial given = draw(random, dtype, 2, shape[0], shape[1], headSize, shape[2]);
          List<Tensor> expected = given.to(Dtype.F64).solve(ChunkedAttention.standard());
          List<Tensor> actual = given.solve(kernel);
          for (int i = 0; i < actual.size(); i++) {
            Tensor difference = actual.get(i).to(Dtype.F64).sub(expected.get(i));
            double error = difference.norm().item() / expected.get(i).norm().item();
            largest = error <= largest ? largest : error; // NaN wins
          }
        }
      }
    }
    return largest;
  }

  /// The best of three forwards with their backwards, after one that does not count. Infinite if
  /// there is not enough memory.
  static double seconds(
      AttentionKernel kernel, Device device, Dtype dtype, long heads, long tokens, long headSize) {
    try (RandomStream random = RandomStream.on(device, 1);
        Scope _ = new Scope();
        NoGrad _ = new NoGrad()) {
      AttentionTrial given = draw(random, dtype, heads, tokens, tokens, headSize, 0);
      double best = Double.POSITIVE_INFINITY;
      for (int round = 0; round < 4; round++) {
        try (Scope _ = new Scope()) {
          device.await();
          long start = System.nanoTime();
          var _ = given.solve(kernel);
          device.await();
          if (round > 0) {
            best = Math.min(best, (System.nanoTime() - start) / 1e9);
          }
        }
      }
      return best;
    } catch (RuntimeException e) {
      return Double.POSITIVE_INFINITY;
    }
  }

  static String firstLine(RuntimeException e) {
    return String.valueOf(e.getMessage()).lines().findFirst().orElse("");
  }
}
