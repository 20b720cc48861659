package dev.anima.dataset;

import static org.assertj.core.api.Assertions.assertThat;

import dev.anima.Golden;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;

class BatchFeedTest {
  private static final int EPOCHS = 3;

  @TempDir Path root;

  @ParameterizedTest(name = "stopped after {0} batches")
  @ValueSource(ints = {0, 1, 4, 5, 6, 7, 11, 17})
  void aResumedRunGoesOnAsIfItHadNotStopped(int stop) {
    List<String> whole = new ArrayList<>();
    List<BatchFeed.Position> positions = new ArrayList<>();
    BatchFeed feed = feed(scenario().group(), BatchFeed.EpochStart.REFERENCE);
    for (int epoch = 1; epoch <= EPOCHS; epoch++) {
      feed.beginEpoch(epoch, 0);
      for (Optional<BatchPlan> plan = feed.next(); plan.isPresent(); plan = feed.next()) {
        whole.add(describe(plan.get()));
        feed.publish(whole.size() - 1);
        positions.add(feed.position());
      }
    }
    BatchFeed.Position position = positions.get(stop);
    BatchFeed resumed = feed(scenario().group(), BatchFeed.EpochStart.REFERENCE);
    resumed.resume(position);
    List<String> rest = new ArrayList<>(whole.subList(0, stop + 1));
    for (int epoch = position.epoch(); epoch <= EPOCHS; epoch++) {
      if (epoch > position.epoch()) {
        resumed.beginEpoch(epoch, 0);
      }
      for (Optional<BatchPlan> plan = resumed.next(); plan.isPresent(); plan = resumed.next()) {
        rest.add(describe(plan.get()));
        resumed.publish(rest.size() - 1);
      }
    }
    assertThat(rest).isEqualTo(whole);
  }

  @Test
  void aCleanEpochUsesEveryImageAsOftenAsItRepeats() {
    DatasetGroup group = scenario().group();
    BatchFeed feed = feed(group, BatchFeed.EpochStart.CLEAN);
    Map<String, Integer> expected = new HashMap<>();
    group
        .training()
        .getFirst()
        .images()
        .forEach(image -> expected.put(image.key(), image.repeats()));
    for (int epoch = 1; epoch <= EPOCHS; epoch++) {
      Map<String, Integer> seen = new HashMap<>();
      feed.beginEpoch(epoch, 0);
      for (Optional<BatchPlan> plan = feed.next(); plan.isPresent(); plan = feed.next()) {
        plan.get().samples().forEach(s -> seen.merge(s.image().key(), 1, Integer::sum));
      }
      assertThat(seen).isEqualTo(expected);
    }
  }

  @Test
  void skippedBatchesAreNotDecided() {
    DatasetGroup group = scenario().group();
    PythonRandom.State before = group.random().state();
    BatchFeed feed = feed(group, BatchFeed.EpochStart.REFERENCE);
    feed.beginEpoch(1, group.batchesPerEpoch());
    assertThat(feed.next()).isEmpty();
    assertThat(group.random().state()).isEqualTo(before);
    feed.beginEpoch(1, group.batchesPerEpoch() - 1);
    assertThat(feed.ahead()).isPresent();
    assertThat(feed.next()).isPresent();
    assertThat(feed.next()).isEmpty();
  }

  @Test
  void validationKeepsItsOrderAndMovesTheStepOfTheTrainingDatasets() {
    JsonNode golden = Golden.json("order/batch_order.json").get("scenarios").get(3);
    DatasetGroup group = Scenario.create(golden, root).group();
    BatchFeed feed = feed(group, BatchFeed.EpochStart.REFERENCE);
    feed.beginEpoch(1, 0);
    feed.publish(7);
    BatchFeed.Validation validation = feed.validation();
    List<String> keys = new ArrayList<>();
    for (Optional<BatchPlan> p = validation.next(); p.isPresent(); p = validation.next()) {
      p.get().samples().forEach(sample -> keys.add(CaptionFile.name(sample.image().key())));
    }
    assertThat(keys).containsExactly("a4.png", "a5.png", "b2.png");
    assertThat(group.announcedStep()).isEqualTo(7);
  }

  private Scenario scenario() {
    JsonNode golden = Golden.json("order/batch_order.json").get("scenarios").get(0);
    return Scenario.create(golden, root);
  }

  private static BatchFeed feed(DatasetGroup group, BatchFeed.EpochStart start) {
    EpochOrder reversed =
        (_, batches) -> LongStream.range(0, batches).map(i -> batches - 1 - i).toArray();
    return new BatchFeed(group, reversed, start, Caching.NONE, 100);
  }

  private static String describe(BatchPlan plan) {
    return plan.samples().stream()
        .map(s -> s.image().key() + "|" + s.caption() + "|" + s.flipped())
        .toList()
        .toString();
  }

  @Test
  void cachedCaptionsAreDroppedByOneDrawPerSample() {
    JsonNode golden = Golden.json("order/batch_order.json").get("scenarios").get(1);
    DatasetGroup group = Scenario.create(golden, root).group();
    Caching caching = new Caching(true, true);
    group.check(caching);
    EpochOrder straight = (_, batches) -> LongStream.range(0, batches).toArray();
    BatchFeed feed = new BatchFeed(group, straight, BatchFeed.EpochStart.REFERENCE, caching, 100);
    PythonRandom.State before = group.random().state();
    feed.beginEpoch(1, 0);
    BatchPlan plan = feed.next().orElseThrow();
    assertThat(plan.samples().getFirst().caption()).isNotEmpty(); // decided without dropout
    PythonRandom twin = new PythonRandom(1);
    List<Boolean> expected = plan.samples().stream().map(_ -> twin.random() < 0.25).toList();
    PythonRandom random = new PythonRandom(1);
    assertThat(plan.droppedCachedCaptions(random)).isEqualTo(expected);
    assertThat(random.state()).isEqualTo(twin.state()).isNotEqualTo(before);
  }

  @Test
  void nothingIsDrawnForCachedCaptionsWithoutDropout() {
    BatchFeed feed = feed(scenario().group(), BatchFeed.EpochStart.REFERENCE);
    feed.beginEpoch(1, 0);
    PythonRandom random = new PythonRandom(1);
    assertThat(feed.next().orElseThrow().droppedCachedCaptions(random)).containsOnly(false);
    assertThat(random.state()).isEqualTo(new PythonRandom(1).state());
  }
}
