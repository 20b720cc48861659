package dev.anima.train.progress;

/// Losses of one picture, subset or tag as a run goes by, each divided by the usual loss at its
/// noise level: 1 is as hard as the others.
///
/// @param sightings samples
/// @param mean over all of them
/// @param early mean of the first [#WINDOW]
/// @param recent moving average over about the last [#WINDOW]
public record Tally(long sightings, double mean, double early, double recent) {
  static final int WINDOW = 4;

  static final Tally NONE = new Tally(0, 0, 0, 0);

  Tally with(double loss) {
    long n = sightings + 1;
    double newMean = mean + (loss - mean) / n;
    boolean first = n <= WINDOW;
    return new Tally(
        n, newMean, first ? newMean : early, first ? newMean : recent + (loss - recent) / WINDOW);
  }

  /// By how much the recent losses differ from the early ones, relative to them. What all pictures
  /// have in common is not in it.
  public double change() {
    return early == 0 ? 0 : (recent - early) / early;
  }

  /// Seen often enough for its early and recent losses to be different samples.
  boolean isSeenEnough() {
    return sightings >= 2 * WINDOW;
  }
}
