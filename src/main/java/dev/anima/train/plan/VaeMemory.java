package dev.anima.train.plan;

import dev.anima.config.Size;

/// What the VAE takes beside its weights.
///
/// @param base channels at full size (96)
/// @param chunkRows `--vae_chunk_size`, 0 for none
public record VaeMemory(Arithmetic arithmetic, int base, int chunkRows) {

  /// Pictures in float32 and in the VAE's dtype, through the encoder, to their latents.
  ///
  /// @param flips whether they go through a second time, mirrored
  public Peak encoding(int batch, Size pixels, boolean flips) {
    return Ledger.peak(ledger -> {
      ledger.moment("encoding " + pixels);
      long elements = 3L * batch * pixels.width() * pixels.height();
      long sets = flips ? 2 : 1; // each one by one, and together
      ledger.take("pictures", 2 * sets * elements * Float.BYTES);
      if (arithmetic.bytes() != Float.BYTES || !arithmetic.isCpu()) {
        ledger.take("pictures", sets * elements * arithmetic.bytes());
      }
      new VaeLedger(ledger, arithmetic, base, chunkRows).encode(batch, pixels);
    });
  }

  /// One picture through the decoder.
  public Peak decoding(Size pixels) {
    return Ledger.peak(ledger -> {
      ledger.moment("decoding " + pixels);
      new VaeLedger(ledger, arithmetic, base, chunkRows).decode(1, pixels);
    });
  }
}
