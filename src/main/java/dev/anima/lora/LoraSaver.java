package dev.anima.lora;

import dev.anima.engine.Device;
import dev.anima.engine.Dtype;
import dev.anima.engine.NoGrad;
import dev.anima.engine.Ops;
import dev.anima.engine.Scope;
import dev.anima.engine.Tensor;
import dev.anima.io.SafetensorsWriter;
import dev.anima.io.TensorData;
import dev.anima.lora.FlatLayout.Slice;
import dev.anima.lora.LoraKeys.LoraKey;
import dev.anima.lora.LoraKeys.Style;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;

/// Writes a LoRA set as a file.
public final class LoraSaver {
  private LoraSaver() {}

  /// @param precision `--save_precision`; absent: as the weights are held
  /// @param integerAlpha write alpha as int64 when there is no precision, as the reference does for
  ///   its default alpha ([LoraSpec#integerAlpha]); otherwise alpha is always a float
  public record Options(Style style, Optional<Dtype> precision, boolean integerAlpha) {
    public static final Options DEFAULT = new Options(Style.SD_SCRIPTS, Optional.empty(), false);
  }

  /// Writes all modules with `metadata` and the two hashes over them. Atomic: an old file stays
  /// whole until the new one is. Waits for the device.
  public static void save(LoraSet set, Path file, Map<String, String> metadata, Options options) {
    try (Scope _ = new Scope();
        NoGrad _ = new NoGrad()) {
      SafetensorsWriter.writeWithHashes(file, tensors(set, options), metadata);
    }
  }

  /// The tensors of the file. Their bytes live as long as the caller's scope and the set.
  static List<TensorData> tensors(LoraSet set, Options options) {
    Dtype dtype = options.precision().orElse(set.weights().dtype());
    Tensor all = set.weights().to(Device.CPU, dtype); // one transfer, one cast
    List<TensorData> tensors = new ArrayList<>();
    slices(set.layout())
        .forEach(slice -> tensors.add(matrix(all.memory(), dtype, slice, options.style())));
    for (LoraAdapter adapter : set.modules()) {
      tensors.add(alpha(adapter, dtype, options));
    }
    return tensors;
  }

  private static Stream<Slice> slices(FlatLayout layout) {
    return Stream.concat(
        layout.groups().stream().flatMap(group -> group.slices().stream()),
        layout.frozen().stream());
  }

  private static TensorData matrix(MemorySegment all, Dtype dtype, Slice slice, Style style) {
    LoraParameter parameter = slice.parameter();
    return new TensorData(
        key(parameter.module(), parameter.part()).name(style),
        dtype.safetensorsName(),
        List.of(parameter.rows(), parameter.columns()),
        all.asSlice(slice.offset() * dtype.bytes(), slice.length() * dtype.bytes()));
  }

  private static TensorData alpha(LoraAdapter adapter, Dtype dtype, Options options) {
    boolean integer =
        options.integerAlpha()
            && options.precision().isEmpty()
            && adapter.alpha() == Math.rint(adapter.alpha());
    Dtype alphaDtype = integer ? Dtype.I64 : dtype;
    return new TensorData(
        key(adapter.module(), LoraPart.ALPHA).name(options.style()),
        alphaDtype.safetensorsName(),
        List.of(),
        scalar(adapter.alpha(), alphaDtype));
  }

  private static LoraKey key(LoraModule module, LoraPart part) {
    return new LoraKey(module.network(), module.path(), part);
  }

  /// The bytes of a 0-dimensional tensor.
  static MemorySegment scalar(double value, Dtype dtype) {
    try (Scope _ = new Scope()) {
      return MemorySegment.ofArray(Ops.full(value, dtype, Device.CPU).toBytes());
    }
  }
}
