package dev.anima.train.progress;

import java.util.List;
import org.jspecify.annotations.Nullable;

/// The measures of a run and what follows from them.
///
/// A measure is *better* than another if the paired difference between them on the judged images
/// (held out if there are some) is below 0 with its whole interval. The best measure is only
/// replaced by a better one: of measures that cannot be told apart, the earliest is the best.
///
/// @param measures in the order of the run, each on the same triples
/// @param patience measures in a row that are not better than the best, after which the run has
///   stopped to improve
public record History(List<Measure> measures, int patience) {
  public History {
    measures = List.copyOf(measures);
  }

  /// Where the run stands.
  ///
  /// @param verdict of the last measure
  /// @param best none where no measure is better than the base model
  /// @param waited measures since the best one (or the base model)
  private record Standing(Verdict verdict, @Nullable Measure best, int waited) {}

  private Standing standing() {
    Measure best = null;
    int waited = 0;
    for (Measure measure : measures) {
      if (isBetter(measure, best)) {
        best = measure;
        waited = 0;
      } else {
        waited++;
      }
    }
    return new Standing(verdict(best, waited), best, waited);
  }

  /// Whether `measure` is better than `other`, or with null than the base model.
  public static boolean isBetter(Measure measure, @Nullable Measure other) {
    return moved(measure.judged(), other == null ? null : other.judged()).isBelowZero();
  }

  private static Interval moved(Differences now, @Nullable Differences before) {
    return before == null ? now.all() : now.since(before);
  }

  private Verdict verdict(@Nullable Measure best, int waited) {
    if (measures.isEmpty()) {
      return Verdict.LEARNING;
    }
    Measure last = measures.getLast();
    if (last.heldOut().isPresent()
        && moved(last.judged(), best == null ? null : best.judged()).isAboveZero()
        && moved(last.training(), best == null ? null : best.training()).isBelowZero()) {
      return Verdict.MEMORISING;
    }
    return best != null && waited >= patience ? Verdict.LEARNT : Verdict.LEARNING;
  }

  public Verdict verdict() {
    return standing().verdict();
  }

  /// Whether a run that is to end when it has learnt should end now: patience is over, and the run
  /// has learnt something or memorises.
  public boolean isOver() {
    Standing standing = standing();
    return standing.waited() >= patience && standing.verdict() != Verdict.LEARNING;
  }
}
