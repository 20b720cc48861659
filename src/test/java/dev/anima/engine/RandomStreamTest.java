package dev.anima.engine;

import static org.assertj.core.api.Assertions.assertThat;

import dev.anima.Golden;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;

class RandomStreamTest {
  @ParameterizedTest(name = "seed {0}")
  @ValueSource(longs = {0, 42, 1234567})
  void drawsTheNumbersOfTorch(long seed) {
    JsonNode golden =
        Golden.json("training/rng.json").get(String.valueOf(seed)).get("torch_in_order");
    try (Scope _ = new Scope();
        RandomStream stream = RandomStream.cpu(seed)) {
      for (int n : new int[] {4, 16, 40}) {
        assertFloats(stream.randn(Dtype.F32, n).toFloats(), golden.get("randn_" + n));
      }
      assertFloats(stream.rand(Dtype.F32, 5).toFloats(), golden.get("rand_5"));
      assertFloats(stream.randn(Dtype.F32, 1).toFloats(), golden.get("randn_1"));
    }
  }

  @ParameterizedTest(name = "{0} words")
  @ValueSource(longs = {0, 1, 5, 623, 624, 625, 1000, 1248, 100_003})
  void skippingEqualsDrawing(long words) {
    try (Scope _ = new Scope();
        RandomStream drawn = RandomStream.cpu(7);
        RandomStream skipped = RandomStream.cpu(7)) {
      drawn.rand(Dtype.F32, 3); // start inside a block
      skipped.rand(Dtype.F32, 3);

      drawn.rand(Dtype.F32, words);
      skipped.skip(words);

      assertThat(skipped.rand(Dtype.F32, 700).toFloats())
          .isEqualTo(drawn.rand(Dtype.F32, 700).toFloats());
    }
  }

  @ParameterizedTest(name = "after {0} draws")
  @ValueSource(ints = {0, 1, 17, 640})
  void aRestoredStateContinuesTheStream(int draws) {
    try (Scope _ = new Scope();
        RandomStream stream = RandomStream.cpu(3)) {
      stream.rand(Dtype.F32, draws);
      byte[] state = stream.state();
      float[] first = stream.randn(Dtype.F32, 50).toFloats();

      stream.restore(state);

      assertThat(stream.randn(Dtype.F32, 50).toFloats()).isEqualTo(first);
    }
  }

  private static void assertFloats(float[] actual, JsonNode expected) {
    assertThat(actual).hasSize(expected.size());
    for (int i = 0; i < actual.length; i++) {
      assertThat((double) actual[i]).isEqualTo(expected.get(i).doubleValue());
    }
  }
}
