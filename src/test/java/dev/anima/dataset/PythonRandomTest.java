package dev.anima.dataset;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.anima.Golden;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.LongSupplier;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;

class PythonRandomTest {
  @Test
  void everyPrimitiveFollowsTheSeed() {
    for (JsonNode golden : Golden.json("captions/seeded.json").get("rng_primitives")) {
      long seed = golden.get("seed").longValue();
      PythonRandom random = new PythonRandom(seed);
      assertDoubles(golden.get("random"), random::random);
      random.seed(seed);
      assertLongs(golden.get("getrandbits32"), () -> random.getrandbits(32));
      random.seed(seed);
      assertLongs(golden.get("randint_0_2147483648"), () -> random.randint(0, 1L << 31));
      random.seed(seed);
      assertThat(shuffled(random, 10)).isEqualTo(ints(golden.get("shuffle_0_9")));
      random.seed(seed);
      assertLongs(golden.get("choice_10_20_30"), () -> random.choice(List.of(10L, 20L, 30L)));
      random.seed(seed);
      assertDoubles(golden.get("uniform_m8_8"), () -> random.uniform(-8, 8));
      random.seed(seed);
      assertLongs(golden.get("randint_0_96"), () -> random.randint(0, 96));
      random.seed(seed);
      assertThat(shuffled(random, 100)).isEqualTo(ints(golden.get("shuffle_0_99")));
    }
  }

  @Test
  void drawsOfDifferentKindsFollowEachOther() {
    for (Map.Entry<String, JsonNode> entry : Golden.json("training/rng.json").properties()) {
      JsonNode golden = entry.getValue().get("python_in_order");
      PythonRandom random = new PythonRandom(Long.parseLong(entry.getKey()));
      assertDoubles(golden.get("random_5"), random::random);
      assertLongs(golden.get("randint_0_9"), () -> random.randint(0, 9));
      assertThat(shuffled(random, 12)).isEqualTo(ints(golden.get("shuffle_12")));
      assertThat(sample(random, 12, 4)).isEqualTo(ints(golden.get("sample_4_of_12")));
      assertLongs(golden.get("choice_of_7"), () -> random.below(7));
      assertThat(random.randint(0, 1L << 32)).isEqualTo(golden.get("randint_0_2pow32").longValue());
    }
  }

  @Test
  void aRestoredStateRepeatsTheDraws() {
    PythonRandom random = new PythonRandom(5);
    LongStream.range(0, 700).forEach(_ -> random.random());
    PythonRandom.State state = random.state();
    double expected = random.random();
    random.seed(9);
    random.restore(state);
    assertThat(random.random()).isEqualTo(expected);
    random.restore(state);
    assertThat(random.state()).isEqualTo(state).hasSameHashCodeAs(state);
  }

  @Test
  void wideDrawsAreLittleEndianWords() {
    PythonRandom random = new PythonRandom(1);
    long low = random.getrandbits(32);
    long high = random.getrandbits(32);
    random.seed(1);
    assertThat(random.getrandbits(40)).isEqualTo(low | (high >>> 24) << 32);
    assertThatThrownBy(() -> random.getrandbits(64)).isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> random.below(0L)).isInstanceOf(IllegalArgumentException.class);
  }

  private static List<Integer> shuffled(PythonRandom random, int size) {
    List<Integer> numbers = new ArrayList<>(IntStream.range(0, size).boxed().toList());
    random.shuffle(numbers);
    return numbers;
  }

  /// `random.sample(range(n), k)` for small n: picks from a shrinking pool.
  private static List<Integer> sample(PythonRandom random, int n, int k) {
    List<Integer> pool = new ArrayList<>(IntStream.range(0, n).boxed().toList());
    List<Integer> picked = new ArrayList<>();
    for (int i = 0; i < k; i++) {
      int j = random.below(n - i);
      picked.add(pool.get(j));
      pool.set(j, pool.get(n - i - 1));
    }
    return picked;
  }

  private static List<Integer> ints(JsonNode array) {
    return array.valueStream().map(JsonNode::intValue).toList();
  }

  private static void assertDoubles(JsonNode golden, java.util.function.DoubleSupplier draw) {
    for (JsonNode expected : golden) {
      assertThat(draw.getAsDouble()).isEqualTo(expected.doubleValue());
    }
  }

  private static void assertLongs(JsonNode golden, LongSupplier draw) {
    for (JsonNode expected : golden) {
      assertThat(draw.getAsLong()).isEqualTo(expected.longValue());
    }
  }
}
