package dev.anima.model;

import dev.anima.engine.Dtype;
import dev.anima.engine.Tensor;
import dev.anima.engine.TensorFile;
import dev.anima.io.InputException;
import dev.anima.io.SafetensorsFile;
import dev.anima.io.SafetensorsShards;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// The tensors of one model file, or of all parts of a sharded one, under names without the
/// prefixes that different programs put before them. Opening maps the files and reads their headers
/// only.
public final class Checkpoint implements TensorSource {
  private static final List<String> PREFIXES =
      List.of("net.", "model.diffusion_model.", "diffusion_model.", "model.");

  private final Path path;
  private final List<SafetensorsFile> files;
  private final Map<String, Source> sources;

  /// Where a tensor is stored.
  private record Source(SafetensorsFile file, SafetensorsFile.Entry entry) {}

  private Checkpoint(Path path, List<SafetensorsFile> files, Map<String, Source> sources) {
    this.path = path;
    this.files = files;
    this.sources = sources;
  }

  /// Opens `path`; if its name ends in `-00001-of-00004.safetensors`, all its parts.
  ///
  /// @throws InputException if a file is missing, damaged, or holds a tensor twice
  public static Checkpoint open(Path path) {
    List<SafetensorsFile> files = new ArrayList<>();
    try {
      for (Path part : SafetensorsShards.partsOf(path)) {
        files.add(SafetensorsFile.open(part));
      }
      return new Checkpoint(path, files, sources(files));
    } catch (RuntimeException e) {
      files.forEach(SafetensorsFile::close);
      throw e;
    }
  }

  private static Map<String, Source> sources(List<SafetensorsFile> files) {
    Map<String, Source> sources = new LinkedHashMap<>();
    for (SafetensorsFile file : files) {
      for (SafetensorsFile.Entry entry : file.entries().values()) {
        Source before = sources.put(strip(entry.name()), new Source(file, entry));
        if (before != null) {
          throw InputException.inFile(
              file.path(),
              "holds the tensor "
                  + strip(entry.name())
                  + " twice, as "
                  + before.entry().name()
                  + " and "
                  + entry.name());
        }
      }
    }
    return Collections.unmodifiableMap(sources);
  }

  /// `name` without `net.`, `model.diffusion_model.`, `diffusion_model.` and `model.`, in any
  /// combination.
  public static String strip(String name) {
    for (String prefix : PREFIXES) {
      if (name.startsWith(prefix)) {
        return strip(name.substring(prefix.length()));
      }
    }
    return name;
  }

  public Path path() {
    return path;
  }

  /// Shapes by stripped name, in file order.
  public Map<String, List<Long>> shapes() {
    Map<String, List<Long>> shapes = new LinkedHashMap<>();
    sources.forEach((name, source) -> shapes.put(name, source.entry().shape()));
    return shapes;
  }

  /// The `__metadata__` strings of the (first) file.
  public Map<String, String> metadata() {
    return files.getFirst().metadata();
  }

  /// Bytes of all tensors as stored.
  public long bytes() {
    return sources.values().stream().mapToLong(source -> source.entry().bytes()).sum();
  }

  /// What the file seems to hold.
  public ModelKind kind() {
    return ModelKind.of(files);
  }

  /// @throws InputException with the likely kind, if the file holds something else than `kind`
  public void require(ModelKind kind) {
    ModelKind found = kind();
    if (found == kind) {
      return;
    }
    String examples =
        found == ModelKind.UNKNOWN
            ? " (its tensors: "
                + String.join(", ", sources.keySet().stream().limit(3).toList())
                + (sources.size() > 3 ? ", ...)" : ")")
            : "";
    throw InputException.inFile(
        path,
        "this looks like " + found.description() + examples + ", expected " + kind.description());
  }

  @Override
  public boolean has(String name) {
    return sources.containsKey(name);
  }

  /// The tensor over the file's own memory: read-only, valid until [#close].
  @Override
  public Tensor view(String name) {
    Source source = source(name);
    return TensorFile.view(source.file(), source.entry().name());
  }

  /// Same dtype, aligned address.
  @Override
  public boolean usableInPlace(String name, Dtype dtype) {
    Source source = source(name);
    return source.entry().dtype().equals(dtype.safetensorsName())
        && source.file().bytes(source.entry().name()).address() % dtype.bytes() == 0;
  }

  @Override
  public Optional<StoredTensor> stored(String name) {
    Source source = source(name);
    return Optional.of(
        new StoredTensor(
            source.file().span(source.entry().name()),
            Dtype.ofSafetensors(source.entry().dtype()),
            source.entry().shape()));
  }

  /// The dtype `name` is stored in.
  public Dtype dtype(String name) {
    return Dtype.ofSafetensors(source(name).entry().dtype());
  }

  private Source source(String name) {
    Source source = sources.get(name);
    if (source == null) {
      throw InputException.inFile(path, "has no tensor " + name);
    }
    return source;
  }

  /// Unmaps the files; tensors used in place must not be used any more.
  @Override
  public void close() {
    files.forEach(SafetensorsFile::close);
  }
}
