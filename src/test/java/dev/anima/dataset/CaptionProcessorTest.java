package dev.anima.dataset;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import dev.anima.Golden;
import dev.anima.config.SubsetSpec.CaptionOptions;
import dev.anima.dataset.CaptionProcessor.Moment;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

class CaptionProcessorTest {
  @TestFactory
  Stream<DynamicTest> everyCaptionHasTheReferencesDistribution() {
    return Golden.json("captions/cases.json")
        .get("cases")
        .valueStream()
        // Textual-inversion replacements: this model family never sets them, and we have none.
        .filter(golden -> !golden.has("replacements"))
        .map(golden ->
            dynamicTest(golden.get("name").stringValue(), () -> assertDistribution(golden)));
  }

  private static void assertDistribution(JsonNode golden) {
    JsonNode state = golden.path("state");
    Moment moment =
        new Moment(
            state.path("current_epoch").intValue(1),
            state.path("current_step").intValue(0),
            state.path("max_train_steps").intValue(100));
    Map<String, Double> actual =
        distribution(
            golden.get("caption").stringValue(), Specs.caption(golden.get("subset")), moment);
    if (golden.has("result")) {
      assertThat(actual.keySet()).containsExactly(golden.get("result").stringValue());
    } else {
      Map<String, Double> expected = new HashMap<>();
      golden
          .get("distribution")
          .forEach(pair -> expected.put(pair.get(0).stringValue(), pair.get(1).doubleValue()));
      assertThat(actual.keySet()).isEqualTo(expected.keySet());
      expected.forEach(
          (caption, p) -> assertThat(actual.get(caption)).as(caption).isCloseTo(p, within(1e-9)));
    }
  }

  @TestFactory
  Stream<DynamicTest> everySeedGivesTheReferencesCaptions() {
    return Golden.json("captions/seeded.json")
        .get("cases")
        .valueStream()
        .map(golden -> dynamicTest(golden.get("name").stringValue(), () -> assertSeeded(golden)));
  }

  private static void assertSeeded(JsonNode golden) {
    PythonRandom random = new PythonRandom(golden.get("seed").longValue());
    CaptionOptions options = Specs.caption(golden.get("subset"));
    JsonNode state = golden.get("state");
    long step = state.get("first_step").longValue();
    List<String> actual = new ArrayList<>();
    for (int i = 0; i < golden.get("results").size(); i++) {
      Moment moment =
          new Moment(
              state.get("current_epoch").intValue(),
              step,
              state.get("max_train_steps").longValue());
      actual.add(
          CaptionProcessor.process(golden.get("caption").stringValue(), options, moment, random));
      step += state.get("step_increment").longValue();
    }
    assertThat(actual)
        .isEqualTo(golden.get("results").valueStream().map(JsonNode::stringValue).toList());
  }

  @Test
  void cachedCaptionsKeepWhatIsNotRandom() {
    CaptionOptions plain = Specs.caption(json("{}"));
    assertThat(CaptionProcessor.forCache("a , b,,c", plain)).isEqualTo("a , b,,c");
    CaptionOptions full =
        Specs.caption(
            json(
                "{\"caption_prefix\": \"P,\", \"caption_suffix\": \"S\","
                    + " \"secondary_separator\": \";;;\", \"caption_dropout_rate\": 1.0}"));
    assertThat(CaptionProcessor.forCache("a;;;b", full)).isEqualTo("P, a,b S");
  }

  private static JsonNode json(String text) {
    return JsonMapper.shared().readTree(text);
  }

  /// The exact probability of every caption, by running through all outcomes of all draws.
  private static Map<String, Double> distribution(
      String caption, CaptionOptions options, Moment moment) {
    Map<String, Double> result = new HashMap<>();
    Deque<List<Integer>> open = new ArrayDeque<>();
    open.add(List.of());
    while (!open.isEmpty()) {
      Outcome outcome = new Outcome(open.remove());
      String text = CaptionProcessor.process(caption, options, moment, outcome);
      if (outcome.probability > 0) {
        result.merge(text, outcome.probability, Double::sum);
      }
      open.addAll(outcome.siblings);
    }
    return result;
  }

  /// One path through the draws: the given outcomes first, then outcome 0 each; the paths not taken
  /// there are noted.
  private static final class Outcome implements Draws {
    private final List<Integer> given;
    private final List<Integer> taken = new ArrayList<>();
    private final List<List<Integer>> siblings = new ArrayList<>();
    private double probability = 1;

    Outcome(List<Integer> given) {
      this.given = given;
    }

    private int take(int outcomes) {
      int draw = taken.size();
      if (draw < given.size()) {
        taken.add(given.get(draw));
      } else {
        for (int other = 1; other < outcomes; other++) {
          List<Integer> sibling = new ArrayList<>(taken);
          sibling.add(other);
          siblings.add(sibling);
        }
        taken.add(0);
      }
      return taken.getLast();
    }

    @Override
    public boolean chance(double p) {
      boolean hit = take(2) == 0;
      probability *= hit ? Math.min(p, 1) : 1 - Math.min(p, 1);
      return hit;
    }

    @Override
    public int below(int n) {
      probability /= n;
      return take(n);
    }
  }
}
