package dev.anima.model.vae;

import dev.anima.model.Checkpoint;
import dev.anima.model.ModelKind;
import dev.anima.model.ShapeReader;
import dev.anima.model.TensorLayout;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/// Width of a Qwen-Image VAE; depth and multipliers are fixed.
///
/// @param base channels at full resolution (96)
/// @param names spelling of the file
record VaeConfig(int base, VaeNames names) {
  /// Channels of a latent.
  static final int LATENT_CHANNELS = 16;

  /// Width of the encoder's four levels, in `base`.
  static final List<Integer> ENCODER_WIDTHS = List.of(1, 2, 4, 4);

  /// Residual blocks in an encoder level; the decoder has one more.
  static final int ENCODER_RESIDUALS = 2;

  static final int DECODER_RESIDUALS = ENCODER_RESIDUALS + 1;

  /// The real one.
  static final VaeConfig FULL_SIZE = new VaeConfig(96, VaeNames.LIBRARY);

  private static final String MODEL = ModelKind.QWEN_IMAGE_VAE.description();

  static VaeConfig of(Checkpoint checkpoint) {
    checkpoint.require(ModelKind.QWEN_IMAGE_VAE);
    return of(checkpoint.path(), checkpoint.shapes());
  }

  /// @param file for messages
  static VaeConfig of(Path file, Map<String, List<Long>> shapes) {
    VaeNames names = VaeNames.of(shapes);
    ShapeReader reader = new ShapeReader(file, MODEL, shapes);
    VaeConfig config = new VaeConfig(reader.size(names.inFile("encoder.conv_in.weight"), 0), names);
    config.layout().check(file, MODEL, shapes, _ -> false);
    return config;
  }

  /// Every tensor of a complete file, in the file's spelling.
  TensorLayout layout() {
    LayoutBuilder layout = new LayoutBuilder();
    int top = 4 * base;
    layout.conv("encoder.conv_in", base, 3, 3);
    int in = base;
    int index = 0;
    for (int level = 0; level < ENCODER_WIDTHS.size(); level++) {
      int out = ENCODER_WIDTHS.get(level) * base;
      for (int r = 0; r < ENCODER_RESIDUALS; r++) {
        layout.residual("encoder.down_blocks." + index++, in, out);
        in = out;
      }
      if (level < ENCODER_WIDTHS.size() - 1) {
        layout.resample("encoder.down_blocks." + index++, out, out, level > 0 ? out : 0);
      }
    }
    layout.middle("encoder.mid_block", top);
    layout.head("encoder", top, 2 * LATENT_CHANNELS);
    layout.conv("quant_conv", 2 * LATENT_CHANNELS, 2 * LATENT_CHANNELS, 1);
    layout.conv("post_quant_conv", LATENT_CHANNELS, LATENT_CHANNELS, 1);
    layout.conv("decoder.conv_in", top, LATENT_CHANNELS, 3);
    layout.middle("decoder.mid_block", top);
    in = top;
    List<Integer> widths = ENCODER_WIDTHS.reversed();
    for (int level = 0; level < widths.size(); level++) {
      int out = widths.get(level) * base;
      String block = "decoder.up_blocks." + level;
      for (int r = 0; r < DECODER_RESIDUALS; r++) {
        layout.residual(block + ".resnets." + r, in, out);
        in = out;
      }
      if (level < widths.size() - 1) {
        in = out / 2; // the upsampler halves the channels
        layout.resample(block + ".upsamplers.0", out, in, level < 2 ? 2 * out : 0);
      }
    }
    layout.head("decoder", base, 3);
    return layout.layout;
  }

  private final class LayoutBuilder {
    private final TensorLayout layout = new TensorLayout();

    private void add(String name, long... shape) {
      layout.add(names.inFile(name), shape);
    }

    private void conv(String name, int out, int in, int kernel) {
      add(name + ".weight", out, in, kernel, kernel, kernel);
      add(name + ".bias", out);
    }

    private void residual(String name, int in, int out) {
      add(name + ".norm1.gamma", in, 1, 1, 1);
      conv(name + ".conv1", out, in, 3);
      add(name + ".norm2.gamma", out, 1, 1, 1);
      conv(name + ".conv2", out, out, 3);
      if (in != out) {
        conv(name + ".conv_shortcut", out, in, 1);
      }
    }

    // timeOut: channels of the convolution over time, 0 for none (images never use it)
    private void resample(String name, int in, int out, int timeOut) {
      add(name + ".resample.1.weight", out, in, 3, 3);
      add(name + ".resample.1.bias", out);
      if (timeOut > 0) {
        add(name + ".time_conv.weight", timeOut, in, 3, 1, 1);
        add(name + ".time_conv.bias", timeOut);
      }
    }

    private void middle(String name, int width) {
      residual(name + ".resnets.0", width, width);
      add(name + ".attentions.0.norm.gamma", width, 1, 1);
      add(name + ".attentions.0.to_qkv.weight", 3L * width, width, 1, 1);
      add(name + ".attentions.0.to_qkv.bias", 3L * width);
      add(name + ".attentions.0.proj.weight", width, width, 1, 1);
      add(name + ".attentions.0.proj.bias", width);
      residual(name + ".resnets.1", width, width);
    }

    private void head(String half, int in, int out) {
      add(half + ".norm_out.gamma", in, 1, 1, 1);
      conv(half + ".conv_out", out, in, 3);
    }
  }
}
