package dev.anima.model;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/// Which blocks belong into the two staging buffers, given the order in which blocks are asked for:
/// upwards in a forward, downwards in a backward.
///
/// Blocks take the buffers in turn, so a block always finds its weights in the same place, and its
/// neighbours find theirs in the other one. A step with backward needs no block twice in a row: the
/// last two are still there when backward begins, the first two when the next forward does.
final class StreamSchedule {
  static final int BUFFERS = 2;

  private static final int NONE = -1;

  private final int first;
  private final int last;
  private final int[] held = new int[BUFFERS];
  private int previous = NONE;
  private boolean downwards;
  private boolean turnsAtTheEnd = true;

  /// @param first block that is streamed; all after it are, too
  /// @param blocks of the model
  StreamSchedule(int first, int blocks) {
    this.first = first;
    this.last = blocks - 1;
    Arrays.fill(held, NONE);
  }

  boolean streams(int block) {
    return block >= first && block <= last;
  }

  /// The buffer of a streamed block.
  int buffer(int block) {
    return (block - first) % BUFFERS;
  }

  /// Block `block` is about to be used. Counts what it returns as being there.
  ///
  /// @return the blocks to fetch now: itself, if it was not foreseen, and the next one. What
  ///   `block` itself uses is never overwritten
  List<Integer> ask(int block) {
    if (previous == last && !downwards) {
      turnsAtTheEnd = block == last;
    }
    boolean again = block == previous && block == last;
    downwards = again || block == previous - 1;
    previous = block;
    List<Integer> missing = new ArrayList<>(BUFFERS);
    for (int wanted : wanted(block)) {
      if (streams(wanted) && held[buffer(wanted)] != wanted) {
        held[buffer(wanted)] = wanted;
        missing.add(wanted);
      }
    }
    return missing;
  }

  private List<Integer> wanted(int block) {
    if (!streams(block)) {
      // Below them in either direction: the next forward comes here first.
      return List.of(first, first + 1);
    }
    int next = downwards ? block - 1 : block + 1;
    if (block == last && !downwards && !turnsAtTheEnd) {
      next = first; // the next forward
    }
    return streams(next) && buffer(next) != buffer(block) ? List.of(block, next) : List.of(block);
  }

  /// What should be in this buffer did not arrive.
  void forget(int buffer) {
    held[buffer] = NONE;
  }
}
