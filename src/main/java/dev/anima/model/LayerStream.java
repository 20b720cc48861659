package dev.anima.model;

import dev.anima.engine.CopyStream;
import dev.anima.engine.Ops;
import dev.anima.engine.Tensor;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// Weights that wait outside the device, or in the model's file, and are brought in a block at a
/// time: the last blocks of a model, used in order.
///
/// Two staging buffers take the blocks in turn; while one block computes, the next is fetched into
/// the other buffer: by a thread that reads the file (CPU), or over a second queue from pinned main
/// memory (card). The weights are frozen, so nothing is ever copied back. What a layer of a waiting
/// block has as its weight is a place in a buffer, the same for every second block.
public final class LayerStream implements AutoCloseable {
  private final Placement placement;
  private final StreamSchedule schedule;
  private final FileFiller files = new FileFiller(StreamSchedule.BUFFERS);
  private final List<Map<String, FrozenMatrix>> buffers = new ArrayList<>();
  private final Map<Integer, Waiting> inMemory = new HashMap<>();

  /// Null until something waits in main memory.
  private @Nullable CopyStream copies;

  /// @param sources owned, in main memory
  /// @param targets their places
  private record Waiting(List<Tensor> sources, List<Tensor> targets) {}

  /// @param first block that waits, with all after it; may be the number of blocks
  /// @param blocks of the model
  public LayerStream(Placement placement, int first, int blocks) {
    this.placement = placement;
    this.schedule = new StreamSchedule(first, blocks);
    for (int i = 0; i < StreamSchedule.BUFFERS; i++) {
      buffers.add(new HashMap<>());
    }
  }

  /// Whether block `block` waits.
  public boolean has(int block) {
    return schedule.streams(block);
  }

  /// A matrix that is read from its file whenever it is needed. For the CPU.
  ///
  /// @param layer inside the block; the same layer has the same shape in every block
  /// @return where it is while its block is in use, in the dtype of the model
  FrozenMatrix inFile(int block, String layer, StoredTensor stored) {
    FrozenMatrix.Dense place =
        (FrozenMatrix.Dense)
            buffers
                .get(schedule.buffer(block))
                .computeIfAbsent(
                    layer,
                    _ ->
                        new FrozenMatrix.Dense(
                            Ops.empty(placement.dtype(), placement.device(), stored.shapeArray())
                                .retain()));
    files.add(block, stored, place.tensor());
    return place;
  }

  /// A matrix that waits in main memory.
  ///
  /// @param matrix in main memory (pinned, if the device is a card); its tensors are retained and
  ///   become this one's own
  /// @return where it is while its block is in use, in the same form
  FrozenMatrix inMemory(int block, String layer, FrozenMatrix matrix) {
    if (copies == null) {
      copies = CopyStream.on(placement.device(), StreamSchedule.BUFFERS);
    }
    FrozenMatrix place =
        buffers
            .get(schedule.buffer(block))
            .computeIfAbsent(
                layer,
                _ ->
                    matrix.map(tensor ->
                        Ops.empty(tensor.dtype(), placement.device(), tensor.shape()).retain()));
    Waiting waiting =
        inMemory.computeIfAbsent(block, _ -> new Waiting(new ArrayList<>(), new ArrayList<>()));
    matrix.tensors().forEach(tensor -> waiting.sources.add(tensor.retain()));
    waiting.targets.addAll(place.tensors());
    return place;
  }

  /// Block `block` is computed next: its weights are in their places when this returns (on a card:
  /// when the work given from now on runs), and those of the block before it may be overwritten. A
  /// block that does not wait may be named as well; that is how the first waiting one is foreseen.
  ///
  /// @throws dev.anima.io.RunFailedException if the file can no longer be read
  public void use(int block) {
    List<Integer> missing = schedule.ask(block);
    if (!schedule.streams(block)) {
      missing.forEach(this::start);
      return;
    }
    // Its own first: the one after it must not delay it.
    missing.stream().filter(one -> one == block).forEach(this::start);
    int buffer = schedule.buffer(block);
    try {
      files.await(buffer);
    } catch (RuntimeException e) {
      schedule.forget(buffer);
      throw e;
    }
    if (copies != null) {
      copies.await(buffer);
    }
    missing.stream().filter(one -> one != block).forEach(this::start);
  }

  private void start(int block) {
    int buffer = schedule.buffer(block);
    files.start(block, buffer);
    Waiting waiting = inMemory.get(block);
    if (waiting != null && copies != null) {
      copies.copy(buffer, waiting.sources, waiting.targets);
    }
  }

  /// Bytes that wait in the model's file, as stored there.
  public long fileBytes() {
    return files.bytes();
  }

  /// Bytes that wait in main memory.
  public long memoryBytes() {
    return inMemory.values().stream()
        .flatMap(waiting -> waiting.sources.stream())
        .mapToLong(Tensor::bytes)
        .sum();
  }

  /// Bytes of both buffers.
  public long bufferBytes() {
    return buffers.stream()
        .flatMap(buffer -> buffer.values().stream())
        .flatMap(place -> place.tensors().stream())
        .mapToLong(Tensor::bytes)
        .sum();
  }

  @Override
  public void close() {
    files.close();
    if (copies != null) {
      copies.close();
    }
    buffers.stream()
        .flatMap(buffer -> buffer.values().stream())
        .flatMap(place -> place.tensors().stream())
        .forEach(Tensor::close);
    buffers.clear();
    inMemory.values().forEach(waiting -> waiting.sources.forEach(Tensor::close));
    inMemory.clear();
  }
}
