package dev.anima.train.plan;

import dev.anima.engine.Device;
import dev.anima.model.block.SavePolicy;
import dev.anima.model.dit.DitConfig;
import dev.anima.train.BlockMix;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;

/// Save policies from the leanest to the fastest, without those that another pair of policies beats
/// in both memory and time.
///
/// Every rung costs bytes and saves time. A mix climbs the rung with the most time for its bytes on
/// all blocks first, then the next; since each rung pays less than the one below, that is the
/// fastest mix for its memory. The last blocks climb first: their backward comes when most is still
/// kept, and it needs the less for itself the more it finds.
final class PolicyLadder {
  private final List<SavePolicy> rungs;
  private final int blocks;

  private PolicyLadder(List<SavePolicy> rungs, int blocks) {
    this.rungs = List.copyOf(rungs);
    this.blocks = blocks;
  }

  /// @param bytes kept under this policy
  /// @param seconds more than if nothing were computed again, in any unit of time
  record Cost(SavePolicy policy, double bytes, double seconds) {}

  /// @param richest up to which policy the ladder goes
  static PolicyLadder of(StepMemory steps, StepShape shape, SavePolicy richest) {
    List<Cost> costs = new ArrayList<>();
    for (SavePolicy policy : SavePolicy.values()) {
      boolean onCard = steps.arithmetic().device() == Device.Kind.CUDA;
      boolean possible = policy != SavePolicy.INPUT_ON_HOST || onCard;
      if (possible && policy.compareTo(richest) >= 0) {
        costs.add(
            new Cost(
                policy,
                steps.savedBytes(shape, policy),
                recomputedFlops(steps.dit(), shape, policy)));
      }
    }
    return of(costs, steps.dit().blocks());
  }

  static PolicyLadder of(List<Cost> costs, int blocks) {
    List<Cost> leanFirst = costs.stream().sorted(Comparator.comparingDouble(Cost::bytes)).toList();
    List<Cost> hull = new ArrayList<>();
    for (Cost next : leanFirst) {
      if (!hull.isEmpty() && next.seconds >= hull.getLast().seconds) {
        continue; // more bytes for no time
      }
      while (hull.size() > 1
          && pays(hull.get(hull.size() - 2), hull.getLast()) <= pays(hull.getLast(), next)) {
        hull.removeLast();
      }
      hull.add(next);
    }
    return new PolicyLadder(hull.stream().map(Cost::policy).toList(), blocks);
  }

  private static double pays(Cost lean, Cost rich) {
    return (lean.seconds - rich.seconds) / (rich.bytes - lean.bytes);
  }

  /// Operations that backward does again for one block.
  ///
  /// Norms, rotation and GELU are few operations but take their time: 2 % of a step, as measured.
  /// The way to main memory and back is taken for half of a recompute: not measured, but it should
  /// come last.
  static double recomputedFlops(DitConfig dit, StepShape shape, SavePolicy policy) {
    double tokens = (double) shape.batch() * shape.tokens();
    double c = dit.channels();
    double projections = 2 * tokens * (6 * c * c + c * dit.hidden());
    double attention = 4 * tokens * (shape.tokens() + shape.textRows()) * c;
    double elementwise = 0.02 * (2 * (projections + 2 * tokens * c * dit.hidden()) + 3 * attention);
    return switch (policy) {
      case EVERYTHING -> 0;
      case UNITS_13 -> elementwise;
      case ATTENTION_ONLY -> elementwise + projections;
      case INPUT_ONLY -> elementwise + projections + attention;
      case INPUT_ON_HOST -> 1.5 * (elementwise + projections + attention);
    };
  }

  /// Operations of forward and backward of one block, nothing done twice.
  static double stepFlops(DitConfig dit, StepShape shape) {
    double tokens = (double) shape.batch() * shape.tokens();
    double c = dit.channels();
    double products = 2 * tokens * (6 * c * c + 2 * c * dit.hidden());
    double attention = 4 * tokens * (shape.tokens() + shape.textRows()) * c;
    return 2 * products + 3.5 * attention;
  }

  List<SavePolicy> rungs() {
    return rungs;
  }

  /// Number of steps up from the leanest mix to the fastest.
  int height() {
    return (rungs.size() - 1) * blocks;
  }

  /// The mix after so many steps up.
  BlockMix at(int steps) {
    List<SavePolicy> policies = new ArrayList<>();
    int whole = Math.min(steps / blocks, rungs.size() - 1);
    int climbed = whole == rungs.size() - 1 ? 0 : steps - whole * blocks;
    policies.addAll(Collections.nCopies(blocks - climbed, rungs.get(whole)));
    if (climbed > 0) {
      policies.addAll(Collections.nCopies(climbed, rungs.get(whole + 1)));
    }
    return new BlockMix(policies, 0);
  }
}
