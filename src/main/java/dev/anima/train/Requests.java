package dev.anima.train;

import java.util.Set;

/// What a user may ask of a run while it goes on, beside a stop.
///
/// The run asks after every optimizer step, on its own thread: answers must be quick.
@FunctionalInterface
public interface Requests {
  /// Nobody asks for anything.
  Requests NONE = Set::of;

  enum Kind {
    /// The pictures of `--sample_prompts`, now.
    SAMPLE,
    /// A checkpoint, and a state to go on from, now.
    SAVE
  }

  /// What was asked for since the last call, in the order to be served.
  Set<Kind> take();
}
