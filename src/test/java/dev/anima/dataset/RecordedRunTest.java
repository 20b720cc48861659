package dev.anima.dataset;

import static org.assertj.core.api.Assertions.assertThat;

import dev.anima.Golden;
import dev.anima.dataset.Dataset.Role;
import java.io.IOException;
import java.nio.file.Files;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.IntStream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/// Whole training runs of the reference: every caption, flip and size it trained on.
class RecordedRunTest {
  @ParameterizedTest(name = "{0}")
  @CsvSource({"article, article, false", "plain, plain, true", "continued, plain, true"})
  void everySampleOfTheRunIsDecidedAsRecorded(String run, String config, boolean cached)
      throws IOException {
    JsonNode golden = Golden.json("training/e2e/index.json").get("runs").get(run);
    DatasetGroup group = group(config, seed(golden));
    Caching caching = new Caching(cached, cached);
    List<JsonNode> steps =
        golden
            .get("steps")
            .valueStream()
            .filter(step -> step.get("is_train").booleanValue())
            .toList();
    int batches = group.batchesPerEpoch();
    Set<Integer> open = new TreeSet<>();
    for (int i = 0; i < steps.size(); i++) {
      if (i % batches == 0) {
        // The order of an epoch comes from torch's stream; here it is read off the recording.
        assertThat(open).isEmpty();
        open.addAll(IntStream.range(0, batches).boxed().toList());
      }
      PythonRandom.State before = group.random().state();
      Optional<Integer> match = Optional.empty();
      for (int index : open) {
        group.random().restore(before);
        if (fits(group.plan(Role.TRAINING, index, caching, steps.size()), steps.get(i))) {
          match = Optional.of(index);
          break;
        }
      }
      assertThat(match).as("batch like step " + i).isPresent();
      match.ifPresent(open::remove);
      group.announce(i / batches + 1, 0);
    }
  }

  private static boolean fits(BatchPlan plan, JsonNode step) {
    List<String> captions = plan.samples().stream().map(SamplePlan::caption).toList();
    List<Boolean> flipped = plan.samples().stream().map(SamplePlan::flipped).toList();
    List<List<Integer>> originals =
        plan.samples().stream()
            .map(s -> List.of(s.image().found().size().height(), s.image().found().size().width()))
            .toList();
    List<List<Integer>> targets =
        plan.samples().stream().map(s -> List.of(s.target().height(), s.target().width())).toList();
    return captions.equals(step.get("captions").valueStream().map(JsonNode::stringValue).toList())
        && flipped.equals(step.get("flippeds").valueStream().map(JsonNode::booleanValue).toList())
        && originals.equals(pairs(step.get("original_sizes_hw")))
        && targets.equals(pairs(step.get("target_sizes_hw")));
  }

  private static List<List<Integer>> pairs(JsonNode array) {
    return array
        .valueStream()
        .map(pair -> List.of(pair.get(0).intValue(), pair.get(1).intValue()))
        .toList();
  }

  private static long seed(JsonNode golden) {
    return golden
        .get("flags")
        .valueStream()
        .map(JsonNode::stringValue)
        .filter(flag -> flag.startsWith("--seed="))
        .mapToLong(flag -> Long.parseLong(flag.substring("--seed=".length())))
        .findFirst()
        .orElseThrow();
  }

  private static DatasetGroup group(String config, long seed) throws IOException {
    String toml = Files.readString(Golden.path("training/e2e/" + config + ".toml"));
    ObjectNode scenario = JsonMapper.shared().createObjectNode();
    scenario.put("config_toml", toml.replace("'dataset/", "'@dataset/"));
    scenario.put("seed", seed);
    scenario.putArray("args");
    return new Scenario(scenario, Golden.path("training/e2e")).group();
  }
}
