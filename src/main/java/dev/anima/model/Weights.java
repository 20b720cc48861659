package dev.anima.model;

import dev.anima.engine.Scope;
import dev.anima.engine.Tensor;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.UnaryOperator;

/// Owner of one model's tensors: takes them out of a checkpoint (or another source) into the wanted
/// dtype and device.
///
/// A tensor that already has the dtype stays in the file's mapping (no second copy, the system
/// pages it in); others are converted once. [#close] frees the tensors, then the mapping.
public final class Weights implements AutoCloseable {
  private final TensorSource source;
  private final Placement placement;
  private final WeightEdit edit;
  private final WeightStorage storage;
  private final List<Tensor> owned = new ArrayList<>();
  private boolean usedInPlace;
  private boolean fileOpen = true;

  /// @param source owned from here on
  public Weights(TensorSource source, Placement placement, WeightEdit edit) {
    this(source, placement, edit, WeightStorage.COMPUTE);
  }

  /// As above, with [#packable] layers kept in `storage`. A packed model leaves nothing in the
  /// file's mapping: the pages of what was packed would count as memory in use.
  public Weights(TensorSource source, Placement placement, WeightEdit edit, WeightStorage storage) {
    this.source = source;
    this.placement = placement;
    this.edit = edit;
    this.storage = storage;
  }

  /// How [#packable] layers are kept.
  public WeightStorage storage() {
    return storage;
  }

  public Placement placement() {
    return placement;
  }

  public boolean has(String name) {
    return source.has(name);
  }

  /// The tensor `name` in the model's dtype, on its device.
  public Tensor tensor(String name) {
    return tensor(name, UnaryOperator.identity());
  }

  /// The lookup table `name` in the dtype of the file, on the model's device: converting the rows
  /// that are looked up gives the same numbers and spares a copy of the largest tensor.
  public Tensor table(String name) {
    try (Scope _ = new Scope()) {
      Tensor stored = source.view(name);
      if (mayStayMapped() && source.usableInPlace(name, stored.dtype())) {
        usedInPlace = true;
        return own(stored);
      }
      return own(placement.device().isCpu() ? stored.copy() : stored.to(placement.device()));
    }
  }

  /// The tensor `name` after `change`, in the model's dtype, on its device.
  ///
  /// @param change applied to the stored tensor: takes a view (a slice, another shape), or nothing
  public Tensor tensor(String name, UnaryOperator<Tensor> change) {
    try (Scope _ = new Scope()) {
      Tensor stored = source.view(name);
      Tensor wanted = change.apply(stored);
      boolean inPlace =
          mayStayMapped() && wanted.isContiguous() && source.usableInPlace(name, placement.dtype());
      if (inPlace) {
        usedInPlace = true;
        return own(wanted);
      }
      Tensor moved = wanted.to(placement.device(), placement.dtype()).contiguous();
      // Same dtype and device but misaligned: nothing above copied.
      boolean stillMapped =
          placement.device().isCpu()
              && wanted.isContiguous()
              && stored.dtype() == placement.dtype();
      return own(stillMapped ? moved.copy() : moved);
    }
  }

  /// The linear layer `module`, with its bias if the file has one.
  public Linear linear(String module) {
    String biasName = module + ".bias";
    Tensor weight = tensor(module + ".weight");
    try (Scope _ = new Scope()) {
      Tensor edited = edit.apply(module, weight);
      if (edited != weight) {
        weight.close();
        owned.remove(weight);
        weight = own(edited);
      }
    }
    return new Linear(
        module, new FrozenMatrix.Dense(weight), has(biasName) ? tensor(biasName) : null);
  }

  /// A linear layer without bias whose weight may be kept in the model's [WeightStorage]. Edits
  /// come before packing; only one matrix at a time exists in both forms.
  public Linear packable(String module) {
    if (storage == WeightStorage.COMPUTE) {
      return linear(module);
    }
    try (Scope _ = new Scope()) {
      Tensor stored = source.view(module + ".weight");
      Tensor weight = edit.apply(module, stored.to(placement.device(), placement.dtype()));
      FrozenMatrix.RowScaled packed = storage.pack(weight);
      own(packed.codes());
      own(packed.scales());
      return new Linear(module, packed, null);
    }
  }

  /// A layer as from [#packable] that waits outside the device until its block is used.
  ///
  /// On the CPU: in the file, unless it is packed or changed by an edit; what is made of the file's
  /// numbers stays in memory, where it would wait anyway. On a card: in main memory, in the form it
  /// is kept in.
  ///
  /// @param layer its name inside the block
  public Linear waiting(String module, LayerStream stream, int block, String layer) {
    String name = module + ".weight";
    if (placement.device().isCpu()) {
      Optional<StoredTensor> stored = source.stored(name);
      boolean asInFile = storage == WeightStorage.COMPUTE && !isEdited(module);
      return stored.isPresent() && asInFile
          ? new Linear(module, stream.inFile(block, layer, stored.get()), null)
          : packable(module);
    }
    try (Scope _ = new Scope()) {
      Tensor weight =
          edit.apply(module, source.view(name).to(placement.device(), placement.dtype()));
      FrozenMatrix kept =
          storage == WeightStorage.COMPUTE ? new FrozenMatrix.Dense(weight) : storage.pack(weight);
      FrozenMatrix place = stream.inMemory(block, layer, kept.map(Tensor::toHost));
      return new Linear(module, place, null);
    }
  }

  private boolean isEdited(String module) {
    if (edit.equals(WeightEdit.NONE)) {
      return false;
    }
    try (Scope _ = new Scope()) {
      Tensor weight = source.view(module + ".weight").to(placement.device(), placement.dtype());
      return edit.apply(module, weight) != weight;
    }
  }

  private boolean mayStayMapped() {
    return placement.device().isCpu() && storage == WeightStorage.COMPUTE;
  }

  private Tensor own(Tensor tensor) {
    owned.add(tensor.retain());
    return tensor;
  }

  /// To be called when everything is loaded: lets go of the file unless weights lie in it.
  public void loaded() {
    if (!usedInPlace) {
      closeFile();
    }
  }

  private void closeFile() {
    if (fileOpen) {
      source.close();
      fileOpen = false;
    }
  }

  /// Bytes held in memory or in the mapping.
  public long bytes() {
    return owned.stream().mapToLong(Tensor::bytes).sum();
  }

  @Override
  public void close() {
    owned.forEach(Tensor::close);
    owned.clear();
    closeFile();
  }
}
