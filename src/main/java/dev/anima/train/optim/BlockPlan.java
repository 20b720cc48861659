package dev.anima.train.optim;

import java.util.List;

/// Where each slot's state lies: tensors below a size keep float32, the others are coded in blocks
/// of 256 that begin anew with every tensor.
final class BlockPlan {
  private final ParameterLayout layout;
  private final long min8bitSize;
  private final long[] offsets;
  private final long[] blockOffsets;
  private long codedSize;
  private long smallSize;
  private long blocks;

  BlockPlan(ParameterLayout layout, long min8bitSize) {
    this.layout = layout;
    this.min8bitSize = min8bitSize;
    List<ParameterLayout.Slot> slots = layout.slots();
    offsets = new long[slots.size()];
    blockOffsets = new long[slots.size()];
    for (int slot = 0; slot < offsets.length; slot++) {
      long length = slots.get(slot).length();
      if (isSmall(slot)) {
        offsets[slot] = smallSize;
        smallSize += length;
      } else {
        offsets[slot] = codedSize;
        blockOffsets[slot] = blocks;
        codedSize += length;
        blocks += Math.ceilDiv(length, CodeTable.BLOCK);
      }
    }
  }

  boolean isSmall(int slot) {
    return layout.slots().get(slot).length() < min8bitSize;
  }

  /// Of a slot in the buffer of its kind.
  long offset(int slot) {
    return offsets[slot];
  }

  long block(int slot) {
    return blockOffsets[slot];
  }

  long codedSize() {
    return codedSize;
  }

  long smallSize() {
    return smallSize;
  }

  long blocks() {
    return blocks;
  }

  /// Slots with equal keys may be updated as one: same kind, same `step`, and no partly filled
  /// block in between.
  long key(int slot, long step) {
    if (isSmall(slot)) {
      return 2 * step;
    }
    boolean wholeBlocks = layout.slots().get(slot).length() % CodeTable.BLOCK == 0;
    return wholeBlocks ? 2 * step + 1 : -1L - slot;
  }
}
