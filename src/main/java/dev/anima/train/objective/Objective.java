package dev.anima.train.objective;

import dev.anima.engine.Dtype;
import dev.anima.engine.NoGrad;
import dev.anima.engine.Ops;
import dev.anima.engine.RandomStream;
import dev.anima.engine.Tensor;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/// Rectified flow: blend latents with noise, ask the model for the velocity, measure the answer.
///
/// Shapes: `B` batch, `C` latent channels, `h`, `w` latent extents.
public record Objective(
    TimestepSampling sampling,
    Weighting weighting,
    ElementLoss elementLoss,
    NoiseOptions noiseOptions,
    IpNoise ipNoise,
    Optional<TimestepRange> range) {

  /// Draws noise and time for a batch, in the reference's order: noise (and what [NoiseOptions]
  /// add), time, then the input perturbation and its strength.
  ///
  /// @param latents `(B, C, h, w)`
  /// @param device the stream of noise and dropout, on the latents' device
  /// @param cpu the stream for `sigma` sampling; the same object as `device` on a CPU run
  /// @param weightDtype dtype the model computes in
  public NoisyLatents draw(
      Tensor latents, RandomStream device, RandomStream cpu, Dtype weightDtype) {
    return draw(latents, device, cpu, weightDtype, null);
  }

  /// As above, with times moved.
  ///
  /// @param offsets `(B)` float32 added to the sigmas, which stay in their range; null for none
  public NoisyLatents draw(
      Tensor latents,
      RandomStream device,
      RandomStream cpu,
      Dtype weightDtype,
      @Nullable Tensor offsets) {
    Tensor noise =
        noiseOptions.applied(device.randn(latents.dtype(), latents.shape()), latents, device, cpu);
    Tensor draws = sampling.draw(device, cpu, latents.size(0)).to(latents.device());
    if (ipNoise.gamma() == 0) {
      return blend(latents, noise, draws, null, weightDtype, offsets);
    }
    Tensor perturbation = device.randn(weightDtype, latents.shape());
    Tensor strength =
        ipNoise.randomStrength()
            ? perturbation.mul(device.rand(weightDtype, 1).mul(ipNoise.gamma()))
            : perturbation.mul(ipNoise.gamma());
    return blend(latents, noise, draws, strength, weightDtype, offsets);
  }

  /// The batch for given draws.
  ///
  /// @param noise `(B, C, h, w)` standard normal
  /// @param draws `(B)` as [TimestepSampling#draw] gives them
  /// @param perturbation `(B, C, h, w)` added to the noise of the input, strength included; null
  ///   for none
  public NoisyLatents blend(
      Tensor latents,
      Tensor noise,
      Tensor draws,
      @Nullable Tensor perturbation,
      Dtype weightDtype) {
    return blend(latents, noise, draws, perturbation, weightDtype, null);
  }

  private NoisyLatents blend(
      Tensor latents,
      Tensor noise,
      Tensor draws,
      @Nullable Tensor perturbation,
      Dtype weightDtype,
      @Nullable Tensor offsets) {
    TimestepRange limits = range.orElse(TimestepRange.WHOLE);
    Tensor flat = sampling.sigmas(draws, latents.size(-2), latents.size(-1));
    if (range.isPresent()) {
      flat = limits.limit(flat);
    }
    if (offsets != null) {
      flat = limits.cut(flat.add(offsets));
    }
    // Timesteps come from the exact sigmas, and are rounded before the division (spec 11.3): in
    // bf16 the model is told a coarser time than the noise has.
    Tensor timesteps =
        flat.mul(TimestepSampling.TIMESTEPS).to(weightDtype).div(TimestepSampling.TIMESTEPS);
    if (sampling instanceof TimestepSampling.Table) {
      flat = flat.to(weightDtype); // the table's sigmas are looked up in the weight dtype
    }
    Tensor sigmas = flat.view(-1, 1, 1, 1);
    Tensor inputNoise = perturbation == null ? noise : noise.add(perturbation);
    Tensor noisy = sigmas.neg().add(1).mul(latents).add(sigmas.mul(inputNoise));
    return new NoisyLatents(noisy.to(weightDtype), timesteps, sigmas, noise.sub(latents));
  }

  /// Mean loss of a batch, a differentiable scalar.
  ///
  /// @param prediction `(B, C, h, w)` velocity from the model
  /// @param mask `(B, 1, h, w)` from [LossMask], or null
  /// @param sampleWeights `(B)` float32: 1, or the prior loss weight for regularisation images
  public Tensor loss(
      Tensor prediction, NoisyLatents batch, @Nullable Tensor mask, Tensor sampleWeights) {
    return perSample(prediction, batch, mask).mul(sampleWeights).mean();
  }

  /// @param loss scalar, as [#loss] gives it (without `factor`)
  /// @param samples `(B)` as [#perSample] gives them
  /// @param gradient `(B, C, h, w)` of `factor * loss` by the prediction, in the prediction's dtype
  public record LossAndGradient(Tensor loss, Tensor samples, Tensor gradient) {}

  /// The loss and where a backward pass through the model begins.
  ///
  /// @param factor loss scale over accumulation steps, on the gradient only
  public LossAndGradient lossAndGradient(
      Tensor prediction,
      NoisyLatents batch,
      @Nullable Tensor mask,
      Tensor sampleWeights,
      double factor) {
    try (NoGrad.Grad _ = NoGrad.grad()) {
      Tensor leaf = prediction.detach().requiresGrad_(true);
      Tensor samples = perSample(leaf, batch, mask);
      Tensor loss = samples.mul(sampleWeights).mean();
      Tensor seed = Ops.full(factor, Dtype.F32, loss.device());
      Tensor gradient = Ops.grad(List.of(loss), List.of(leaf), List.of(seed)).getFirst();
      return new LossAndGradient(loss.detach(), samples.detach(), gradient);
    }
  }

  /// Loss of each sample, `(B)`, before its weight.
  public Tensor perSample(Tensor prediction, NoisyLatents batch, @Nullable Tensor mask) {
    Tensor loss =
        elementLoss.of(prediction.to(Dtype.F32), batch.target().to(Dtype.F32), batch.timesteps());
    loss = weighting.apply(loss, batch.sigmas());
    if (mask != null) {
      loss = loss.mul(mask);
    }
    return loss.mean(false, 1, 2, 3);
  }
}
