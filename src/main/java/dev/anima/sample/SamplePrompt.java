package dev.anima.sample;

import java.util.Locale;
import java.util.OptionalLong;

/// One picture to draw.
///
/// @param number position in the prompt file, from 0; part of the picture's file name
/// @param prompt what to draw
/// @param negative what to steer away from, used where [#guided]
/// @param width in pixels, a multiple of 16, at least 64
/// @param height likewise
/// @param seed of the noise, an unsigned 64-bit number; empty where the file names none
/// @param steps of the Euler sampler, 1 to 1000
/// @param scale of classifier-free guidance; 1 and less turn it off
/// @param shift of the sigmas, above 0: see [EulerSampler#sigmas]
public record SamplePrompt(
    int number,
    String prompt,
    String negative,
    int width,
    int height,
    OptionalLong seed,
    int steps,
    double scale,
    double shift) {
  /// Sides are multiples of this: 8 pixels a latent, 2 latents a patch.
  static final int SIDE_STEP = 16;

  static final int SMALLEST_SIDE = 64;
  static final int MOST_STEPS = 1000;

  // As the reference's, so that old prompt files keep their pictures.
  static final int DEFAULT_SIDE = 512;
  static final int DEFAULT_STEPS = 30;
  static final double DEFAULT_SCALE = 7.5;
  static final double DEFAULT_SHIFT = 3.0;

  public SamplePrompt {
    require(number >= 0, "number", number);
    require(width >= SMALLEST_SIDE && width % SIDE_STEP == 0, "width", width);
    require(height >= SMALLEST_SIDE && height % SIDE_STEP == 0, "height", height);
    require(1 <= steps && steps <= MOST_STEPS, "steps", steps);
    require(Double.isFinite(scale), "scale", scale);
    require(Double.isFinite(shift) && shift > 0, "shift", shift);
  }

  private static void require(boolean holds, String what, Object value) {
    if (!holds) {
      throw new IllegalArgumentException("sample prompt with " + what + " " + value);
    }
  }

  /// Whether a second pass under the negative prompt is needed.
  public boolean guided() {
    return scale > 1;
  }

  /// The seed the noise is drawn from. Without one in the file it is fixed by the position, so that
  /// the pictures of a prompt can be compared over a run (the reference takes the training's own
  /// random stream, which differs every time).
  public long noiseSeed() {
    return seed.orElse(1L + number);
  }

  /// All of it as the text that image programs read from a PNG's `parameters` entry.
  public String parameters() {
    return prompt
        + (guided() && !negative.isEmpty() ? "\nNegative prompt: " + negative : "")
        + String.format(
            Locale.ROOT,
            "\nSteps: %d, Sampler: Euler, CFG scale: %s, Seed: %s, Size: %dx%d, Shift: %s",
            steps,
            plain(scale),
            Long.toUnsignedString(noiseSeed()),
            width,
            height,
            plain(shift));
  }

  // 4 instead of 4.0
  private static String plain(double value) {
    return value == Math.rint(value) && Math.abs(value) < 1e9
        ? String.format(Locale.ROOT, "%.0f", value)
        : Double.toString(value);
  }
}
