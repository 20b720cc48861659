package dev.anima.train;

import dev.anima.engine.Tensor;
import dev.anima.train.objective.NoisyLatents;
import dev.anima.train.objective.Objective;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/// One micro-batch from noisy latents and text to gradients.
///
/// @param passes a fresh way through the DiT for every micro-batch
record DitStep(Objective objective, Supplier<DitPass> passes) {

  /// @param mean the loss without `factor`, a scalar
  /// @param samples `(B)` of each sample, without its weight
  record Losses(Tensor mean, Tensor samples) {}

  /// As [#losses], for the mean alone.
  Tensor lossAndGradients(
      NoisyLatents batch,
      DitContext context,
      @Nullable Tensor mask,
      Tensor sampleWeights,
      double factor) {
    return losses(batch, context, mask, sampleWeights, factor).mean();
  }

  /// Adds the gradients of `factor * loss` to the LoRA's buffers, and through the context's graph,
  /// if it has one, to what trains before the DiT.
  ///
  /// @param mask `(B, 1, h, w)` or null
  /// @param sampleWeights `(B)` float32
  /// @param factor loss scale divided by accumulation steps
  /// @return on the device, in the caller's scope
  Losses losses(
      NoisyLatents batch,
      DitContext context,
      @Nullable Tensor mask,
      Tensor sampleWeights,
      double factor) {
    DitPass pass = passes.get();
    Tensor prediction = pass.forward(batch.noisy(), batch.timesteps(), context);
    Objective.LossAndGradient result =
        objective.lossAndGradient(prediction, batch, mask, sampleWeights, factor);
    Tensor contextGradient = pass.backward(result.gradient(), context.rows().requiresGrad());
    if (contextGradient != null) {
      context.rows().backward(contextGradient);
    }
    return new Losses(result.loss(), result.samples());
  }
}
