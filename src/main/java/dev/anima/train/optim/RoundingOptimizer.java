package dev.anima.train.optim;

import dev.anima.engine.Tensor;
import java.util.BitSet;
import java.util.Map;
import java.util.OptionalDouble;

/// An optimizer whose weights are put back by a [WeightStore] that has a state of its own.
///
/// @param optimizer over parameters with this `store`; owned, like the store
record RoundingOptimizer(Optimizer optimizer, WeightStore store) implements Optimizer {
  @Override
  public void update(Tensor gradients, BitSet withGradient, double[] learningRates) {
    store.beginUpdate();
    optimizer.update(gradients, withGradient, learningRates);
  }

  @Override
  public void train() {
    optimizer.train();
  }

  @Override
  public void eval() {
    optimizer.eval();
  }

  @Override
  public OptionalDouble stepSizeEstimate(int group) {
    return optimizer.stepSizeEstimate(group);
  }

  @Override
  public Map<String, Tensor> state() {
    Map<String, Tensor> state = optimizer.state();
    store.saveTo(state);
    return state;
  }

  @Override
  public void restore(Map<String, Tensor> state) {
    optimizer.restore(state);
    store.restore(state);
  }

  @Override
  public void close() {
    optimizer.close();
    store.close();
  }
}
