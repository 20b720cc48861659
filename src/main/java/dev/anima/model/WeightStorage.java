package dev.anima.model;

import dev.anima.engine.Dtype;
import dev.anima.engine.Scope;
import dev.anima.engine.Tensor;
import java.util.List;

/// How the large matrices of a frozen model are kept between their uses.
///
/// The 8-bit forms have one scale per output row, the row's largest magnitude over the largest
/// code. Their error on normally distributed weights, `|W' - W| / |W|` (Frobenius): fp8 2.7 %
/// whatever the width (3 bits of mantissa; large and small weights are rounded alike); int8 0.8 to
/// 0.9 % at 2048 to 8192 columns (a uniform step of `max / 127`, so it grows with the outliers of a
/// row: at `max` = 12 standard deviations both are equal).
public enum WeightStorage {
  /// In the dtype that computes.
  COMPUTE(Dtype.F32, 0),
  /// 8-bit floats, e4m3.
  FP8(Dtype.F8_E4M3, 448),
  /// 8-bit integers, symmetric.
  INT8(Dtype.I8, 127);

  private final Dtype codes;
  private final double largest;

  WeightStorage(Dtype codes, double largest) {
    this.codes = codes;
    this.largest = largest;
  }

  /// The form whose codes are of this dtype.
  static WeightStorage ofCodes(Dtype codes) {
    return codes == Dtype.I8 ? INT8 : FP8;
  }

  /// What a row's largest magnitude becomes.
  double largestCode() {
    return largest;
  }

  /// `weight` in this form, in the caller's scope.
  ///
  /// The scale is rounded to the weight's dtype first and the codes are made for the rounded one.
  /// Codes are exact in bf16, fp16 and float32, so unpacking rounds once, in its product.
  ///
  /// @param weight `(out, in)`, finite, in the dtype that will compute
  /// @throws IllegalStateException for [#COMPUTE]
  public FrozenMatrix.RowScaled pack(Tensor weight) {
    if (this == COMPUTE) {
      throw new IllegalStateException("nothing to pack");
    }
    List<Tensor> packed =
        Scope.keepAll(() -> {
          Tensor wide = weight.to(Dtype.F32);
          Tensor scales =
              wide.abs()
                  .amax(true, 1)
                  .div(largest)
                  .clampMin(smallestScale(weight.dtype()))
                  .to(weight.dtype());
          Tensor quotients = wide.div(scales.to(Dtype.F32)).clamp_(-largest, largest);
          return List.of((this == INT8 ? quotients.round() : quotients).to(codes), scales);
        });
    return new FrozenMatrix.RowScaled(packed.getFirst(), packed.getLast());
  }

  // Above 0 in the dtype, so that a row of zeros stays one.
  private static double smallestScale(Dtype dtype) {
    return dtype == Dtype.F16 ? 0x1p-24 : 1e-30;
  }
}
