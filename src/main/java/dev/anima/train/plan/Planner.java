package dev.anima.train.plan;

import dev.anima.model.block.SavePolicy;
import dev.anima.train.BlockMix;
import dev.anima.train.plan.RunShape.Bucket;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.function.IntPredicate;

/// Finds the fastest way through the DiT that fits.
///
/// One mix serves the whole run, made for its worst bucket: buckets of one dataset have about the
/// same number of pixels, so a mix for each would gain little. Numbers do not depend on the mix.
///
/// Blocks are swapped last: recomputing a block costs less than to bring its weights in twice.
public final class Planner {
  private final RunShape run;
  private final Wishes wishes;
  private final Limit limit;
  private final Phases phases;
  private final List<Bucket> worst;
  private final List<String> notes = new ArrayList<>();

  private Planner(RunShape run, Wishes wishes, Limit limit) {
    this.run = run;
    this.wishes = wishes;
    this.limit = limit;
    this.phases = new Phases(run);
    this.worst = worst(run.buckets());
  }

  /// The plan; where nothing fits, the leanest one, which says so.
  public static MemoryPlan plan(RunShape run, Wishes wishes, Limit limit) {
    Planner planner = new Planner(run, wishes, limit);
    BlockMix mix = planner.mix();
    MemoryPlan plan = planner.plan(mix, List.of());
    return plan.fits() ? plan : planner.plan(mix, new Advice(run, plan).remedies());
  }

  private MemoryPlan plan(BlockMix mix, List<String> remedies) {
    return new MemoryPlan(
        mix, limit, phases.all(mix), phases.mappedBytes(), List.copyOf(notes), remedies);
  }

  /// Buckets that no other one exceeds in images and in tokens.
  private static List<Bucket> worst(List<Bucket> buckets) {
    List<Bucket> byTokens =
        buckets.stream()
            .distinct()
            .sorted(
                Comparator.comparingLong((Bucket b) -> tokens(b) * b.batch())
                    .thenComparingLong(Planner::tokens)
                    .reversed())
            .toList();
    List<Bucket> worst = new ArrayList<>();
    for (Bucket bucket : byTokens) {
      boolean exceeded =
          worst.stream().anyMatch(w -> w.batch() >= bucket.batch() && tokens(w) >= tokens(bucket));
      if (!exceeded) {
        worst.add(bucket);
      }
    }
    return worst;
  }

  private static long tokens(Bucket bucket) {
    return StepShape.of(1, bucket.pixels(), 1, 1).tokens();
  }

  private boolean fits(BlockMix mix) {
    return worst.stream().allMatch(bucket -> limit.allows(phases.trainingBytes(bucket, mix)))
        && limit.allows(phases.othersBytes(mix));
  }

  private BlockMix uniform(SavePolicy policy) {
    return BlockMix.uniform(policy, run.steps().dit().blocks()).withSwapped(wishes.swapped());
  }

  private BlockMix mix() {
    if (wishes.policy().isPresent()) {
      BlockMix asked = uniform(wishes.policy().get());
      noteFlag(asked);
      return asked;
    }
    BlockMix usual = uniform(SavePolicy.UNITS_13);
    if (fits(usual)) {
      return limit.stated() ? richest() : usual;
    }
    PolicyLadder ladder = ladder(SavePolicy.UNITS_13);
    BlockMix leanest = ladder.at(0).withSwapped(wishes.swapped());
    if (fits(leanest)) {
      return highest(ladder, wishes.swapped());
    }
    if (wishes.swapped() > 0) {
      return leanest;
    }
    int blocks = run.steps().dit().blocks();
    int swapped = smallest(blocks, n -> fits(ladder.at(0).withSwapped(n)));
    return fits(ladder.at(0).withSwapped(swapped)) ? highest(ladder, swapped) : leanest;
  }

  private PolicyLadder ladder(SavePolicy richest) {
    return PolicyLadder.of(run.steps(), run.step(worst.getFirst()), richest);
  }

  /// With memory to spare that the user gave on purpose, the last 2 % of time.
  private BlockMix richest() {
    return highest(ladder(SavePolicy.EVERYTHING), wishes.swapped());
  }

  /// The fastest mix that fits; the leanest one does.
  private BlockMix highest(PolicyLadder ladder, int swapped) {
    int down =
        smallest(ladder.height(), d -> fits(ladder.at(ladder.height() - d).withSwapped(swapped)));
    return ladder.at(ladder.height() - down).withSwapped(swapped);
  }

  /// The smallest number from 0 to `most` that will do, where all above do too; `most` if none.
  private static int smallest(int most, IntPredicate enough) {
    int low = 0;
    int high = most;
    while (low < high) {
      int middle = (low + high) >>> 1;
      if (enough.test(middle)) {
        high = middle;
      } else {
        low = middle + 1;
      }
    }
    return low;
  }

  /// Says where a checkpointing flag costs time for nothing.
  private void noteFlag(BlockMix asked) {
    boolean recomputes = asked.policies().getFirst() != SavePolicy.UNITS_13;
    BlockMix without = uniform(SavePolicy.UNITS_13);
    if (recomputes && limit.bytes().isPresent() && fits(asked) && fits(without)) {
      notes.add(
          "%s is not needed: without it the run fits too, and a step takes about %d %% less time"
              .formatted(wishes.policyFlag(), Math.round(100 * gain(asked.policies().getFirst()))));
    }
  }

  private double gain(SavePolicy policy) {
    StepShape shape = run.step(worst.getFirst());
    double lean = PolicyLadder.recomputedFlops(run.steps().dit(), shape, policy);
    double usual = PolicyLadder.recomputedFlops(run.steps().dit(), shape, SavePolicy.UNITS_13);
    double step = PolicyLadder.stepFlops(run.steps().dit(), shape);
    return (lean - usual) / (step + lean);
  }
}
