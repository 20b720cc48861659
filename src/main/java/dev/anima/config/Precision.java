package dev.anima.config;

import static dev.anima.config.Checks.check;

/// Number formats of a run.
///
/// @param compute type the models compute in
/// @param fullFp16 LoRA weights and gradients in fp16 too
/// @param fullBf16 LoRA weights and gradients in bf16 too
/// @param vaeInFp32 the VAE computes in fp32 whatever `compute` is
/// @param allowTf32 fp32 matrix products in TF32 on CUDA
/// @param base how the frozen DiT blocks are kept
/// @param fastMatmul multiply with 8-bit blocks as they are kept, activations rounded to 8 bits too
public record Precision(
    Compute compute,
    boolean fullFp16,
    boolean fullBf16,
    boolean vaeInFp32,
    boolean allowTf32,
    Base base,
    boolean fastMatmul) {

  /// `--mixed_precision`; `NO` is fp32.
  public enum Compute {
    NO,
    FP16,
    BF16
  }

  /// Form of the frozen blocks between their uses.
  public enum Base {
    /// In the type of `compute`.
    COMPUTE,
    /// `--fp8_base`, `--fp8_base_unet`, `--fp8_scaled`: e4m3 with a scale per row.
    FP8,
    /// `--int8_base`
    INT8
  }

  public Precision {
    check(
        !fullFp16 || compute == Compute.FP16,
        "--full_fp16 needs --mixed_precision=fp16, got " + Checks.lower(compute));
    check(
        !fullBf16 || compute == Compute.BF16,
        "--full_bf16 needs --mixed_precision=bf16, got " + Checks.lower(compute));
    check(
        !fastMatmul || base != Base.COMPUTE,
        "--fast_matmul multiplies with blocks kept in 8 bits, and none are here\n"
            + "  -> add --fp8_scaled or --int8_base (--reference_exact switches --fp8_base off)");
  }

  static Precision of(Flags flags) {
    return new Precision(
        Checks.choice(Compute.values(), Checks::lower, flags.text("mixed_precision", "no")),
        flags.on("full_fp16"),
        flags.on("full_bf16"),
        flags.on("no_half_vae"),
        flags.on("cuda_allow_tf32"),
        base(flags),
        flags.on("fast_matmul"));
  }

  private static Base base(Flags flags) {
    // The reference takes its own two flags and switches them off for Anima.
    boolean asReference = flags.on("reference_exact");
    boolean fp8 =
        flags.on("fp8_scaled")
            || (!asReference && (flags.on("fp8_base") || flags.on("fp8_base_unet")));
    boolean int8 = flags.on("int8_base");
    check(
        !fp8 || !int8,
        "--int8_base excludes --fp8_base, --fp8_base_unet and --fp8_scaled\n  -> keep one of them");
    return fp8 ? Base.FP8 : int8 ? Base.INT8 : Base.COMPUTE;
  }
}
