package dev.anima.train;

/// Draws sample pictures while a run goes on.
interface Samples {
  Samples NONE =
      new Samples() {
        @Override
        public void atStart() {}

        @Override
        public void afterStep(int step, int epoch) {}

        @Override
        public void afterEpoch(int epoch, int step) {}
      };

  /// Before the first step.
  void atStart();

  /// After an optimizer step.
  void afterStep(int step, int epoch);

  /// At the end of an epoch.
  void afterEpoch(int epoch, int step);
}
