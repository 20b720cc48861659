package dev.anima.model;

import dev.anima.engine.NoGrad;
import dev.anima.engine.Ops;
import dev.anima.engine.Scope;
import dev.anima.engine.Tensor;
import dev.anima.io.RunFailedException;
import dev.anima.io.SpanReader;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.jspecify.annotations.Nullable;

/// Reads weights from a model's file into staging buffers on the CPU, on a thread of its own.
///
/// A tensor that is stored in the dtype of its place is read right into it. Others are converted on
/// the way by libtorch, so that the numbers are those of a model that was converted whole; piece by
/// piece, few enough elements for libtorch to stay on this one thread.
final class FileFiller implements AutoCloseable {
  static final String THREAD_NAME = "anima block reader";

  /// What libtorch still works off without its other threads (`at::internal::GRAIN_SIZE`).
  private static final int PIECE = 32_768;

  private static final int LARGEST_ELEMENT = 8;

  private final SpanReader reader = new SpanReader();
  private final Map<Integer, List<Part>> blocks = new HashMap<>();
  private final List<@Nullable Future<?>> pending = new ArrayList<>();
  private @Nullable ExecutorService thread;

  /// @param target contiguous
  /// @param memory its elements, if they are in the dtype of the file
  private record Part(StoredTensor stored, Tensor target, Optional<MemorySegment> memory) {}

  FileFiller(int buffers) {
    for (int i = 0; i < buffers; i++) {
      pending.add(null);
    }
  }

  /// Makes a tensor part of a block.
  ///
  /// @param target its place in the block's buffer
  /// @throws dev.anima.io.InputException if the file cannot be opened
  void add(int block, StoredTensor stored, Tensor target) {
    reader.open(stored.span());
    Optional<MemorySegment> memory =
        stored.dtype() == target.dtype() ? Optional.of(target.memory()) : Optional.empty();
    blocks.computeIfAbsent(block, _ -> new ArrayList<>()).add(new Part(stored, target, memory));
  }

  /// Bytes of all tensors as they are stored.
  long bytes() {
    return blocks.values().stream()
        .flatMap(List::stream)
        .mapToLong(part -> part.stored.span().bytes())
        .sum();
  }

  /// Begins to read a block into a buffer nobody uses.
  void start(int block, int buffer) {
    List<Part> parts = blocks.getOrDefault(block, List.of());
    if (parts.isEmpty()) {
      return;
    }
    if (thread == null) {
      thread =
          Executors.newSingleThreadExecutor(
              Thread.ofPlatform().name(THREAD_NAME).daemon().factory());
    }
    pending.set(
        buffer,
        thread.submit(() -> {
          fill(block, parts);
          return true;
        }));
  }

  /// Waits until what was started last for `buffer` is there.
  ///
  /// @throws RunFailedException if the file cannot be read
  void await(int buffer) {
    Future<?> reading = pending.get(buffer);
    if (reading == null) {
      return;
    }
    pending.set(buffer, null);
    boolean interrupted = false;
    try {
      while (true) {
        try {
          reading.get();
          return;
        } catch (InterruptedException e) {
          interrupted = true; // a read is short: finish it
        }
      }
    } catch (ExecutionException e) {
      if (e.getCause() instanceof RunFailedException failed) {
        throw new RunFailedException(String.valueOf(failed.getMessage()), failed);
      }
      throw new IllegalStateException("reading weights failed", e.getCause());
    } finally {
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }
  }

  private void fill(int block, List<Part> parts) {
    try (Arena arena = Arena.ofConfined();
        NoGrad _ = new NoGrad()) {
      MemorySegment piece = arena.allocate((long) PIECE * LARGEST_ELEMENT, LARGEST_ELEMENT);
      for (Part part : parts) {
        try {
          if (part.memory.isPresent()) {
            reader.read(part.stored.span(), 0, part.memory.get());
          } else {
            convert(part, piece);
          }
        } catch (IOException e) {
          throw new RunFailedException(
              "%s: block %d can no longer be read (%s)\n  -> with --blocks_to_swap the file must stay as it is until the run ends"
                  .formatted(part.stored.span().file(), block, e.getMessage()),
              e);
        }
      }
    }
  }

  private void convert(Part part, MemorySegment piece) throws IOException {
    long elements = part.target.numel();
    long size = part.stored.dtype().bytes();
    for (long start = 0; start < elements; start += PIECE) {
      try (Scope _ = new Scope()) {
        long count = Math.min(PIECE, elements - start);
        MemorySegment bytes = piece.asSlice(0, count * size);
        reader.read(part.stored.span(), start * size, bytes);
        Tensor source = Ops.wrap(bytes, part.stored.dtype(), count);
        part.target.view(-1).narrow(0, start, count).copy_(source);
      }
    }
  }

  /// Ends the thread; what it has begun is finished first.
  @Override
  public void close() {
    if (thread != null) {
      thread.close();
    }
    reader.close();
  }
}
