package dev.anima.model.vae;

import dev.anima.engine.NoGrad;
import dev.anima.engine.Ops;
import dev.anima.engine.Scope;
import dev.anima.engine.Tensor;
import dev.anima.model.Attention;
import dev.anima.model.Checkpoint;
import dev.anima.model.Placement;
import dev.anima.model.RandomTensors;
import dev.anima.model.WeightEdit;
import dev.anima.model.Weights;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.UnaryOperator;

/// The encoder as the file and the reference have it, for video: causal 3-D convolutions over one
/// frame with zeros before it. What [QwenImageVae] replaces; here to measure and to test against.
///
/// Shapes: `B` batch, `(B, C, t, h, w)` with `t = 1` throughout.
public final class VideoEncoder implements AutoCloseable {
  private final Weights weights;
  private final List<Layer> layers = new ArrayList<>();

  /// `(B, C, 1, h, w)` to `(B, C', 1, h', w')`.
  private interface Layer extends UnaryOperator<Tensor> {}

  private VideoEncoder(VaeConfig config, Weights weights) {
    this.weights = weights;
    VaeNames names = config.names();
    layers.add(convolution(names, "encoder.conv_in"));
    int index = 0;
    int levels = VaeConfig.ENCODER_WIDTHS.size();
    for (int level = 0; level < levels; level++) {
      for (int r = 0; r < VaeConfig.ENCODER_RESIDUALS; r++) {
        layers.add(residual(names, "encoder.down_blocks." + index++));
      }
      if (level < levels - 1) {
        layers.add(downsample(names, "encoder.down_blocks." + index++ + ".resample.1"));
      }
    }
    layers.add(residual(names, "encoder.mid_block.resnets.0"));
    layers.add(attention(names, "encoder.mid_block.attentions.0"));
    layers.add(residual(names, "encoder.mid_block.resnets.1"));
    Layer norm = norm(names, "encoder.norm_out");
    Layer last = convolution(names, "encoder.conv_out");
    layers.add(x -> last.apply(Ops.silu(norm.apply(x))));
    layers.add(convolution(names, "quant_conv"));
    weights.loaded();
  }

  /// @throws dev.anima.io.InputException if the file is not a complete Qwen-Image VAE
  public static VideoEncoder load(Path file, Placement placement) {
    Checkpoint checkpoint = Checkpoint.open(file);
    Weights weights = new Weights(checkpoint, placement, WeightEdit.NONE);
    try {
      return new VideoEncoder(VaeConfig.of(checkpoint), weights);
    } catch (RuntimeException e) {
      weights.close();
      throw e;
    }
  }

  /// The weights of [QwenImageVae#random] with the same seed.
  public static VideoEncoder random(Placement placement, long seed) {
    VaeConfig config = VaeConfig.FULL_SIZE;
    return new VideoEncoder(
        config,
        new Weights(
            new RandomTensors(config.layout(), placement, seed), placement, WeightEdit.NONE));
  }

  /// The distribution of the latents, not normalised.
  ///
  /// @param pixels `(B, 3, H, W)` in [-1, 1]
  /// @return `(B, 16, 1, h, w)` each, in the current scope
  public QwenImageVae.Moments moments(Tensor pixels) {
    try (NoGrad _ = new NoGrad()) {
      Tensor x = pixels.to(weights.placement().dtype()).unsqueeze(2);
      for (Layer layer : layers) {
        Tensor before = x;
        x = Scope.keep(() -> layer.apply(before));
        before.close();
      }
      return QwenImageVae.Moments.of(x);
    }
  }

  private Tensor weight(VaeNames names, String name) {
    return weights.tensor(names.inFile(name));
  }

  private Layer convolution(VaeNames names, String module) {
    Tensor weight = weight(names, module + ".weight"); // (out, in, k, k, k)
    Tensor bias = weight(names, module + ".bias");
    long k = weight.size(-1);
    // All of the padding in time lies before the frame: it does not see the future.
    return x -> Ops.conv3d(Ops.pad(x, k / 2, k / 2, k / 2, k / 2, k - 1, 0), weight, bias);
  }

  private Layer norm(VaeNames names, String module) {
    Tensor gamma =
        weights.tensor(
            names.inFile(module + ".gamma"), stored -> stored.view(1, stored.size(0), 1, 1, 1));
    double length = Math.sqrt((double) gamma.numel());
    return x -> x.div(x.norm(true, 1).clampMin(1e-12)).mul(length).mul(gamma);
  }

  private Layer residual(VaeNames names, String module) {
    Layer norm1 = norm(names, module + ".norm1");
    Layer conv1 = convolution(names, module + ".conv1");
    Layer norm2 = norm(names, module + ".norm2");
    Layer conv2 = convolution(names, module + ".conv2");
    boolean changes = weights.has(names.inFile(module + ".conv_shortcut.weight"));
    Layer shortcut = changes ? convolution(names, module + ".conv_shortcut") : x -> x;
    return x -> {
      Tensor y = conv1.apply(Ops.silu(norm1.apply(x)));
      return conv2.apply(Ops.silu(norm2.apply(y))).add(shortcut.apply(x));
    };
  }

  /// Every frame for itself; the convolution over time that follows in the file leaves the first
  /// frame alone.
  private Layer downsample(VaeNames names, String module) {
    Tensor weight = weight(names, module + ".weight");
    Tensor bias = weight(names, module + ".bias");
    return x -> Ops.conv2d(Ops.pad(x.squeeze(2), 0, 1, 0, 1), weight, bias, 2, 0).unsqueeze(2);
  }

  private Layer attention(VaeNames names, String module) {
    Tensor gamma =
        weights.tensor(
            names.inFile(module + ".norm.gamma"), stored -> stored.view(1, stored.size(0), 1, 1));
    Tensor qkv = weight(names, module + ".to_qkv.weight");
    Tensor qkvBias = weight(names, module + ".to_qkv.bias");
    Tensor out = weight(names, module + ".proj.weight");
    Tensor outBias = weight(names, module + ".proj.bias");
    double length = Math.sqrt((double) gamma.numel());
    return x -> {
      Tensor frame = x.squeeze(2); // (B, C, h, w)
      Tensor n = frame.div(frame.norm(true, 1).clampMin(1e-12)).mul(length).mul(gamma);
      Tensor tokens = Ops.conv2d(n, qkv, qkvBias, 1, 0).flatten(2, 3).transpose(1, 2);
      List<Tensor> parts = tokens.unsqueeze(2).chunk(3, -1); // (B, hw, 1, C) each
      Tensor attended = Attention.attend(parts.get(0), parts.get(1), parts.get(2), null);
      Tensor picture = attended.transpose(1, 2).reshape(frame.shape());
      return Ops.conv2d(picture, out, outBias, 1, 0).add(frame).unsqueeze(2);
    };
  }

  @Override
  public void close() {
    weights.close();
  }
}
