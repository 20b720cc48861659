package dev.anima.dataset;

import dev.anima.dataset.Dataset.Role;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/// Hands out the batches of a run, one epoch after the other, each decided one batch ahead of its
/// use as the reference's loader does.
///
/// The datasets learn the present epoch and step only after a batch was decided. So the first batch
/// of an epoch is still one of the order before it, and token warm-up sees an older step.
public final class BatchFeed {
  /// When the order of a new epoch takes effect.
  public enum EpochStart {
    /// After the epoch's first batch, as in the reference: some batch comes twice in an epoch,
    /// another not at all.
    REFERENCE,
    /// Before it: every image comes exactly as often as it repeats.
    CLEAN
  }

  private final DatasetGroup group;
  private final EpochOrder order;
  private final EpochStart epochStart;
  private final Caching caching;
  private final long totalSteps;
  private final int processes;

  private int epoch;
  private long publishedStep;
  private long[] permutation = {};
  private int fetched;
  private @Nullable BatchPlan ahead;

  /// How things stood before the batch ahead was decided, to decide it again after a restart.
  private Standing beforeAhead;

  /// The same of the batch handed out last.
  private Standing beforeHanded;

  /// What the next decision depends on.
  ///
  /// @param announcedEpoch epoch the datasets know of
  /// @param announcedStep step they know of
  /// @param publishedStep step they will learn of next
  /// @param random the shared stream
  public record Standing(
      int announcedEpoch, long announcedStep, long publishedStep, PythonRandom.State random) {}

  /// A place between two batches of a run, for a checkpoint.
  ///
  /// @param epoch counted from 1
  /// @param permutation order of the epoch
  /// @param delivered batches of the epoch that were handed out (or passed over)
  /// @param beforeAhead before the batch ahead was decided
  /// @param now after it
  public record Position(
      int epoch, List<Long> permutation, int delivered, Standing beforeAhead, Standing now) {
    public Position {
      permutation = List.copyOf(permutation);
    }
  }

  /// @param totalSteps optimizer steps of the whole run
  public BatchFeed(
      DatasetGroup group,
      EpochOrder order,
      EpochStart epochStart,
      Caching caching,
      long totalSteps) {
    this(group, order, epochStart, caching, totalSteps, 1);
  }

  /// As above.
  ///
  /// @param processes among which the batches are dealt in turn: the first ones come again at the
  ///   end of an epoch until each process has as many
  public BatchFeed(
      DatasetGroup group,
      EpochOrder order,
      EpochStart epochStart,
      Caching caching,
      long totalSteps,
      int processes) {
    this.processes = processes;
    this.group = group;
    this.order = order;
    this.epochStart = epochStart;
    this.caching = caching;
    this.totalSteps = totalSteps;
    this.beforeAhead = standing();
    this.beforeHanded = beforeAhead;
  }

  /// Begins an epoch.
  ///
  /// @param number counted from 1
  /// @param skipped batches at its start that are passed over without deciding anything
  public void beginEpoch(int number, int skipped) {
    epoch = number;
    int batches = group.batches(Role.TRAINING);
    permutation = order.permutation(number, batches);
    if (permutation.length != batches) {
      throw new IllegalArgumentException(
          "an order of " + permutation.length + " for " + batches + " batches");
    }
    permutation = evened(permutation);
    if (epochStart == EpochStart.CLEAN) {
      collate();
    }
    fetched = Math.min(skipped, permutation.length);
    ahead = fetch();
  }

  private long[] evened(long[] order) {
    int length = Math.ceilDiv(order.length, processes) * processes;
    long[] even = Arrays.copyOf(order, length);
    for (int i = order.length; i < length; i++) {
      even[i] = order[(i - order.length) % order.length];
    }
    return even;
  }

  /// The next batch of the epoch, empty at its end.
  public Optional<BatchPlan> next() {
    BatchPlan plan = ahead;
    if (plan != null) {
      beforeHanded = beforeAhead;
      ahead = fetch();
    }
    return Optional.ofNullable(plan);
  }

  /// The batch after the one handed out last: already decided, so its pixels can be loaded in the
  /// background.
  public Optional<BatchPlan> ahead() {
    return Optional.ofNullable(ahead);
  }

  /// What a run will do with the batches that come, as far as their captions depend on it.
  public interface Course {
    /// Optimizer steps that will be done when the `i`th coming batch is trained on (from 0).
    long step(int i);

    /// Whether a validation will follow the `i`th coming batch.
    boolean validatesAfter(int i);
  }

