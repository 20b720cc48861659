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
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

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

  /// A step after every second batch, a validation after every third step.
  private record EveryOther(int first) implements BatchFeed.Course {
    @Override
    public long step(int i) {
      return ((long) first + i) / 2;
    }

    @Override
    public boolean validatesAfter(int i) {
      return validates(first + i);
    }

    static boolean validates(int batch) {
      return batch % 6 == 5;
    }
  }

  @ParameterizedTest(name = "scenario {0}, {1}")
  @CsvSource({
    "0,REFERENCE",
    "0,CLEAN",
    "1,REFERENCE",
    "2,REFERENCE",
    "3,REFERENCE",
    "3,CLEAN",
    "5,REFERENCE"
  })
  void aLookAheadIsTrueAndLeavesNoTrace(int scenario, BatchFeed.EpochStart start) {
    ObjectNode golden =
        Golden.json("order/batch_order.json").get("scenarios").get(scenario).asObject();
    if (scenario == 5) { // token warm-up: the step a batch sees depends on validations
      String toml = golden.get("config_toml").stringValue();
      golden.put("config_toml", toml.replace("[general]", "[general]\nvalidation_split = 0.3"));
    }
    List<String> expected = epochs(Scenario.create(golden, root).group(), start, new ArrayList<>());
    List<List<String>> seenAhead = new ArrayList<>();

    List<String> watched = epochs(Scenario.create(golden, root).group(), start, seenAhead);

    assertThat(watched).isEqualTo(expected);
    int perEpoch = expected.size() / EPOCHS;
    for (int i = 0; i < expected.size(); i++) {
      int end = (i / perEpoch + 1) * perEpoch;
      assertThat(seenAhead.get(i)).as("before batch %d", i).isEqualTo(expected.subList(i, end));
    }
  }

  /// Every batch of a few epochs, as a run would take them.
  ///
  /// @param seenAhead gets what could be seen before each
  private static List<String> epochs(
      DatasetGroup group, BatchFeed.EpochStart start, List<List<String>> seenAhead) {
    BatchFeed feed = feed(group, start);
    List<String> batches = new ArrayList<>();
    for (int epoch = 1; epoch <= EPOCHS; epoch++) {
      feed.beginEpoch(epoch, 0);
      while (feed.ahead().isPresent()) {
        int i = batches.size();
        seenAhead.add(
            feed.upcoming(new EveryOther(i), Integer.MAX_VALUE).stream()
                .map(BatchFeedTest::describe)
                .toList());
        batches.add(describe(feed.next().orElseThrow()));
        feed.publish(i / 2);
        if (EveryOther.validates(i) && !group.validation().isEmpty()) {
          PythonRandom.State before = group.random().state();
          var _ = feed.validation();
          group.random().restore(before);
        }
      }
    }
    return batches;
  }

  @Test
  void aLookAheadEndsAtItsLimit() {
    BatchFeed feed = feed(scenario().group(), BatchFeed.EpochStart.REFERENCE);
    feed.beginEpoch(1, 0);
    int first = feed.ahead().orElseThrow().samples().size();

    assertThat(feed.upcoming(new EveryOther(0), 1)).hasSize(1);
    assertThat(feed.upcoming(new EveryOther(0), first + 1)).hasSizeBetween(1, 2);
  }

  @Test
  void whatAValidationWillAskForCanBeSeenAhead() {
    JsonNode golden = Golden.json("order/batch_order.json").get("scenarios").get(3);
    DatasetGroup group = Scenario.create(golden, root).group();
    BatchFeed feed = feed(group, BatchFeed.EpochStart.REFERENCE);
    feed.beginEpoch(1, 0);
    feed.publish(7);
    PythonRandom.State before = group.random().state();
    long stepBefore = group.announcedStep();

    List<String> ahead = feed.validationAhead(5).stream().map(BatchFeedTest::describe).toList();

    assertThat(group.random().state()).isEqualTo(before);
    assertThat(group.announcedStep()).isEqualTo(stepBefore);
    group.random().seed(5);
    BatchFeed.Validation validation = feed.validation();
    List<String> really = new ArrayList<>();
    for (Optional<BatchPlan> p = validation.next(); p.isPresent(); p = validation.next()) {
      really.add(describe(p.get()));
    }
    assertThat(ahead).isNotEmpty().isEqualTo(really);
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
