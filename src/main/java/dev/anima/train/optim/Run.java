package dev.anima.train.optim;

import dev.anima.engine.Scope;
import dev.anima.engine.Tensor;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.function.IntToLongFunction;

/// Neighbouring slots of one group that one update treats alike.
///
/// @param key what makes them alike, such as their step count
record Run(int group, int firstSlot, int endSlot, long offset, long length, long key) {
  /// Elements per piece on the CPU: a few pieces fit the cache, which makes a chain of plain
  /// operations about as fast as one fused kernel.
  private static final long CPU_CHUNK = 1L << 18;

  /// On an accelerator: few launches, and temporaries of 32 MB at most.
  private static final long DEVICE_CHUNK = 1L << 23;

  /// The fewest runs that cover all slots in `slots`: neighbours with equal keys join.
  static List<Run> of(ParameterLayout layout, BitSet slots, IntToLongFunction key) {
    List<Run> runs = new ArrayList<>();
    for (int group = 0; group < layout.groups().size(); group++) {
      int end = layout.groups().get(group).endSlot();
      int slot = slots.nextSetBit(layout.groups().get(group).firstSlot());
      while (slot >= 0 && slot < end) {
        int first = slot;
        long runKey = key.applyAsLong(first);
        long length = 0;
        while (slot < end && slots.get(slot) && key.applyAsLong(slot) == runKey) {
          length += layout.slots().get(slot).length();
          slot++;
        }
        runs.add(new Run(group, first, slot, layout.slots().get(first).offset(), length, runKey));
        slot = slots.nextSetBit(slot);
      }
    }
    return runs;
  }

  static List<Run> of(ParameterLayout layout, BitSet slots) {
    return of(layout, slots, _ -> 0);
  }

  /// A range of the flat buffers, `start` elements into its run.
  record Chunk(long start, long offset, long length) {
    /// This range of a buffer with the parameters' layout.
    Tensor of(Tensor flat) {
      return flat.narrow(0, offset, length);
    }
  }

  @FunctionalInterface
  interface ChunkUpdate {
    void accept(Chunk chunk);
  }

  /// Calls `update` for one piece after the other, each in a scope of its own. All pieces but the
  /// last are multiples of 256 long.
  void forEachChunk(Tensor flat, ChunkUpdate update) {
    long size = flat.device().isCpu() ? CPU_CHUNK : DEVICE_CHUNK;
    for (long start = 0; start < length; start += size) {
      try (Scope _ = new Scope()) {
        update.accept(new Chunk(start, offset + start, Math.min(size, length - start)));
      }
    }
  }
}