  /// The batches [#next] will hand out in this epoch if the run takes `course`. Nothing changes:
  /// not the random stream, not the orders.
  ///
  /// @param limit no more samples than these, but at least one batch if there is one
  public List<BatchPlan> upcoming(Course course, int limit) {
    BatchPlan aheadNow = ahead;
    int fetchedNow = fetched;
    long stepNow = publishedStep;
    Standing beforeNow = beforeAhead;
    List<BatchPlan> plans = new ArrayList<>();
    try {
      return group.withoutTrace(() -> {
        int samples = 0;
        for (BatchPlan plan = ahead; plan != null; plan = ahead) {
          samples += plan.samples().size();
          if (samples > limit && !plans.isEmpty()) {
            break;
          }
          ahead = fetch();
          publish(course.step(plans.size()));
          if (course.validatesAfter(plans.size())) {
            collate();
          }
          plans.add(plan);
        }
        return plans;
      });
    } finally {
      ahead = aheadNow;
      fetched = fetchedNow;
      publishedStep = stepNow;
      beforeAhead = beforeNow;
    }
  }

  /// Makes the number of finished optimizer steps known, before a batch is trained on.
  public void publish(long step) {
    publishedStep = step;
  }

  private Standing standing() {
    return new Standing(
        group.announcedEpoch(), group.announcedStep(), publishedStep, group.random().state());
  }

  /// Where the feed is: after the batch handed out last.
  public Position position() {
    return position(delivered(), beforeAhead, standing());
  }

  /// Where the feed was before the batch handed out last, for a batch that could not be loaded.
  public Position positionBefore() {
    return position(delivered() - 1, beforeHanded, beforeAhead);
  }

  private int delivered() {
    return ahead == null ? fetched : fetched - 1;
  }

  private Position position(int delivered, Standing beforeAhead, Standing now) {
    return new Position(
        epoch, Arrays.stream(permutation).boxed().toList(), delivered, beforeAhead, now);
  }

  /// Continues from a recorded place; the group must have been built from the same images and seed
  /// and not yet used.
  ///
  /// @throws IllegalArgumentException if the number of batches differs
  public void resume(Position position) {
    int batches = Math.ceilDiv(group.batches(Role.TRAINING), processes) * processes;
    if (position.permutation().size() != batches) {
      throw new IllegalArgumentException(
          "the run was saved with %d batches per epoch, now there are %d"
              .formatted(position.permutation().size(), batches));
    }
    epoch = position.epoch();
    permutation = position.permutation().stream().mapToLong(Long::longValue).toArray();
    fetched = position.delivered();
    stand(position.beforeAhead());
    ahead = fetch();
    stand(position.now());
  }

  private void stand(Standing standing) {
    group.announce(standing.announcedEpoch(), standing.announcedStep());
    publishedStep = standing.publishedStep();
    group.random().restore(standing.random()); // last: announcing an epoch reseeds
  }

  private @Nullable BatchPlan fetch() {
    beforeAhead = standing();
    if (fetched >= permutation.length) {
      return null;
    }
    int index = Math.toIntExact(permutation[fetched++]);
    BatchPlan plan = group.plan(Role.TRAINING, index, caching, totalSteps);
    collate();
    return plan;
  }

  /// Tells the training datasets the present epoch and step. Happens after every fetched batch, of
  /// validation too.
  private void collate() {
    group.announce(epoch, publishedStep);
  }

  /// The validation batches from the first, in their fixed order; each is decided one ahead too.
  public Validation validation() {
    return new Validation();
  }

  /// What a pass will hand out if the shared random stream is at `seed` then. Changes nothing.
  public List<BatchPlan> validationAhead(long seed) {
    return group.withoutTrace(() -> {
      group.random().seed(seed);
      Validation pass = validation();
      List<BatchPlan> plans = new ArrayList<>();
      pass.next().ifPresent(plans::add);
      while (plans.size() < group.batches(Role.VALIDATION)) {
        plans.add(pass.next().orElseThrow());
      }
      return plans;
    });
  }

  /// One pass over the validation datasets.
  public final class Validation {
    private int position;
    private @Nullable BatchPlan upcoming;

    private Validation() {
      upcoming = fetchOne();
    }

    /// The next batch, empty at the end.
    public Optional<BatchPlan> next() {
      BatchPlan plan = upcoming;
      if (plan != null) {
        upcoming = fetchOne();
      }
      return Optional.ofNullable(plan);
    }

    private @Nullable BatchPlan fetchOne() {
      if (position >= group.batches(Role.VALIDATION)) {
        return null;
      }
      BatchPlan plan = group.plan(Role.VALIDATION, position++, caching, totalSteps);
      collate();
      return plan;
    }
  }
}
