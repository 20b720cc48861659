package dev.anima.lora;

import dev.anima.engine.Dtype;
import dev.anima.io.InputException;
import dev.anima.io.SafetensorsFile;
import dev.anima.io.SafetensorsWriter;
import dev.anima.io.TensorData;
import dev.anima.lora.LoraKeys.LoraKey;
import dev.anima.lora.LoraKeys.Style;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/// Rewrites a LoRA file of any program with the key names of another; numbers stay as they are.
public final class LoraConversion {
  private LoraConversion() {}

  /// @param converted tensors that got a name of the wanted style
  /// @param kept names of tensors that are no part of a LoRA for a known layer: copied as they are
  public record Report(int converted, List<String> kept) {}

  /// Metadata is kept; where there is some, its two hashes are made anew. A module without alpha
  /// gets alpha = rank in the sd-scripts style, whose readers want one.
  ///
  /// @throws InputException if `source` is no safetensors file or holds nothing of a LoRA
  public static Report convert(Path source, Path target, Style style, LoraKeys keys) {
    if (source.toAbsolutePath().normalize().equals(target.toAbsolutePath().normalize())) {
      throw InputException.inFile(source, "cannot be converted onto itself; name another target");
    }
    try (SafetensorsFile file = SafetensorsFile.open(source)) {
      List<TensorData> tensors = new ArrayList<>();
      List<String> kept = new ArrayList<>();
      Map<String, String> namesUsed = new HashMap<>();
      for (SafetensorsFile.Entry entry : file.entries().values()) {
        Optional<LoraKey> key = keys.parse(entry.name());
        String name = key.map(k -> k.name(style)).orElse(entry.name());
        if (key.isEmpty()) {
          kept.add(entry.name());
        }
        String other = namesUsed.put(name, entry.name());
        if (other != null) {
          throw InputException.inFile(
              source, "tensors " + other + " and " + entry.name() + " would both become " + name);
        }
        tensors.add(new TensorData(name, entry.dtype(), entry.shape(), file.bytes(entry.name())));
      }
      int converted = tensors.size() - kept.size();
      if (converted == 0) {
        throw InputException.inFile(source, "holds no tensor of a LoRA for Anima");
      }
      if (style == Style.SD_SCRIPTS) {
        addAlphas(file, keys, tensors);
      }
      write(target, tensors, file.metadata());
      return new Report(converted, List.copyOf(kept));
    }
  }

  private static void addAlphas(SafetensorsFile file, LoraKeys keys, List<TensorData> tensors) {
    Set<String> present = new HashSet<>();
    tensors.forEach(tensor -> present.add(tensor.name()));
    for (SafetensorsFile.Entry entry : file.entries().values()) {
      Optional<LoraKey> ofRank = keys.parse(entry.name()).filter(key -> key.part().hasRankRows());
      if (ofRank.isPresent()) {
        LoraKey alpha = new LoraKey(ofRank.get().network(), ofRank.get().path(), LoraPart.ALPHA);
        String name = alpha.name(Style.SD_SCRIPTS);
        if (present.add(name)) {
          tensors.add(
              new TensorData(
                  name, "F32", List.of(), LoraSaver.scalar(entry.shape().getFirst(), Dtype.F32)));
        }
      }
    }
  }

  private static void write(Path target, List<TensorData> tensors, Map<String, String> metadata) {
    if (metadata.isEmpty()) {
      SafetensorsWriter.write(target, tensors);
    } else {
      SafetensorsWriter.writeWithHashes(target, tensors, metadata);
    }
  }
}
