package dev.anima.model.vae;

import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// The two spellings of the VAE's tensor names: the library's (`encoder.conv_in.weight`), which
/// this package uses, and that of the single file users have (`encoder.conv1.weight`).
enum VaeNames {
  LIBRARY,
  SINGLE_FILE;

  /// What only the single file has.
  private static final String SINGLE_FILE_MARK = "conv1.bias";

  private static final Map<String, String> ENDS =
      Map.of("conv_in", "conv1", "norm_out", "head.0", "conv_out", "head.2");
  private static final Map<String, String> MIDDLE =
      Map.of("resnets.0", "0", "attentions.0", "1", "resnets.1", "2");
  private static final Map<String, String> RESIDUAL =
      Map.of(
          "norm1", "residual.0",
          "conv1", "residual.2",
          "norm2", "residual.3",
          "conv2", "residual.6",
          "conv_shortcut", "shortcut");

  private static final Pattern END =
      Pattern.compile("(encoder|decoder)\\.(conv_in|norm_out|conv_out)\\.(.*)");
  private static final Pattern MID =
      Pattern.compile("(encoder|decoder)\\.mid_block\\.(\\w+\\.\\d)\\.(.*)");
  private static final Pattern DOWN = Pattern.compile("encoder\\.down_blocks\\.(\\d+)\\.(.*)");
  private static final Pattern UP =
      Pattern.compile("decoder\\.up_blocks\\.(\\d)\\.(resnets|upsamplers)\\.(\\d)\\.(.*)");

  static VaeNames of(Map<String, ?> names) {
    return names.containsKey(SINGLE_FILE_MARK) ? SINGLE_FILE : LIBRARY;
  }

  /// How a file in this spelling calls the tensor that the library calls `name`.
  String inFile(String name) {
    return switch (this) {
      case LIBRARY -> name;
      case SINGLE_FILE -> singleFile(name);
    };
  }

  private static String singleFile(String name) {
    if (name.startsWith("quant_conv.")) {
      return "conv1." + name.substring("quant_conv.".length());
    }
    if (name.startsWith("post_quant_conv.")) {
      return "conv2." + name.substring("post_quant_conv.".length());
    }
    Matcher end = END.matcher(name);
    if (end.matches()) {
      return end.group(1) + "." + ENDS.get(end.group(2)) + "." + end.group(3);
    }
    Matcher mid = MID.matcher(name);
    if (mid.matches()) {
      return mid.group(1) + ".middle." + MIDDLE.get(mid.group(2)) + "." + leaf(mid.group(3));
    }
    Matcher down = DOWN.matcher(name);
    if (down.matches()) {
      return "encoder.downsamples." + down.group(1) + "." + leaf(down.group(2));
    }
    Matcher up = UP.matcher(name);
    if (up.matches()) {
      int place = up.group(2).equals("upsamplers") ? 3 : Integer.parseInt(up.group(3));
      return "decoder.upsamples."
          + (4 * Integer.parseInt(up.group(1)) + place)
          + "."
          + leaf(up.group(4));
    }
    throw new IllegalArgumentException("no VAE tensor is called " + name);
  }

  private static String leaf(String rest) {
    int dot = rest.indexOf('.');
    String first = rest.substring(0, dot);
    return RESIDUAL.getOrDefault(first, first) + rest.substring(dot);
  }
}
