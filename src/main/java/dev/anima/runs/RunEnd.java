package dev.anima.runs;

/// How a run ended; a run without an end was killed, or still runs.
///
/// @param state what happened
/// @param step optimizer steps done
/// @param message of a failure, or why it ended before its planned end; else empty
record RunEnd(State state, int step, String message) {
  enum State {
    FINISHED,
    STOPPED,
    FAILED
  }
}
