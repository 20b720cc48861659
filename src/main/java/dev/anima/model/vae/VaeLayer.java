package dev.anima.model.vae;

import dev.anima.engine.Dtype;
import dev.anima.engine.Ops;
import dev.anima.engine.Tensor;
import dev.anima.model.Attention;
import dev.anima.model.Weights;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// One layer of the VAE, `(B, C, h, w)` to `(B, C', h', w')`. Runs without autograd and frees
/// intermediates as soon as they are dead: at full resolution each is hundreds of megabytes.
sealed interface VaeLayer {
  /// @param rows output rows a convolution computes at a time; 0 for all at once
  Tensor apply(Tensor x, int rows);

  /// A convolution alone.
  record Plain(Conv conv) implements VaeLayer {
    @Override
    public Tensor apply(Tensor x, int rows) {
      return conv.apply(x, rows);
    }
  }

  /// `x / |x| sqrt(C) gamma` over the channels, without an epsilon but with a floor for the length.
  ///
  /// @param gamma `(1, C, 1, 1)`
  record Norm(Tensor gamma) {
    static Norm load(Weights weights, VaeNames names, String module) {
      return new Norm(
          weights.tensor(
              names.inFile(module + ".gamma"), stored -> stored.view(1, stored.size(0), 1, 1)));
    }

    Tensor apply(Tensor x) {
      return scale_(x.div(length(x)));
    }

    /// In place.
    Tensor apply_(Tensor x) {
      return scale_(x.div_(length(x)));
    }

    private static Tensor length(Tensor x) {
      // 1e-12 as the reference; fp16 has nothing between 0 and 6e-8, where 0/0 would be NaN.
      double floor = x.dtype() == Dtype.F16 ? 6e-8 : 1e-12;
      return x.norm(true, 1).clampMin(floor);
    }

    private Tensor scale_(Tensor unit) {
      return unit.mul_(Math.sqrt((double) gamma.numel())).mul_(gamma);
    }
  }

  /// Norm, SiLU, convolution: twice, and the input added.
  ///
  /// @param shortcut changes the input's channels; null if they stay
  record Residual(Norm norm1, Conv conv1, Norm norm2, Conv conv2, @Nullable Conv shortcut)
      implements VaeLayer {
    static Residual load(Weights weights, VaeNames names, String module) {
      boolean changes = weights.has(names.inFile(module + ".conv_shortcut.weight"));
      return new Residual(
          Norm.load(weights, names, module + ".norm1"),
          Conv.load(weights, names, module + ".conv1"),
          Norm.load(weights, names, module + ".norm2"),
          Conv.load(weights, names, module + ".conv2"),
          changes ? Conv.load(weights, names, module + ".conv_shortcut") : null);
    }

    @Override
    public Tensor apply(Tensor x, int rows) {
      Tensor active = Ops.silu_(norm1.apply(x));
      Tensor y = conv1.apply(active, rows);
      active.close();
      Tensor z = conv2.apply(Ops.silu_(norm2.apply_(y)), rows);
      y.close();
      return z.add_(shortcut == null ? x : shortcut.apply(x, rows));
    }
  }

  /// One attention head over all places of the picture, and the input added.
  record Attend(Norm norm, Conv toQkv, Conv projection) implements VaeLayer {
    static Attend load(Weights weights, VaeNames names, String module) {
      return new Attend(
          Norm.load(weights, names, module + ".norm"),
          Conv.load(weights, names, module + ".to_qkv"),
          Conv.load(weights, names, module + ".proj"));
    }

    @Override
    public Tensor apply(Tensor x, int rows) {
      // Channels next to each other: over strided ones libtorch has no fused kernel and makes the
      // whole matrix of scores, 2 GB at 1024 x 1024 pixels.
      Tensor tokens =
          toQkv
              .apply(norm.apply(x), rows)
              .flatten(2, 3)
              .transpose(1, 2)
              .contiguous(); // (B, hw, 3C)
      List<Tensor> qkv = tokens.unsqueeze(2).chunk(3, -1); // (B, hw, 1, C) each
      Tensor attended = Attention.attend(qkv.get(0), qkv.get(1), qkv.get(2), null); // (B, hw, C)
      Tensor picture = attended.transpose(1, 2).reshape(x.shape());
      return projection.apply(picture, rows).add_(x);
    }
  }

  /// Half the size: zeros on the right and below, then a convolution of stride 2.
  record Downsample(Conv conv) implements VaeLayer {
    @Override
    public Tensor apply(Tensor x, int rows) {
      return Ops.conv2d(Ops.pad(x, 0, 1, 0, 1), conv.weight(), conv.bias(), 2, 0);
    }
  }

  /// Twice the size (nearest neighbour), then a convolution that halves the channels.
  record Upsample(Conv conv) implements VaeLayer {
    @Override
    public Tensor apply(Tensor x, int rows) {
      long height = x.size(2);
      long width = x.size(3);
      Tensor large =
          x.unsqueeze(3)
              .unsqueeze(5) // (B, C, h, 1, w, 1)
              .expand(x.size(0), x.size(1), height, 2, width, 2)
              .reshape(x.size(0), x.size(1), 2 * height, 2 * width);
      return conv.apply(large, rows);
    }
  }

  /// Norm, SiLU, last convolution.
  record Head(Norm norm, Conv conv) implements VaeLayer {
    static Head load(Weights weights, VaeNames names, String half) {
      return new Head(
          Norm.load(weights, names, half + ".norm_out"),
          Conv.load(weights, names, half + ".conv_out"));
    }

    @Override
    public Tensor apply(Tensor x, int rows) {
      return conv.apply(Ops.silu_(norm.apply(x)), rows);
    }
  }
}
