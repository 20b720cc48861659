package dev.anima.train.state;

import java.nio.file.Path;

/// A state folder that was read, tensors aside.
public sealed interface SavedState {
  Path folder();

  /// Written by this program: a run goes on from it as if it had not stopped.
  record Whole(Path folder, RunState run) implements SavedState {}

  /// Written by the reference: weights and step only, because the rest are pickles, which are
  /// programs and are not run here.
  ///
  /// @param epoch its current epoch, counted from 1
  /// @param step steps done
  record WeightsOnly(Path folder, int epoch, int step) implements SavedState {}
}
