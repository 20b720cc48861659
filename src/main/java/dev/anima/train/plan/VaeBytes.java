package dev.anima.train.plan;

import dev.anima.model.Checkpoint;
import java.util.List;
import java.util.Map;

/// The weights of both halves of a VAE once they are folded to two dimensions.
///
/// @param base channels at full size
public record VaeBytes(int base, ModelBytes encoder, ModelBytes decoder) {

  /// Read from the header.
  ///
  /// @param arithmetic whose dtype the weights are converted to
  public static VaeBytes of(Checkpoint file, Arithmetic arithmetic) {
    long encoder = 0;
    long decoder = 0;
    long base = 0;
    for (Map.Entry<String, List<Long>> tensor : file.shapes().entrySet()) {
      String name = tensor.getKey();
      List<Long> shape = tensor.getValue();
      if (name.equals("encoder.conv_in.weight") || name.equals("encoder.conv1.weight")) {
        base = shape.getFirst();
      }
      if (name.contains("time_conv")) {
        continue; // not loaded
      }
      long elements = shape.stream().reduce(1L, Math::multiplyExact);
      long frames = shape.size() == 5 ? shape.get(2) : 1; // only the last acts on a picture
      long bytes = elements / frames * arithmetic.bytes();
      if (name.startsWith("decoder.")) {
        decoder += bytes;
      } else {
        encoder += bytes;
      }
    }
    return new VaeBytes(
        Math.toIntExact(base), new ModelBytes(0, encoder), new ModelBytes(0, decoder));
  }
}
