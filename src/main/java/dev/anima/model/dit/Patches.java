package dev.anima.model.dit;

import static dev.anima.model.dit.DitConfig.PATCH;

import dev.anima.engine.Dtype;
import dev.anima.engine.Ops;
import dev.anima.engine.Tensor;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// Latents to tokens and back. The order inside a token differs: in `(channel, dy, dx)`, out `(dy,
/// dx, channel)`.
final class Patches {
  private Patches() {}

  /// @param latents `(B, C, h, w)`, h and w even
  /// @param paddingMask `(B, 1, any, any)`, resized to the latents; null means all 0 (as in
  ///   training)
  /// @return `(B, h/2 * w/2, (C + 1) * 4)`
  static Tensor split(Tensor latents, @Nullable Tensor paddingMask) {
    long batch = latents.size(0);
    long rows = latents.size(2) / PATCH;
    long columns = latents.size(3) / PATCH;
    Tensor mask =
        paddingMask == null
            ? Ops.zeros(
                latents.dtype(), latents.device(), batch, 1, latents.size(2), latents.size(3))
            : nearest(paddingMask.to(latents.dtype()), latents.size(2), latents.size(3));
    Tensor all = Ops.cat(List.of(latents, mask), 1); // (B, C + 1, h, w)
    return all.view(batch, -1, rows, PATCH, columns, PATCH)
        .permute(0, 2, 4, 1, 3, 5) // (B, h/2, w/2, C + 1, dy, dx)
        .reshape(batch, rows * columns, -1);
  }

  /// @param tokens `(B, rows * columns, 4 * C)`
  /// @return `(B, C, 2 * rows, 2 * columns)`
  static Tensor join(Tensor tokens, long rows, long columns) {
    long batch = tokens.size(0);
    return tokens
        .view(batch, rows, columns, PATCH, PATCH, -1)
        .permute(0, 5, 1, 3, 2, 4) // (B, C, rows, dy, columns, dx)
        .reshape(batch, -1, rows * PATCH, columns * PATCH);
  }

  // Nearest-neighbour resize as torch does it: source index = floor(target index * from / to).
  private static Tensor nearest(Tensor image, long height, long width) {
    return resize(resize(image, 2, height), 3, width);
  }

  private static Tensor resize(Tensor image, int dim, long size) {
    if (image.size(dim) == size) {
      return image;
    }
    Tensor index =
        Ops.arange(size, Dtype.F32, image.device())
            .mul((double) image.size(dim) / size)
            .floor()
            .to(Dtype.I64);
    return image.indexSelect(dim, index);
  }
}
