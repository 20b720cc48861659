package dev.anima.train.progress;

import java.util.Collection;
import java.util.Collections;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.SortedSet;
import java.util.TreeSet;

/// When a run measures its progress, and on how much. A matter of counting, never of time, so that
/// the same run measures at the same steps on every machine.
///
/// @param images of each kind
/// @param withoutTrigger whether captions without their trigger word are measured too
/// @param steps after which a measure is taken
public record Schedule(int images, boolean withoutTrigger, SortedSet<Integer> steps) {
  /// Noise bands, each with one noise level per image.
  public static final int BANDS = 4;

  /// The measures' share of the forwards of training.
  private static final double SHARE = 0.03;

  /// A training sample costs its forward and a backward through frozen layers, at least.
  private static final int FORWARDS_PER_SAMPLE = 2;

  /// Below this an interval over images says next to nothing.
  private static final int FEWEST_IMAGES = 3;

  /// The base model and five measures: what is worth giving up images for.
  private static final int ROUNDS = 6;

  private static final int MOST_MEASURES = 50;

  public Schedule {
    steps = Collections.unmodifiableSortedSet(new TreeSet<>(steps));
  }

  /// What a schedule is made for.
  ///
  /// @param totalSteps of the run
  /// @param samples images trained on in the whole run, repeats counted
  /// @param images at most, of each kind: what there is and what the user allows
  /// @param kinds 2 with held-out images, else 1
  /// @param triggers whether some caption has a trigger word
  /// @param files steps after which a LoRA file is saved
  /// @param epochEnds steps at which epochs end
  public record Run(
      int totalSteps,
      long samples,
      int images,
      int kinds,
      boolean triggers,
      Collection<Integer> files,
      Collection<Integer> epochEnds) {}

  /// Measures at every `every`th step and the last, or as often as the budget allows; empty if it
  /// does not allow for a measure of three images at the end.
  public static Optional<Schedule> of(Run run, OptionalInt every) {
    if (run.images < 2) {
      return Optional.empty();
    }
    return every.isPresent()
        ? Optional.of(new Schedule(run.images, run.triggers, multiples(run, every.getAsInt())))
        : withinBudget(run);
  }

  private static SortedSet<Integer> multiples(Run run, int every) {
    SortedSet<Integer> steps = new TreeSet<>();
    for (long step = every; step < run.totalSteps; step += every) {
      steps.add((int) step);
    }
    steps.add(run.totalSteps);
    return steps;
  }

  private static Optional<Schedule> withinBudget(Run run) {
    double budget = SHARE * FORWARDS_PER_SAMPLE * run.samples;
    int both = (int) Math.min(run.images, budget / (ROUNDS * BANDS * (run.kinds + 1)));
    int captioned = (int) Math.min(run.images, budget / (ROUNDS * BANDS * run.kinds));
    int fewest = Math.min(FEWEST_IMAGES, run.images);
    boolean triggers = run.triggers && both >= Math.min(FEWEST_IMAGES + 1, run.images);
    int images = triggers ? both : Math.max(fewest, captioned);
    int forwards = BANDS * images * (run.kinds + (triggers ? 1 : 0));
    int measures = (int) Math.min(MOST_MEASURES, budget / forwards - 1); // one is the base model's
    return measures < 1
        ? Optional.empty()
        : Optional.of(new Schedule(images, triggers, spread(run, measures)));
  }

  /// `measures` steps spread evenly, each moved to the nearest saved file within half an interval,
  /// or else to the nearest end of an epoch there.
  private static SortedSet<Integer> spread(Run run, int measures) {
    TreeSet<Integer> files = new TreeSet<>(run.files);
    TreeSet<Integer> ends = new TreeSet<>(run.epochEnds);
    double interval = (double) run.totalSteps / measures;
    SortedSet<Integer> steps = new TreeSet<>();
    for (int i = 1; i < measures; i++) {
      int ideal = Math.max(1, (int) Math.round(i * interval));
      steps.add(
          nearest(files, ideal, interval / 2)
              .or(() -> nearest(ends, ideal, interval / 2))
              .orElse(ideal));
    }
    steps.add(run.totalSteps);
    return steps;
  }

  private static Optional<Integer> nearest(TreeSet<Integer> marks, int ideal, double reach) {
    Integer below = marks.floor(ideal);
    Integer above = marks.ceiling(ideal);
    int low = below == null ? Integer.MAX_VALUE : ideal - below;
    int high = above == null ? Integer.MAX_VALUE : above - ideal;
    Integer nearest = low <= high ? below : above;
    return Math.min(low, high) <= reach ? Optional.ofNullable(nearest) : Optional.empty();
  }
}
