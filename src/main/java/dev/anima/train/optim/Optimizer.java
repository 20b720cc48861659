package dev.anima.train.optim;

import dev.anima.engine.Tensor;
import java.util.BitSet;
import java.util.Map;
import java.util.OptionalDouble;

/// Moves trainable values along their gradients. Made by [OptimizerChoice#create]; owns its state
/// tensors until [#close].
public sealed interface Optimizer extends AutoCloseable
    permits AdamW,
        Lion,
        Sgd,
        Blockwise,
        Adafactor,
        Came,
        Muon,
        Prodigy,
        ProdigyPlus,
        ScheduleFree,
        DAdaptAdam,
        DAdaptAdan,
        DAdaptAdaGrad,
        DAdaptLion,
        DAdaptSgd,
        RoundingOptimizer {

  /// One update.
  ///
  /// @param gradients in the parameters' layout; read only
  /// @param withGradient slots that have a gradient; all others are skipped completely: no decay,
  ///   no moment update, no step count
  /// @param learningRates one per group, the schedule's factor included
  void update(Tensor gradients, BitSet withGradient, double[] learningRates);

  /// What a checkpoint has to keep beside the weights, by name: views of the live state and a few
  /// small tensors that belong to the caller's scope. Not between [#eval] and [#train].
  Map<String, Tensor> state();

  /// Continues from a [#state] of the same optimizer over the same layout.
  ///
  /// @throws dev.anima.io.InputException if a tensor is missing or has another shape
  void restore(Map<String, Tensor> state);

  /// Puts back the values for gradients, to the bit. The state after creation.
  default void train() {}

  /// Values for sampling, validation and saving (schedule-free optimizers only).
  default void eval() {}

  /// The step size that an optimizer of the D-Adaptation kind has found for a group, for logs.
  default OptionalDouble stepSizeEstimate(int group) {
    return OptionalDouble.empty();
  }

  @Override
  void close();
}
