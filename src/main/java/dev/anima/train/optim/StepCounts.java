package dev.anima.train.optim;

import dev.anima.engine.Ops;
import dev.anima.engine.Tensor;
import java.util.Arrays;
import java.util.BitSet;
import java.util.Map;

/// Updates each slot has had: a slot without gradient does not age.
final class StepCounts {
  private static final String NAME = "step";

  private final long[] counts;

  StepCounts(ParameterLayout layout) {
    counts = new long[layout.slots().size()];
  }

  void advance(BitSet withGradient) {
    withGradient.stream().forEach(slot -> counts[slot]++);
  }

  long of(int slot) {
    return counts[slot];
  }

  void saveTo(Map<String, Tensor> state) {
    state.put(NAME, Ops.of(counts, counts.length));
  }

  void restore(Map<String, Tensor> state) {
    long[] saved = StateTensors.require(state, NAME, counts.length).toLongs();
    System.arraycopy(saved, 0, counts, 0, counts.length);
  }

  @Override
  public String toString() {
    return Arrays.toString(counts);
  }
}
