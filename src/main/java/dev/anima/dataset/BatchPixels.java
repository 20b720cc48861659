package dev.anima.dataset;

import dev.anima.config.Size;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// The pixels of a micro-batch.
///
/// @param images `(B, 3, H, W)` float32 in [-1, 1]
/// @param masks `(B, H, W)` float32 in [0, 1]; null if no sample has a mask
@SuppressWarnings("ArrayRecordComponent") // megabytes of numbers, handed on and never compared
public record BatchPixels(int batch, Size size, float[] images, float @Nullable [] masks) {
  /// Lays samples of the same size one after the other. If some have a mask, the others get one of
  /// ones.
  static BatchPixels of(Size size, List<SamplePixels> samples) {
    int area = Math.toIntExact(size.area());
    float[] images = new float[samples.size() * 3 * area];
    boolean masked = samples.stream().anyMatch(sample -> sample.mask() != null);
    float[] masks = masked ? new float[samples.size() * area] : null;
    for (int i = 0; i < samples.size(); i++) {
      SamplePixels sample = samples.get(i);
      System.arraycopy(sample.image(), 0, images, i * 3 * area, 3 * area);
      if (masks != null) {
        float[] mask = sample.mask();
        if (mask == null) {
          Arrays.fill(masks, i * area, (i + 1) * area, 1f);
        } else {
          System.arraycopy(mask, 0, masks, i * area, area);
        }
      }
    }
    return new BatchPixels(samples.size(), size, images, masks);
  }
}
