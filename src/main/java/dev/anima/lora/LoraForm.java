package dev.anima.lora;

import dev.anima.config.NetworkKind;
import java.util.List;

/// Which matrices a module has for its layer's weight change `ΔW (out, in)`.
public sealed interface LoraForm {
  /// One trained matrix.
  record Matrix(LoraPart part, long rows, long columns) {}

  /// The matrices of a module, in the order in which the reference registers them.
  List<Matrix> matrices(LinearModule layer, int rank);

  NetworkKind kind();

  /// Whether alpha and rank scale the change; if not, the scale is 1.
  default boolean isScaled() {
    return true;
  }

  /// LoRA: `ΔW = B A`.
  record LowRank() implements LoraForm {
    @Override
    public List<Matrix> matrices(LinearModule layer, int rank) {
      return List.of(
          new Matrix(LoraPart.DOWN, rank, layer.in()), new Matrix(LoraPart.UP, layer.out(), rank));
    }

    @Override
    public NetworkKind kind() {
      return NetworkKind.LORA;
    }
  }

  /// LoHa: `ΔW = (W₁ₐ W₁ᵦ) ∘ (W₂ₐ W₂ᵦ)`.
  record Hadamard() implements LoraForm {
    @Override
    public List<Matrix> matrices(LinearModule layer, int rank) {
      return List.of(
          new Matrix(LoraPart.HADA_W1_A, layer.out(), rank),
          new Matrix(LoraPart.HADA_W1_B, rank, layer.in()),
          new Matrix(LoraPart.HADA_W2_A, layer.out(), rank),
          new Matrix(LoraPart.HADA_W2_B, rank, layer.in()));
    }

    @Override
    public NetworkKind kind() {
      return NetworkKind.LOHA;
    }
  }

  /// LoKr: `ΔW = W₁ ⊗ W₂`, `W₁` `(out1, in1)`, `W₂` `(out2, in2)`.
  ///
  /// @param whole whether `W₂` is one matrix instead of a product over the rank
  record Kronecker(int out1, int in1, int out2, int in2, boolean whole) implements LoraForm {

    /// As the reference divides a layer (spec/models.md §5.5): both widths into two factors, the
    /// smaller first; `W₂` is whole where the rank would save nothing.
    ///
    /// @param factor `factor` of `--network_args`: wanted as one of the two factors where it
    ///   divides, else an upper bound for the smaller one; below 0: as square as possible
    static Kronecker of(LinearModule layer, int rank, int factor) {
      int in1 = smaller(layer.in(), factor);
      int out1 = smaller(layer.out(), factor);
      int in2 = layer.in() / in1;
      int out2 = layer.out() / out1;
      return new Kronecker(out1, in1, out2, in2, 2L * rank >= Math.max(out2, in2));
    }

    private static int smaller(int width, int factor) {
      if (factor > 0 && width % factor == 0) {
        return Math.min(factor, width / factor);
      }
      int best = 1;
      for (int divisor = 2; (long) divisor * divisor <= width; divisor++) {
        if (width % divisor == 0 && (factor < 0 || divisor <= factor)) {
          best = divisor;
        }
      }
      return best;
    }

    @Override
    public List<Matrix> matrices(LinearModule layer, int rank) {
      Matrix first = new Matrix(LoraPart.LOKR_W1, out1, in1);
      return whole
          ? List.of(first, new Matrix(LoraPart.LOKR_W2, out2, in2))
          : List.of(
              first,
              new Matrix(LoraPart.LOKR_W2_A, out2, rank),
              new Matrix(LoraPart.LOKR_W2_B, rank, in2));
    }

    @Override
    public NetworkKind kind() {
      return NetworkKind.LOKR;
    }

    @Override
    public boolean isScaled() {
      return !whole;
    }
  }
}
