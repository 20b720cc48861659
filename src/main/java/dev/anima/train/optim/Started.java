package dev.anima.train.optim;

import dev.anima.engine.Ops;
import dev.anima.engine.Tensor;
import java.util.BitSet;
import java.util.Map;

/// Slots that have had a gradient. Copies of the parameters in an optimizer's state are taken at a
/// slot's first gradient, not before: weight norms may be scaled until then.
final class Started {
  private static final String NAME = "started";

  private final ParameterLayout layout;
  private final BitSet slots = new BitSet();

  Started(ParameterLayout layout) {
    this.layout = layout;
  }

  BitSet slots() {
    return slots;
  }

  /// Copies `values` into `copy` where a first gradient has come, and notes it.
  void begin(BitSet withGradient, Run.ChunkUpdate copy, Tensor values) {
    BitSet fresh = (BitSet) withGradient.clone();
    fresh.andNot(slots);
    for (Run run : Run.of(layout, fresh)) {
      run.forEachChunk(values, copy);
    }
    slots.or(withGradient);
  }

  void saveTo(Map<String, Tensor> state) {
    long[] flags = new long[layout.slots().size()];
    slots.stream().forEach(slot -> flags[slot] = 1);
    state.put(NAME, Ops.of(flags, flags.length));
  }

  void restore(Map<String, Tensor> state) {
    long[] flags = StateTensors.require(state, NAME, layout.slots().size()).toLongs();
    slots.clear();
    for (int slot = 0; slot < flags.length; slot++) {
      slots.set(slot, flags[slot] != 0);
    }
  }
}
