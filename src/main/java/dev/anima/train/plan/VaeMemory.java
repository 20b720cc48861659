package dev.anima.train.plan;

import dev.anima.config.Size;

/// What the VAE takes beside its weights.
///
/// @param base channels at full size (96)
/// @param chunkRows `--vae_chunk_size`, 0 for none
public record VaeMemory(Arithmetic arithmetic, int base, int chunkRows) {

  /// Pictures in float32 and in the VAE's dtype, through the encoder, to their latents.
  public Peak encoding(int batch, Size pixels) {
    return Ledger.peak(ledger -> {
      ledger.moment("encoding " + pixels);
      long elements = 3L * batch * pixels.width() * pixels.height();
      ledger.take("pictures", 2 * elements * Float.BYTES); // one by one, and together
      if (arithmetic.bytes() != Float.BYTES || !arithmetic.isCpu()) {
        ledger.take("pictures", elements * arithmetic.bytes());
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
