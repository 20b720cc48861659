package dev.anima.dataset;

import static org.assertj.core.api.Assertions.assertThat;

import dev.anima.Golden;
import dev.anima.dataset.Dataset.Role;
import dev.anima.engine.RandomStream;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import tools.jackson.databind.JsonNode;

class BatchOrderTest {
  @TempDir Path root;

  static Stream<Arguments> scenarios() {
    return goldens().map(golden -> Arguments.of(golden.get("name").stringValue(), golden));
  }

  private static Stream<JsonNode> goldens() {
    return Golden.json("order/batch_order.json").get("scenarios").valueStream();
  }

  /// Whole runs with the reference's loader in its main process. With worker processes its order
  /// depends on their number; ours is the main process's always.
  static Stream<Arguments> scenariosWithoutWorkers() {
    return goldens()
        .filter(golden -> golden.get("workers").intValue() == 0)
        .map(golden -> Arguments.of(golden.get("name").stringValue(), golden));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("scenarios")
  void bucketsAreFilledAndShuffledAsRecorded(String name, JsonNode golden) {
    Scenario scenario = Scenario.create(golden, root);
    DatasetGroup group = scenario.group();
    assertThat(group.seed()).isEqualTo(golden.get("dataset_seed").longValue());
    assertArrangements(scenario, group.arrangements(Role.TRAINING), golden.get("datasets"));
    assertArrangements(
        scenario, group.arrangements(Role.VALIDATION), golden.path("validation_datasets"));
  }

  private static void assertArrangements(
      Scenario scenario, List<Arrangement> actual, JsonNode golden) {
    assertThat(actual).hasSize(golden.size());
    for (int i = 0; i < golden.size(); i++) {
      JsonNode expected = golden.get(i);
      Arrangement arrangement = actual.get(i);
      Dataset dataset = arrangement.dataset();
      assertThat(dataset.numTrainImages()).isEqualTo(expected.get("num_train_images").intValue());
      assertThat(dataset.numRegImages()).isEqualTo(expected.get("num_reg_images").intValue());
      Map<String, Integer> repeats = new LinkedHashMap<>();
      dataset.images().forEach(image -> repeats.put(scenario.relative(image), image.repeats()));
      Map<String, Integer> expectedRepeats = new LinkedHashMap<>();
      expected
          .get("repeats")
          .properties()
          .forEach(e -> expectedRepeats.put(e.getKey(), e.getValue().intValue()));
      assertThat(repeats).containsExactlyEntriesOf(expectedRepeats);
      assertThat(arrangement.slots().stream().map(s -> List.of(s.bucket(), s.batch())).toList())
          .isEqualTo(
              expected
                  .get("index_after_first_shuffle")
                  .valueStream()
                  .map(pair -> pair.valueStream().map(JsonNode::intValue).toList())
                  .toList());
      assertThat(
              arrangement.buckets().stream()
                  .map(bucket -> bucket.entries().stream().map(scenario::relative).toList())
                  .toList())
          .isEqualTo(
              expected
                  .get("buckets")
                  .valueStream()
                  .map(bucket -> strings(bucket.get("items_after_first_shuffle")))
                  .toList());
    }
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("scenariosWithoutWorkers")
  void everyBatchOfTheRunIsAsRecorded(String name, JsonNode golden) {
    Scenario scenario = Scenario.create(golden, root);
    EpochOrder order =
        (epoch, _) ->
            golden
                .get("epochs")
                .get(epoch - 1)
                .get("sampler_permutation")
                .valueStream()
                .mapToLong(JsonNode::longValue)
                .toArray();
    BatchFeed feed =
        new BatchFeed(scenario.group(), order, BatchFeed.EpochStart.REFERENCE, Caching.NONE, 1000);
    long step = 0;
    for (JsonNode epoch : golden.get("epochs")) {
      feed.beginEpoch(epoch.get("epoch").intValue(), 0);
      for (JsonNode expected : epoch.get("batches")) {
        BatchPlan plan = feed.next().orElseThrow();
        feed.publish(step++);
        assertBatch(scenario, plan, expected);
      }
      assertThat(feed.next()).isEqualTo(Optional.empty());
    }
  }

  private static void assertBatch(Scenario scenario, BatchPlan plan, JsonNode expected) {
    List<String> keys = new ArrayList<>();
    List<String> captions = new ArrayList<>();
    List<Boolean> flipped = new ArrayList<>();
    List<Double> weights = new ArrayList<>();
    List<List<Integer>> targets = new ArrayList<>();
    List<List<Integer>> originals = new ArrayList<>();
    List<List<Integer>> crops = new ArrayList<>();
    for (SamplePlan sample : plan.samples()) {
      keys.add(scenario.relative(sample.image()));
      captions.add(sample.caption());
      flipped.add(sample.flipped());
      weights.add(sample.lossWeight());
      targets.add(List.of(sample.target().height(), sample.target().width()));
      BucketChoice choice = sample.image().choice();
      originals.add(List.of(choice.image().height(), choice.image().width()));
      BucketChoice.Edges edges = choice.edges();
      double left = sample.flipped() ? sample.target().width() - edges.right() : edges.left();
      crops.add(List.of((int) edges.top(), (int) left));
    }
    assertThat(keys).isEqualTo(strings(expected.get("keys")));
    assertThat(captions).isEqualTo(strings(expected.get("captions")));
    assertThat(flipped)
        .isEqualTo(expected.get("flipped").valueStream().map(JsonNode::booleanValue).toList());
    assertThat(weights)
        .isEqualTo(expected.get("loss_weights").valueStream().map(JsonNode::doubleValue).toList());
    assertThat(targets).isEqualTo(pairs(expected.get("target_hw")));
    assertThat(originals).isEqualTo(pairs(expected.get("original_hw")));
    assertThat(crops).isEqualTo(pairs(expected.get("crop_top_left")));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("scenarios")
  void theOrderOfAnEpochComesFromTorchsStream(String name, JsonNode golden) {
    try (RandomStream torch = RandomStream.cpu(golden.get("seed").longValue())) {
      for (JsonNode epoch : golden.get("epochs")) {
        torch.nextLong63(); // the loader's base seed
        long[] expected =
            epoch.get("sampler_permutation").valueStream().mapToLong(JsonNode::longValue).toArray();
        assertThat(RandomStream.permutation(torch.nextLong63(), expected.length))
            .isEqualTo(expected);
      }
    }
  }

  private static List<String> strings(JsonNode array) {
    return array.valueStream().map(JsonNode::stringValue).toList();
  }

  private static List<List<Integer>> pairs(JsonNode array) {
    return array
        .valueStream()
        .map(pair -> List.of(pair.get(0).intValue(), pair.get(1).intValue()))
        .toList();
  }
}
