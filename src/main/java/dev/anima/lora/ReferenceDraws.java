package dev.anima.lora;

import dev.anima.io.SafetensorsFile;
import java.util.List;
import java.util.Map;

/// How many 32-bit words of torch's CPU generator the reference spends on initialising models whose
/// weights it then overwrites, between seeding and the first LoRA weight (spec/training.md §5.3).
/// Skipping them gives its LoRA weights bit for bit.
///
/// The DiT costs nothing: it is constructed without storage.
public final class ReferenceDraws {
  private ReferenceDraws() {}

  /// Qwen3 from a single file: constructed (linear layers uniform, embedding normal), then
  /// initialised again (all normal), with an output head that nobody uses. A model folder costs 0
  /// instead.
  public static long ofTextEncoderFile(SafetensorsFile checkpoint) {
    return ofTextEncoderFile(LinearModules.shapes(checkpoint));
  }

  static long ofTextEncoderFile(Map<String, List<Long>> shapes) {
    long words = 0;
    for (Map.Entry<String, List<Long>> tensor : shapes.entrySet()) {
      String name = tensor.getKey();
      if (tensor.getValue().size() != 2 || name.contains("lm_head")) {
        continue; // norms are filled with 1; the head is counted with the embedding
      }
      long elements = elements(tensor.getValue());
      if (name.endsWith("embed_tokens.weight")) {
        long head = elements + normalWords(elements);
        words += 2 * normalWords(elements) + head;
      } else {
        words += elements + normalWords(elements);
      }
    }
    return words;
  }

  /// The VAE: weights and biases of all convolutions, once; norms are filled with 1.
  public static long ofVae(SafetensorsFile checkpoint) {
    return ofVae(LinearModules.shapes(checkpoint));
  }

  static long ofVae(Map<String, List<Long>> shapes) {
    return shapes.entrySet().stream()
        .filter(tensor -> !tensor.getKey().endsWith(".gamma"))
        .mapToLong(tensor -> elements(tensor.getValue()))
        .sum();
  }

  private static long elements(List<Long> shape) {
    return shape.stream().mapToLong(Long::longValue).reduce(1, Math::multiplyExact);
  }

  /// Words of `normal_` on n >= 16 elements: n, and 16 more when the last block is not whole.
  private static long normalWords(long elements) {
    return elements % 16 == 0 ? elements : elements + 16;
  }
}
