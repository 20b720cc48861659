package dev.anima.config;

import static dev.anima.config.Checks.check;

/// Number formats of a run.
///
/// @param compute type the models compute in
/// @param fullFp16 LoRA weights and gradients in fp16 too
/// @param fullBf16 LoRA weights and gradients in bf16 too
/// @param vaeInFp32 the VAE computes in fp32 whatever `compute` is
/// @param allowTf32 fp32 matrix products in TF32 on CUDA
public record Precision(
    Compute compute, boolean fullFp16, boolean fullBf16, boolean vaeInFp32, boolean allowTf32) {

  /// `--mixed_precision`; `NO` is fp32.
  public enum Compute {
    NO,
    FP16,
    BF16
  }

  public Precision {
    check(
        !fullFp16 || compute == Compute.FP16,
        "--full_fp16 needs --mixed_precision=fp16, got " + Checks.lower(compute));
    check(
        !fullBf16 || compute == Compute.BF16,
        "--full_bf16 needs --mixed_precision=bf16, got " + Checks.lower(compute));
  }

  static Precision of(Flags flags) {
    return new Precision(
        Checks.choice(Compute.values(), Checks::lower, flags.text("mixed_precision", "no")),
        flags.on("full_fp16"),
        flags.on("full_bf16"),
        flags.on("no_half_vae"),
        flags.on("cuda_allow_tf32"));
  }
}
