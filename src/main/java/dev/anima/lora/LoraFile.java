package dev.anima.lora;

import dev.anima.engine.Device;
import dev.anima.engine.Dtype;
import dev.anima.engine.Scope;
import dev.anima.engine.Tensor;
import dev.anima.engine.TensorFile;
import dev.anima.io.InputException;
import dev.anima.io.SafetensorsFile;
import dev.anima.lora.LoraKeys.LoraKey;
import dev.anima.lora.LoraKeys.Part;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/// A LoRA file of any program, read by layer instead of by name. The tensors stay in the mapped
/// file until asked for.
public final class LoraFile implements AutoCloseable {
  private static final Set<String> READABLE = Set.of("F64", "F32", "F16", "BF16", "I64", "I32");

  /// One module of the file.
  ///
  /// @param alpha as stored; where the file has none it is the rank (scale 1), and 0 means the rank
  /// @param downKey name of the tensor A, `(rank, in)`
  /// @param upKey name of the tensor B, `(out, rank)`
  public record Module(
      Network network,
      String path,
      int rank,
      int in,
      int out,
      double alpha,
      String downKey,
      String upKey) {
    public double scale() {
      return alpha / rank;
    }
  }

  private record Layer(Network network, String path) {}

  private final SafetensorsFile file;
  private final Map<Layer, Module> modules = new LinkedHashMap<>();
  private final List<String> unknownKeys = new ArrayList<>();

  private LoraFile(SafetensorsFile file) {
    this.file = file;
  }

  /// Opens `path` and pairs its tensors.
  ///
  /// @throws InputException if it is no whole safetensors file, holds half a pair, a wrong shape,
  ///   or another kind of network (DoRA, LoHa, LoKr)
  @SuppressWarnings("MustBeClosedChecker") // the returned object owns the file
  public static LoraFile open(Path path, LoraKeys keys) {
    SafetensorsFile file = SafetensorsFile.open(path);
    try {
      LoraFile lora = new LoraFile(file);
      lora.pair(keys);
      return lora;
    } catch (RuntimeException e) {
      file.close();
      throw e;
    }
  }

  private void pair(LoraKeys keys) {
    Map<Layer, Map<Part, String>> found = new LinkedHashMap<>();
    for (String name : file.names()) {
      refuseOtherNetworks(name);
      keys.parse(name).ifPresentOrElse(key -> add(found, key, name), () -> unknownKeys.add(name));
    }
    found.forEach((layer, parts) -> modules.put(layer, module(layer, parts)));
  }

  private void add(Map<Layer, Map<Part, String>> found, LoraKey key, String name) {
    if (key.part() == Part.DORA_SCALE) {
      throw wrong("holds a DoRA (tensor " + name + "); only plain LoRA files can be loaded");
    }
    Layer layer = new Layer(key.network(), key.path());
    String other =
        found.computeIfAbsent(layer, _ -> new EnumMap<>(Part.class)).put(key.part(), name);
    if (other != null) {
      throw wrong("tensors " + other + " and " + name + " are for the same layer");
    }
  }

  private void refuseOtherNetworks(String name) {
    if (name.contains(".hada_")) {
      throw wrong("holds a LoHa (tensor " + name + "), expected a LoRA");
    }
    if (name.contains(".lokr_")) {
      throw wrong("holds a LoKr (tensor " + name + "), expected a LoRA");
    }
  }

  private Module module(Layer layer, Map<Part, String> parts) {
    String down = parts.get(Part.DOWN);
    String up = parts.get(Part.UP);
    if (down == null || up == null) {
      throw wrong(
          "holds only %s for layer %s, expected a pair of down (A) and up (B) matrices"
              .formatted(String.join(" and ", parts.values()), layer.path()));
    }
    List<Long> downShape = matrixShape(down);
    List<Long> upShape = matrixShape(up);
    if (!downShape.get(0).equals(upShape.get(1))) {
      throw wrong(
          "%s %s and %s %s do not fit together: the rank differs"
              .formatted(down, downShape, up, upShape));
    }
    int rank = Math.toIntExact(downShape.get(0));
    double alpha = alpha(parts.get(Part.ALPHA), rank);
    return new Module(
        layer.network(),
        layer.path(),
        rank,
        Math.toIntExact(downShape.get(1)),
        Math.toIntExact(upShape.get(0)),
        alpha == 0 ? rank : alpha,
        down,
        up);
  }

  private List<Long> matrixShape(String name) {
    SafetensorsFile.Entry entry = readable(name);
    if (entry.shape().size() != 2 || entry.shape().contains(0L)) {
      throw wrong("tensor " + name + " has shape " + entry.shape() + ", expected a matrix");
    }
    return entry.shape();
  }

  private double alpha(@Nullable String name, int rank) {
    if (name == null) {
      return rank; // no alpha means scale 1, never alpha 1
    }
    readable(name);
    try (Scope _ = new Scope()) {
      Tensor alpha = TensorFile.view(file, name);
      if (alpha.numel() != 1 || !Double.isFinite(alpha.to(Dtype.F64).item())) {
        throw wrong("tensor " + name + " is no finite number");
      }
      return alpha.to(Dtype.F64).item();
    }
  }

  private SafetensorsFile.Entry readable(String name) {
    SafetensorsFile.Entry entry = file.entry(name);
    if (!READABLE.contains(entry.dtype())) {
      throw wrong("tensor " + name + " is " + entry.dtype() + ", expected F32, F16 or BF16");
    }
    return entry;
  }

  private InputException wrong(String message) {
    return InputException.inFile(file.path(), message);
  }

  public Path path() {
    return file.path();
  }

  public Map<String, String> metadata() {
    return file.metadata();
  }

  /// All modules, in the file's order.
  public Collection<Module> modules() {
    return modules.values();
  }

  public @Nullable Module module(Network network, String path) {
    return modules.get(new Layer(network, path));
  }

  /// Tensors that are no part of a LoRA for a known layer.
  public List<String> unknownKeys() {
    return unknownKeys;
  }

  /// A of one module, float32 `(rank, in)`, in the caller's scope; perhaps over the file's own
  /// memory, so valid until [#close].
  public Tensor down(Module module, Device device) {
    return TensorFile.view(file, module.downKey()).to(device, Dtype.F32);
  }

  /// B of one module, float32 `(out, rank)`, likewise.
  public Tensor up(Module module, Device device) {
    return TensorFile.view(file, module.upKey()).to(device, Dtype.F32);
  }

  @Override
  public void close() {
    file.close();
  }
}
