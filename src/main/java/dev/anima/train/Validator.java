package dev.anima.train;

import dev.anima.dataset.BatchFeed;
import dev.anima.dataset.BatchPlan;
import dev.anima.dataset.PythonRandom;
import dev.anima.dataset.SamplePlan;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;

/// The reference's validation loss (`spec/training.md` §16): every batch of the validation set at
/// four times, with random numbers that are the same in every validation and leave training alone.
final class Validator {
  private static final int TIMES = 4;

  private final TrainSetup setup;
  private final RunParts parts;
  private final BatchFeed feed;
  private final Losses losses;

  /// Losses of one batch at several drawn times.
  interface Losses {
    double[] of(BatchPlan batch, int times);
  }

  Validator(TrainSetup setup, RunParts parts, BatchFeed feed, Losses losses) {
    this.setup = setup;
    this.parts = parts;
    this.feed = feed;
    this.losses = losses;
  }

  /// The captions that every validation asks for. Changes nothing.
  List<String> captions() {
    int batches = setup.config().validation().maxBatches().orElse(Integer.MAX_VALUE);
    return feed.validationAhead(seed()).stream()
        .limit(batches)
        .flatMap(batch -> batch.samples().stream())
        .map(SamplePlan::caption)
        .toList();
  }

  private long seed() {
    return setup.config().validation().seed().orElse(setup.seed());
  }

  /// Mean loss over at most `maxBatches` batches; empty without a validation set.
  OptionalDouble loss(int maxBatches) {
    if (setup.data().validation().isEmpty()) {
      return OptionalDouble.empty();
    }
    PythonRandom random = setup.data().random();
    PythonRandom.State randomBefore = random.state();
    List<byte[]> streamsBefore = new ArrayList<>();
    parts.streams().forEach(stream -> streamsBefore.add(stream.state()));
    long seed = seed();
    random.seed(seed);
    parts.streams().forEach(stream -> stream.seed(seed));
    parts.learner().optimizer().eval();
    try {
      return mean(maxBatches);
    } finally {
      parts.learner().optimizer().train();
      random.restore(randomBefore);
      for (int i = 0; i < streamsBefore.size(); i++) {
        parts.streams().get(i).restore(streamsBefore.get(i));
      }
    }
  }

  private OptionalDouble mean(int maxBatches) {
    BatchFeed.Validation batches = feed.validation();
    double sum = 0;
    int count = 0;
    Optional<BatchPlan> batch = batches.next();
    for (int i = 0; i < maxBatches && batch.isPresent(); i++) {
      for (double loss : losses.of(batch.get(), TIMES)) {
        sum += loss;
        count++;
      }
      batch = batches.next();
    }
    return count == 0 ? OptionalDouble.empty() : OptionalDouble.of(sum / count);
  }
}
