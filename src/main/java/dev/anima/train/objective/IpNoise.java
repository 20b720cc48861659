package dev.anima.train.objective;

/// Input perturbation (`--ip_noise_gamma`, Ning et al. 2023): more noise on the input, the same
/// target.
///
/// @param gamma strength; 0 for none
/// @param randomStrength times a uniform number per batch
public record IpNoise(double gamma, boolean randomStrength) {
  public static final IpNoise NONE = new IpNoise(0, false);
}
