package dev.anima.train.optim;

import java.util.ArrayList;
import java.util.List;

/// How trainable tensors lie in one flat buffer: slot after slot without gaps, each group a
/// contiguous range of slots.
///
/// Gradients use the same layout in a buffer of their own.
public record ParameterLayout(List<Slot> slots, List<Group> groups) {
  /// One tensor.
  ///
  /// @param offset of its first element in the buffer
  /// @param length number of elements
  public record Slot(String name, List<Long> shape, long offset, long length) {
    public Slot {
      shape = List.copyOf(shape);
    }

    public long[] shapeArray() {
      return shape.stream().mapToLong(Long::longValue).toArray();
    }
  }

  /// Neighbouring slots with one learning rate.
  ///
  /// @param name as logs show it, such as `unet` or `textencoder 1 plus`
  /// @param learningRate before the schedule's factor
  /// @param firstSlot index of its first slot
  /// @param endSlot index after its last slot
  public record Group(String name, double learningRate, int firstSlot, int endSlot) {}

  public ParameterLayout {
    slots = List.copyOf(slots);
    groups = List.copyOf(groups);
  }

  /// Number of elements of the whole buffer.
  public long size() {
    return slots.isEmpty() ? 0 : slots.getLast().offset() + slots.getLast().length();
  }

  /// Index of the group that holds `slot`.
  int groupOf(int slot) {
    for (int group = 0; group < groups.size(); group++) {
      if (slot < groups.get(group).endSlot()) {
        return group;
      }
    }
    throw new IndexOutOfBoundsException("no group holds slot " + slot);
  }

  public static Builder builder() {
    return new Builder();
  }

  /// Collects groups and their tensors in order.
  public static final class Builder {
    private final List<Slot> slots = new ArrayList<>();
    private final List<Group> groups = new ArrayList<>();
    private long offset;

    private Builder() {}

    /// Starts a group; the tensors that follow belong to it.
    public Builder group(String name, double learningRate) {
      groups.add(new Group(name, learningRate, slots.size(), slots.size()));
      return this;
    }

    /// Adds a tensor to the group begun last.
    public Builder add(String name, long... shape) {
      List<Long> extents = new ArrayList<>();
      long length = 1;
      for (long extent : shape) {
        extents.add(extent);
        length *= extent;
      }
      slots.add(new Slot(name, extents, offset, length));
      offset += length;
      Group last = groups.removeLast();
      groups.add(new Group(last.name(), last.learningRate(), last.firstSlot(), slots.size()));
      return this;
    }

    public ParameterLayout build() {
      return new ParameterLayout(slots, groups);
    }
  }
}
