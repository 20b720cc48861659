package dev.anima.engine;

/// Products of matrices of 8-bit numbers, on the units that exist for them; the sums are wide.
///
/// On CUDA both take the second matrix in the transposed form that is the only fast one, need
/// extents that are multiples of 16, and integers more than 16 rows. The CPU takes anything.
public final class EightBit {
  static final Kernel INT_MM = Kernel.of("aten::_int_mm", "Tensor self, Tensor mat2");

  static final Kernel SCALED_MM =
      Kernel.of(
          "aten::_scaled_mm",
          "Tensor self, Tensor mat2, Tensor scale_a, Tensor scale_b, Tensor? bias,"
              + " Tensor? scale_result, int? out_dtype, bool use_fast_accum");

  private EightBit() {}

  /// `a bᵀ`, exact.
  ///
  /// @param a `(M, K)` int8
  /// @param b `(N, K)` int8
  /// @return `(M, N)` int32
  public static Tensor intProduct(Tensor a, Tensor b) {
    return INT_MM.call(1, a, b.t()).getFirst();
  }

  /// `(scaleA a) (scaleB b)ᵀ`, summed in float32.
  ///
  /// @param a `(M, K)` fp8
  /// @param b `(N, K)` fp8
  /// @param scaleA `(M, 1)` float32; on CUDA, scales of rows need compute capability 8.9
  /// @param scaleB `(1, N)` float32
  /// @param out dtype of the result; on CUDA bf16 only
  /// @return `(M, N)`
  public static Tensor scaledProduct(Tensor a, Tensor b, Tensor scaleA, Tensor scaleB, Dtype out) {
    return SCALED_MM
        .call(1, a, b.t(), scaleA, scaleB, null, null, (long) out.scalarType.value, false)
        .getFirst();
  }
}
