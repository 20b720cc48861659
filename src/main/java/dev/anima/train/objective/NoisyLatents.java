package dev.anima.train.objective;

import dev.anima.engine.Tensor;

/// One batch as the model sees it, and what it should answer.
///
/// @param noisy `(B, C, h, w)` in the weight dtype
/// @param timesteps `(B)` in the weight dtype, 0 to 1: what the model is told, rounded as the
///   reference rounds it
/// @param sigmas `(B, 1, 1, 1)` the noise share the latents really have
/// @param target `(B, C, h, w)` velocity, noise minus latents
public record NoisyLatents(Tensor noisy, Tensor timesteps, Tensor sigmas, Tensor target) {}
