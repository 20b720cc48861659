package dev.anima.train.plan;

import dev.anima.train.BlockMix;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.OptionalLong;

/// How a run goes through the DiT, and what it takes: a promise.
///
/// Counted is what libtorch allocates for tensors, and the program's own; on a card only what is on
/// the card. Files that are mapped are not counted: the system drops their pages when it needs
/// them.
///
/// @param limit that was to be kept
/// @param phases in the order of the run
/// @param mappedBytes of model files
/// @param notes what the user should know, one sentence each
/// @param remedies what to do if it does not fit, what costs least first
public record MemoryPlan(
    BlockMix mix,
    Limit limit,
    List<Phase> phases,
    long mappedBytes,
    List<String> notes,
    List<String> remedies) {
  public MemoryPlan {
    phases = List.copyOf(phases);
    remedies = List.copyOf(remedies);
    notes = List.copyOf(notes);
  }

  /// With another thing to know.
  public MemoryPlan withNote(String note) {
    List<String> more = new ArrayList<>(notes);
    more.add(note);
    return new MemoryPlan(mix, limit, phases, mappedBytes, more, remedies);
  }

  /// The phase that takes most.
  public Phase worst() {
    return phases.stream().max(Comparator.comparingLong(Phase::bytes)).orElseThrow();
  }

  /// The most the run takes.
  public long bytes() {
    return worst().bytes();
  }

  public boolean fits() {
    return limit.allows(bytes());
  }

  /// What is left of the limit.
  public OptionalLong margin() {
    return limit.bytes().isPresent()
        ? OptionalLong.of(limit.bytes().getAsLong() - bytes())
        : OptionalLong.empty();
  }

  /// Whether memory that is freed must go back to the system at once, or else what the C library
  /// keeps for later (up to three quarters more, as measured) would break the limit. It costs a
  /// tenth of the time, so only then.
  public boolean isTight() {
    return !limit.allows(2 * bytes());
  }
}
