package dev.anima.dataset;

/// What is encoded before training and therefore needs no decisions per sample.
///
/// @param latents latents are cached: no random crops and no colour changes, flips stay
/// @param text text outputs are cached: captions are the same in every sample
public record Caching(boolean latents, boolean text) {
  public static final Caching NONE = new Caching(false, false);
}
