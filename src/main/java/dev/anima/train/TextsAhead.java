package dev.anima.train;

import dev.anima.config.CacheConfig.Store;
import dev.anima.dataset.BatchFeed;
import dev.anima.dataset.BatchPlan;
import dev.anima.dataset.SamplePlan;
import dev.anima.train.team.Team;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/// Encodes captions before the batches that need them, many at once, so that the text encoder need
/// not stay in memory: those of a whole epoch, as they will be shuffled and dropped (at most
/// [TextPipeline#KEPT] at a time), with those of sample prompts and validation at the first time.
///
/// The encoder is released before training goes on, however much memory there is: it comes back
/// once an epoch at most, from a file that the system still has in memory.
final class TextsAhead {
  private final TrainSetup setup;
  private final RunParts parts;
  private final BatchFeed feed;
  private final Validator validator;
  private final TrainListener listener;
  private final List<String> measured;
  private final boolean cached;
  private boolean lastingAreKept;

  /// @param measured captions of the images that progress is measured on
  TextsAhead(
      TrainSetup setup,
      RunParts parts,
      BatchFeed feed,
      Validator validator,
      List<String> measured,
      TrainListener listener) {
    this.measured = measured;
    this.setup = setup;
    this.parts = parts;
    this.feed = feed;
    this.validator = validator;
    this.listener = listener;
    this.cached = setup.config().cache().text() != Store.NONE;
  }

  /// Makes the texts of the coming batch ready, if they are not, with those of as many batches
  /// after it as fit.
  ///
  /// @param index of the coming batch in its epoch
  /// @param step optimizer steps done
  void beforeBatch(int index, int step) {
    if (parts.trainsTextEncoder()) {
      return; // it must stay, and computes every text anew
    }
    if (!cached && feed.ahead().map(batch -> !isReady(batch)).orElse(false)) {
      List<String> texts = new ArrayList<>();
      if (!lastingAreKept) {
        lastingAreKept = true;
        texts.addAll(lasting());
        parts.text().keepForGood(texts);
      }
      List<BatchPlan> all =
          feed.upcoming(new Course(index, step), TextPipeline.KEPT * setup.team().size());
      IntStream.range(0, Math.ceilDiv(all.size(), setup.team().size()))
          .limit(batchesLeft(index, step))
          .forEach(round -> texts.addAll(captions(all.get(round * setup.team().size()))));
      prepare(texts);
    }
    if (cached) {
      feed.ahead().ifPresent(batch -> parts.text().read(keys(batch)));
    }
    parts.text().encoder().release(); // also what a sample picture may have loaded
  }

  private boolean isReady(BatchPlan batch) {
    return parts.text().isReady(captions(batch), !parts.trainsAdapter());
  }

  private static List<String> captions(BatchPlan batch) {
    return batch.samples().stream().map(SamplePlan::caption).toList();
  }

  private static List<String> keys(BatchPlan batch) {
    return batch.samples().stream().map(sample -> TextCaching.key(sample.image())).toList();
  }

  private List<String> lasting() {
    return Stream.of(parts.samples().texts(), measured, validator.captions())
        .flatMap(List::stream)
        .distinct()
        .limit(TextPipeline.KEPT)
        .toList();
  }

  /// Batches of this epoch before the run ends.
  private int batchesLeft(int index, int step) {
    RunPlan plan = setup.plan();
    int batches = 0;
    for (int done = step;
        done < plan.totalSteps() && index + batches < plan.batchesPerEpoch();
        batches++) {
      done += plan.isUpdate(index + batches) ? 1 : 0;
    }
    return batches;
  }

  private void prepare(List<String> texts) {
    SlowPhase progress = new SlowPhase("encoding captions", "captions", listener);
    if (parts.trainsAdapter()) {
      parts.text().encode(texts, progress);
    } else {
      parts.text().prepareContexts(texts, parts.dit().llmAdapter(), parts.hidden(), progress);
    }
  }

  /// How training goes on: a step after every accumulation window of a team's rounds, in each of
  /// which every process takes one batch.
  private final class Course implements BatchFeed.Course {
    private final int firstIndex;
    private final int firstStep;
    private final Team team = setup.team();

    /// Begins with this process's batch in the round `firstIndex`.
    Course(int firstIndex, int firstStep) {
      this.firstIndex = firstIndex;
      this.firstStep = firstStep;
    }

    /// Whether an optimizer step follows the `i`th coming batch.
    private boolean isUpdate(int i) {
      int place = team.rank() + i;
      return place % team.size() == team.size() - 1
          && setup.plan().isUpdate(firstIndex + place / team.size());
    }

    @Override
    public long step(int i) {
      int step = firstStep;
      for (int batch = 0; batch < i; batch++) {
        step += isUpdate(batch) ? 1 : 0;
      }
      return step;
    }

    @Override
    public boolean validatesAfter(int i) {
      OptionalInt every = setup.config().validation().everySteps();
      return every.isPresent()
          && !setup.data().validation().isEmpty()
          && isUpdate(i)
          && step(i + 1) % every.getAsInt() == 0;
    }
  }
}
