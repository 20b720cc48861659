package dev.anima.model;

import dev.anima.engine.Device;
import dev.anima.engine.Dtype;
import dev.anima.engine.EightBit;
import dev.anima.engine.NoGrad;
import dev.anima.engine.Ops;
import dev.anima.engine.Scope;
import dev.anima.engine.Tensor;
import dev.anima.model.FrozenMatrix.RowScaled;
import java.util.List;
import java.util.Optional;

/// The input of frozen layers, rounded to the 8 bits their weights are kept in, for products on the
/// matrix units for 8-bit numbers (`--fast_matmul`).
///
/// Each row (token) has its own scale, its largest magnitude over the largest code. With `x ≈ sₓ c`
/// and `W = s_w w` row by row, `x Wᵀ = sₓ (c wᵀ) s_wᵀ`: integers sum exactly, fp8 in float32.
///
/// @param codes `(M, K)`, F8_E4M3 or I8
/// @param scales `(M, 1)` float32
public record EightBitRows(Tensor codes, Tensor scales) {
  /// What the units of a card want extents to be multiples of.
  private static final long MULTIPLE = 16;

  /// A card multiplies integers only by more rows than this.
  private static final long FEW_ROWS = 16;

  /// Whether products with `weight` can be taken in 8 bits. By the rules of a card everywhere, so
  /// that a run does not depend on the device.
  public static boolean fit(RowScaled weight) {
    return weight.codes().size(0) % MULTIPLE == 0 && weight.codes().size(1) % MULTIPLE == 0;
  }

  /// Tries a small product.
  ///
  /// @param dtype of its result
  /// @return what libtorch says if this device has no such products; empty if it has
  public static Optional<String> missing(Device device, WeightStorage storage, Dtype dtype) {
    try (Scope _ = new Scope();
        NoGrad _ = new NoGrad()) {
      RowScaled weight = storage.pack(Ops.full(1, dtype, device, 2 * MULTIPLE, 2 * MULTIPLE));
      Tensor x = Ops.full(1, dtype, device, 2 * MULTIPLE, 2 * MULTIPLE);
      var _ = of(x, weight.codes().dtype()).times(weight, dtype).toFloats();
      return Optional.empty();
    } catch (RuntimeException e) {
      return Optional.of(String.valueOf(e.getMessage()).lines().findFirst().orElse(""));
    }
  }

  /// Rounds `x`, in the caller's scope.
  ///
  /// @param x `(M, K)` in the dtype that computes
  /// @param codes F8_E4M3 or I8
  public static EightBitRows of(Tensor x, Dtype codes) {
    List<Tensor> rounded =
        Scope.keepAll(() -> {
          WeightStorage storage = WeightStorage.ofCodes(codes);
          Tensor scales =
              x.largestMagnitudes()
                  .to(Dtype.F32)
                  .div_(storage.largestCode())
                  .clampMin_(smallestScale());
          // A quotient may exceed the largest code by a rounding; int8 would wrap around.
          Tensor quotients =
              Ops.mulInto(Ops.empty(x.dtype(), x.device(), x.shape()), x, scales.reciprocal())
                  .clamp_(-storage.largestCode(), storage.largestCode());
          Tensor numbers = codes == Dtype.I8 ? quotients.round_() : quotients;
          return List.of(numbers.to(codes), scales);
        });
    return new EightBitRows(rounded.getFirst(), rounded.getLast());
  }

  // A row of zeros stays one, and its reciprocal finite.
  private static double smallestScale() {
    return 1e-30;
  }

  /// `x Wᵀ` in `dtype`, in the caller's scope.
  ///
  /// @param weight of the same codes, [#fit]
  /// @return `(M, N)`
  public Tensor times(RowScaled weight, Dtype dtype) {
    return Scope.keep(() -> {
      Tensor columns = weight.scales().to(Dtype.F32).t(); // (1, N)
      return codes.dtype() == Dtype.I8
          ? integers(weight.codes(), columns, dtype)
          : floats(weight.codes(), columns, dtype);
    });
  }

  private Tensor integers(Tensor weight, Tensor columns, Dtype dtype) {
    long rows = codes.size(0);
    Tensor left = rows > FEW_ROWS ? codes : Ops.pad(codes, 0, 0, 0, FEW_ROWS * 2 - rows);
    Tensor sums = EightBit.intProduct(left, weight).narrow(0, 0, rows);
    // Sums reach 127 * 127 * K: beyond fp16, so the scales come before the rounding.
    Tensor product = Ops.empty(dtype, codes.device(), rows, weight.size(0));
    if (dtype == Dtype.F16) {
      return product.copy_(sums.mul(scales).mul_(columns));
    }
    return Ops.mulInto(product, sums, scales).mul_(columns);
  }

  private Tensor floats(Tensor weight, Tensor columns, Dtype dtype) {
    // Scales of rows come with results in bf16 only.
    if (dtype == Dtype.BF16) {
      return EightBit.scaledProduct(codes, weight, scales, columns.contiguous(), dtype);
    }
    Tensor one = Ops.full(1, Dtype.F32, codes.device());
    Tensor sums = EightBit.scaledProduct(codes, weight, one, one, Dtype.F32);
    return sums.mul_(scales).mul_(columns).to(dtype);
  }
}
