package dev.anima.train.plan;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;

/// A memory plan in words.
public final class PlanText {
  private static final int BUCKETS_SHOWN = 3;
  private static final int PARTS_SHOWN = 6;

  private PlanText() {}

  /// The plan, the sum first.
  public static List<String> of(MemoryPlan plan) {
    List<String> lines = new ArrayList<>();
    lines.add(sum(plan));
    lines.add("blocks keep " + plan.mix().description());
    lines.add("phases: " + String.join(", ", phases(plan)));
    lines.add(
        "most in %s, at %s: %s"
            .formatted(plan.worst().name(), plan.worst().peak().moment(), parts(plan.worst())));
    if (plan.mappedBytes() > 0) {
      lines.add(
          "besides, %s of model files are mapped: the system drops their pages when it needs them"
              .formatted(bytes(plan.mappedBytes())));
    }
    return lines;
  }

  private static String sum(MemoryPlan plan) {
    String most = "at most " + bytes(plan.bytes());
    if (plan.limit().bytes().isEmpty()) {
      return most;
    }
    String of = plan.limit().stated() ? "--max_memory" : "what is free";
    long margin = plan.margin().orElseThrow();
    return "%s of %s (%s), %s"
        .formatted(
            most,
            bytes(plan.limit().bytes().getAsLong()),
            of,
            margin >= 0 ? bytes(margin) + " to spare" : bytes(-margin) + " too much");
  }

  private static List<String> phases(MemoryPlan plan) {
    List<String> words = new ArrayList<>();
    List<Phase> buckets =
        plan.phases().stream()
            .filter(phase -> phase.name().startsWith("training"))
            .sorted(Comparator.comparingLong(Phase::bytes).reversed())
            .toList();
    for (Phase phase : plan.phases()) {
      if (!buckets.contains(phase)) {
        words.add(phase.name() + " " + bytes(phase.bytes()));
      } else if (buckets.indexOf(phase) < BUCKETS_SHOWN) {
        words.add(phase.name() + " " + bytes(phase.bytes()));
      }
    }
    if (buckets.size() > BUCKETS_SHOWN) {
      words.add("%d more buckets below".formatted(buckets.size() - BUCKETS_SHOWN));
    }
    return words;
  }

  private static String parts(Phase phase) {
    return phase.peak().parts().stream()
        .limit(PARTS_SHOWN)
        .map(part -> part.name() + " " + bytes(part.bytes()))
        .collect(Collectors.joining(", "));
  }

  /// Why the run cannot start, and what would help.
  public static String refusal(MemoryPlan plan) {
    String limit = bytes(plan.limit().bytes().orElseThrow());
    String sentence =
        "the run needs %s of memory at its leanest (%s, %s), but %s"
            .formatted(
                bytes(plan.bytes()),
                plan.worst().name(),
                plan.worst().peak().moment(),
                plan.limit().stated()
                    ? "--max_memory allows " + limit
                    : "only %s are free".formatted(limit));
    return plan.remedies().isEmpty()
        ? sentence
        : sentence + "\n  -> what helps, in this order: " + String.join("; ", plan.remedies());
  }

  /// What a run took beside what was promised.
  ///
  /// @param tensors counted at their most
  /// @param process anonymous memory of the process at its most, 0 if unknown
  public static String outcome(MemoryPlan plan, long tensors, long process) {
    long promised = plan.bytes();
    StringBuilder text = new StringBuilder("the plan was at most %s".formatted(bytes(promised)));
    text.append("; tensors took ").append(bytes(tensors));
    if (process > 0) {
      text.append(", the whole process ").append(bytes(process));
      if (process > promised + promised / 20 && !plan.isTight()) {
        text.append(
            " (freed memory is kept for the next step while there is plenty; --max_memory makes it go back)");
      }
    }
    return text.toString();
  }

  static String bytes(long bytes) {
    return bytes < 1_000_000_000
        ? String.format(Locale.ROOT, "%.0f MB", bytes / 1e6)
        : String.format(Locale.ROOT, "%.2f GB", bytes / 1e9);
  }
}
