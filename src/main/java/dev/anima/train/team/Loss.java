package dev.anima.train.team;

/// The first process of a team that went.
///
/// @param rank of that process
/// @param reason what it said last; empty if it was killed or its computer is gone
public record Loss(int rank, String reason) {

  boolean wasSilent() {
    return reason.isEmpty();
  }
}
