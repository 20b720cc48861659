package dev.anima.dataset;

import dev.anima.dataset.Dataset.Role;
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

  private int epoch;
  private long publishedStep;
  private long[] permutation = {};
  private int fetched;
  private @Nullable BatchPlan ahead;

  /// @param totalSteps optimizer steps of the whole run
  public BatchFeed(
      DatasetGroup group,
      EpochOrder order,
      EpochStart epochStart,
      Caching caching,
      long totalSteps) {
    this.group = group;
    this.order = order;
    this.epochStart = epochStart;
    this.caching = caching;
    this.totalSteps = totalSteps;
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
    if (epochStart == EpochStart.CLEAN) {
      collate();
    }
    fetched = Math.min(skipped, batches);
    ahead = fetch();
  }

  /// The next batch of the epoch, empty at its end.
  public Optional<BatchPlan> next() {
    BatchPlan plan = ahead;
    if (plan != null) {
      ahead = fetch();
    }
    return Optional.ofNullable(plan);
  }

  /// The batch after the one handed out last: already decided, so its pixels can be loaded in the
  /// background.
  public Optional<BatchPlan> ahead() {
    return Optional.ofNullable(ahead);
  }

  /// Makes the number of finished optimizer steps known, before a batch is trained on.
  public void publish(long step) {
    publishedStep = step;
  }

  private @Nullable BatchPlan fetch() {
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
