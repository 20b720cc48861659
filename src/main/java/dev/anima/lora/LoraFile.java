package dev.anima.lora;

import dev.anima.engine.Device;
import dev.anima.engine.Dtype;
import dev.anima.engine.Scope;
import dev.anima.engine.Tensor;
import dev.anima.engine.TensorFile;
import dev.anima.io.InputException;
import dev.anima.io.SafetensorsFile;
import dev.anima.lora.LoraKeys.LoraKey;
import dev.anima.model.change.Factor;
import dev.anima.model.change.Hadamard;
import dev.anima.model.change.Kronecker;
import dev.anima.model.change.LowRank;
import dev.anima.model.change.WeightChange;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/// A LoRA file of any program, read by layer instead of by name. The tensors stay in the mapped
/// file until asked for.
public final class LoraFile implements AutoCloseable {
  private static final Set<String> READABLE = Set.of("F64", "F32", "F16", "BF16", "I64", "I32");

  /// Ends of the names that only the changes of convolutions have.
  private static final Set<String> TUCKER =
      Set.of(".hada_t1", ".hada_t2", ".lokr_t2", ".lora_mid.weight");

  /// What a DoRA has a length for.
  public enum Lengths {
    NONE,
    /// Each input, `(1, in)`: OneTrainer, this program.
    COLUMNS,
    /// Each output, `(out, 1)`: LyCORIS by default.
    ROWS
  }

  /// One module of the file.
  ///
  /// @param form LoRA, LoHa or LoKr with its shape
  /// @param alpha as stored; where the file has none it is the rank (scale 1), and 0 means the rank
  /// @param lengths of a DoRA
  /// @param keys names of the tensors
  public record Module(
      Network network,
      String path,
      LoraForm form,
      int rank,
      int in,
      int out,
      double alpha,
      Lengths lengths,
      Map<LoraPart, String> keys) {
    public double scale() {
      return form.isScaled() ? alpha / rank : 1;
    }
  }

  private record Layer(Network network, String path) {}

  private final SafetensorsFile file;
  private final Map<Layer, Module> modules = new LinkedHashMap<>();
  private final List<String> unknownKeys = new ArrayList<>();

  private LoraFile(SafetensorsFile file) {
    this.file = file;
  }

  /// Opens `path` and puts together its tensors, layer by layer.
  ///
  /// @throws InputException if it is no whole safetensors file, holds half a module, a wrong shape,
  ///   or changes of convolutions
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
    Map<Layer, Map<LoraPart, String>> found = new LinkedHashMap<>();
    for (String name : file.names()) {
      refuseConvolutions(name);
      keys.parse(name).ifPresentOrElse(key -> add(found, key, name), () -> unknownKeys.add(name));
    }
    found.forEach((layer, parts) -> modules.put(layer, module(layer, parts)));
  }

  private void add(Map<Layer, Map<LoraPart, String>> found, LoraKey key, String name) {
    Layer layer = new Layer(key.network(), key.path());
    String other =
        found.computeIfAbsent(layer, _ -> new EnumMap<>(LoraPart.class)).put(key.part(), name);
    if (other != null) {
      throw wrong("tensors " + other + " and " + name + " are for the same layer");
    }
  }

  private void refuseConvolutions(String name) {
    if (TUCKER.stream().anyMatch(name::endsWith)) {
      throw wrong("holds a change of a convolution (tensor " + name + "); Anima has none");
    }
  }

  private Module module(Layer layer, Map<LoraPart, String> names) {
    Map<LoraPart, List<Long>> shapes = new EnumMap<>(LoraPart.class);
    names.forEach((part, name) -> shapes.put(part, readable(name).shape()));
    return new StoredModule(file.path(), layer.network(), layer.path(), Map.copyOf(names), shapes)
        .read(this::scalar);
  }

  private double scalar(String name) {
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

  /// One matrix of a module, float32, in the caller's scope; perhaps over the file's own memory, so
  /// valid until [#close].
  ///
  /// A first factor of a LoKr that is kept as a product is multiplied out.
  ///
  /// @param part of the module's form, or its lengths
  public Tensor tensor(Module module, LoraPart part, Device device) {
    String name = module.keys().get(part);
    if (name != null) {
      return TensorFile.view(file, name).to(device, Dtype.F32);
    }
    if (part != LoraPart.LOKR_W1) {
      throw new IllegalArgumentException(module.path() + " has no " + part.suffix());
    }
    Tensor product =
        tensor(module, LoraPart.LOKR_W1_A, device)
            .matmul(tensor(module, LoraPart.LOKR_W1_B, device));
    // Our form scales the second factor's product alone; a whole one is not scaled.
    return module.form().isScaled() ? product : product.mul(ownScale(module));
  }

  /// Scale that LyCORIS gives to a module whose first factor alone is a product.
  private double ownScale(Module module) {
    String alpha = module.keys().get(LoraPart.ALPHA);
    double value = alpha == null ? 0 : scalar(alpha);
    return value == 0 ? 1 : value / module.rank();
  }

  /// `ΔW` of one module, float32, without its scale; likewise.
  public WeightChange change(Module module, Device device) {
    Function<LoraPart, Tensor> tensor = part -> tensor(module, part, device);
    Function<LoraPart, Factor> factor = part -> Factor.frozen(tensor(module, part, device));
    return switch (module.form()) {
      case LoraForm.LowRank() ->
          new LowRank(tensor.apply(LoraPart.DOWN), tensor.apply(LoraPart.UP));
      case LoraForm.Hadamard() ->
          new Hadamard(
              factor.apply(LoraPart.HADA_W1_A),
              factor.apply(LoraPart.HADA_W1_B),
              factor.apply(LoraPart.HADA_W2_A),
              factor.apply(LoraPart.HADA_W2_B));
      case LoraForm.Kronecker form ->
          new Kronecker(
              factor.apply(LoraPart.LOKR_W1),
              form.whole()
                  ? List.of(factor.apply(LoraPart.LOKR_W2))
                  : List.of(factor.apply(LoraPart.LOKR_W2_A), factor.apply(LoraPart.LOKR_W2_B)));
    };
  }

  @Override
  public void close() {
    file.close();
  }
}
