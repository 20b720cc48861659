package dev.anima.train.plan;

import dev.anima.engine.Dtype;
import dev.anima.model.Checkpoint;
import dev.anima.model.text.Qwen3Config;
import java.util.List;
import java.util.Map;

/// Where the weights of a smaller model lie once it is loaded.
///
/// @param mapped in the file's mapping, see [DitBytes]
/// @param own in memory of the program or on the card
public record ModelBytes(long mapped, long own) {
  public static final ModelBytes NONE = new ModelBytes(0, 0);

  /// Of Qwen3, read from the header.
  public static ModelBytes ofQwen3(Checkpoint file, Qwen3Config config, Arithmetic arithmetic) {
    long mapped = 0;
    long own = 0;
    for (Map.Entry<String, List<Long>> tensor : config.layout().expected().entrySet()) {
      String name = tensor.getKey();
      boolean table = name.startsWith("embed_tokens."); // stays in the dtype of the file
      Dtype dtype = table ? file.dtype(name) : arithmetic.compute();
      long bytes = tensor.getValue().stream().reduce(1L, Math::multiplyExact) * dtype.bytes();
      if (arithmetic.isCpu() && file.usableInPlace(name, dtype)) {
        mapped += bytes;
      } else {
        own += bytes;
      }
    }
    return new ModelBytes(mapped, own);
  }
}
