package dev.anima.train;

import java.util.List;

/// Draws sample pictures while a run goes on.
interface Samples {
  Samples NONE =
      new Samples() {
        @Override
        public List<String> texts() {
          return List.of();
        }

        @Override
        public void atStart() {}

        @Override
        public void afterStep(int step, int epoch) {}

        @Override
        public void afterEpoch(int epoch, int step) {}

        @Override
        public boolean onRequest(int step) {
          return false;
        }
      };

  /// Every text that the pictures need.
  List<String> texts();

  /// Before the first step.
  void atStart();

  /// After an optimizer step.
  void afterStep(int step, int epoch);

  /// At the end of an epoch.
  void afterEpoch(int epoch, int step);

  /// After optimizer step `step`, because somebody asked for pictures.
  ///
  /// @return false if the run was given no prompts
  boolean onRequest(int step);
}
