package dev.anima.dataset;

import dev.anima.config.Size;
import dev.anima.dataset.CaptionProcessor.Moment;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/// The order of a dataset: bucket lists and the list of batches, both shuffled in place again and
/// again, so that the order of an epoch depends on all shuffles before it.
final class Arrangement {
  /// One batch: entries `batch * batchSize ...` of a bucket's list at the time it is fetched.
  record Slot(int bucket, int batch) {}

  /// A size and the images of that size, each as often as it repeats.
  record Bucket(Size size, List<TrainingImage> entries) {}

  private final Dataset dataset;
  private final List<Bucket> buckets;
  private final List<Slot> slots = new ArrayList<>();
  private final PythonRandom random;
  private long seed;
  private int epoch;
  private long step;

  private Arrangement(Dataset dataset, List<Bucket> buckets, PythonRandom random) {
    this.dataset = dataset;
    this.buckets = buckets;
    this.random = random;
    int batchSize = dataset.spec().batchSize();
    for (int bucket = 0; bucket < buckets.size(); bucket++) {
      int batches = Math.ceilDiv(buckets.get(bucket).entries().size(), batchSize);
      for (int batch = 0; batch < batches; batch++) {
        slots.add(new Slot(bucket, batch));
      }
    }
  }

  /// Fills the buckets and shuffles for the first time, which reseeds `random`. The reference does
  /// so before the dataset knows its seed: the first order is the same for every seed.
  static Arrangement of(Dataset dataset, PythonRandom random) {
    Map<Size, List<TrainingImage>> bySize = new TreeMap<>();
    for (TrainingImage image : dataset.images()) {
      List<TrainingImage> entries =
          bySize.computeIfAbsent(image.choice().bucket(), _ -> new ArrayList<>());
      for (int i = 0; i < image.repeats(); i++) {
        entries.add(image);
      }
    }
    List<Bucket> buckets = new ArrayList<>();
    bySize.forEach((size, entries) -> buckets.add(new Bucket(size, entries)));
    Arrangement arrangement = new Arrangement(dataset, buckets, random);
    arrangement.shuffle();
    return arrangement;
  }

  void seed(long value) {
    seed = value;
  }

  private void shuffle() {
    random.seed(seed + epoch);
    random.shuffle(slots);
    buckets.forEach(bucket -> random.shuffle(bucket.entries()));
  }

  /// Tells the present epoch and step; on a later epoch the order is shuffled once for each epoch
  /// in between.
  void announce(int presentEpoch, long presentStep) {
    while (epoch < presentEpoch) {
      epoch++;
      shuffle();
    }
    step = presentStep;
  }

  /// How an arrangement stands: orders, epoch and step.
  record Standing(List<Slot> slots, List<List<TrainingImage>> entries, int epoch, long step) {}

  Standing standing() {
    return new Standing(
        List.copyOf(slots),
        buckets.stream().map(bucket -> List.copyOf(bucket.entries())).toList(),
        epoch,
        step);
  }

  /// Puts back what [#standing] told.
  void restore(Standing standing) {
    Collections.copy(slots, standing.slots());
    for (int i = 0; i < buckets.size(); i++) {
      Collections.copy(buckets.get(i).entries(), standing.entries().get(i));
    }
    epoch = standing.epoch();
    step = standing.step();
  }

  Dataset dataset() {
    return dataset;
  }

  List<Bucket> buckets() {
    return buckets;
  }

  List<Slot> slots() {
    return slots;
  }

  int epoch() {
    return epoch;
  }

  long step() {
    return step;
  }

  /// Decides the batch at a position of the present order.
  BatchPlan plan(int position, int datasetIndex, Caching caching, long totalSteps) {
    Slot slot = slots.get(position);
    Bucket bucket = buckets.get(slot.bucket());
    int batchSize = dataset.spec().batchSize();
    int first = slot.batch() * batchSize;
    int end = Math.min(first + batchSize, bucket.entries().size());
    SamplePlanner planner = new SamplePlanner(dataset.spec(), caching, random);
    Moment moment = new Moment(epoch, step, totalSteps);
    List<SamplePlan> samples = new ArrayList<>();
    for (TrainingImage image : bucket.entries().subList(first, end)) {
      samples.add(planner.plan(image, moment));
    }
    return new BatchPlan(datasetIndex, bucket.size(), samples);
  }
}
