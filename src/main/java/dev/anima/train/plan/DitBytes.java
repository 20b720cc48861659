package dev.anima.train.plan;

import dev.anima.engine.Dtype;
import dev.anima.model.Checkpoint;
import dev.anima.model.WeightStorage;
import dev.anima.model.dit.BlockWeights;
import dev.anima.model.dit.DitConfig;
import java.util.List;
import java.util.Map;
import java.util.function.BiPredicate;
import java.util.function.Function;

/// Where the bytes of a DiT (and its LLM adapter) lie once it is loaded.
///
/// @param mapped in the file's mapping: the system drops such pages and reads them again as it
///   likes, so they do not count
/// @param own in memory of the program or on the card
/// @param matrices of one block, as kept: attention and MLP, what can be packed and swapped
/// @param matricesAreOwn whether those are part of `own`
/// @param swappable whether matrices may wait outside: on the CPU what is packed or changed by
///   `--base_weights` lies in no file
/// @param computeMatrices the same in the dtype that computes
/// @param loading temporaries while the largest tensor is converted or packed
public record DitBytes(
    long mapped,
    long own,
    long matrices,
    boolean matricesAreOwn,
    boolean swappable,
    long computeMatrices,
    long loading) {

  /// Of the file, read from its header.
  ///
  /// @param edited whether `--base_weights` changes the matrices
  public static DitBytes of(
      Checkpoint file,
      DitConfig config,
      Arithmetic arithmetic,
      WeightStorage storage,
      boolean edited) {
    boolean mayMap = arithmetic.isCpu() && storage == WeightStorage.COMPUTE;
    return of(
        config,
        arithmetic,
        storage,
        name -> isTable(name) ? file.dtype(name) : arithmetic.compute(),
        (name, dtype) -> mayMap && !(edited && isMatrix(name)) && file.usableInPlace(name, dtype),
        !arithmetic.isCpu() || (storage == WeightStorage.COMPUTE && !edited));
  }

  /// Of a model that lies in no file.
  public static DitBytes made(DitConfig config, Arithmetic arithmetic, WeightStorage storage) {
    return of(
        config,
        arithmetic,
        storage,
        _ -> arithmetic.compute(),
        (_, _) -> false,
        !arithmetic.isCpu() || storage == WeightStorage.COMPUTE);
  }

  private static DitBytes of(
      DitConfig config,
      Arithmetic arithmetic,
      WeightStorage storage,
      Function<String, Dtype> dtypes,
      BiPredicate<String, Dtype> isMapped,
      boolean swappable) {
    long mapped = 0;
    long own = 0;
    long matrices = 0;
    long elements = 0;
    long largest = 0;
    boolean matricesAreOwn = false;
    for (Map.Entry<String, List<Long>> tensor : config.layout().expected().entrySet()) {
      String name = tensor.getKey();
      List<Long> shape = tensor.getValue();
      long count = shape.stream().reduce(1L, Math::multiplyExact);
      boolean matrix = BlockWeights.isPackable(name);
      Dtype dtype = dtypes.apply(name);
      boolean packed = matrix && storage != WeightStorage.COMPUTE;
      long bytes = packed ? count + shape.getFirst() * arithmetic.bytes() : count * dtype.bytes();
      if (isMapped.test(name, dtype)) {
        mapped += bytes;
      } else {
        own += bytes;
        largest = Math.max(largest, count);
        matricesAreOwn |= matrix;
      }
      if (matrix) {
        matrices += bytes;
        elements += count;
      }
    }
    // Packing holds a matrix, and it in float32 three times over; converting needs no copy.
    long packing = 3L * Float.BYTES + arithmetic.bytes() + 2;
    return new DitBytes(
        mapped,
        own,
        matrices / config.blocks(),
        matricesAreOwn,
        swappable,
        elements / config.blocks() * arithmetic.bytes(),
        storage == WeightStorage.COMPUTE ? 0 : largest * packing);
  }

  /// Lookup tables stay in the dtype of the file.
  private static boolean isTable(String name) {
    return name.endsWith("embed.weight");
  }

  private static boolean isMatrix(String name) {
    return name.endsWith(".weight") && !name.contains("norm");
  }

  /// Bytes that are not there with `swapped` blocks outside; two staging buffers take their place.
  public long savedBySwapping(int swapped) {
    if (!swappable) {
      return 0;
    }
    long gone = matricesAreOwn ? matrices * swapped : 0;
    return gone - Math.min(2, swapped) * matrices;
  }
}
