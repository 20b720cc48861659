package dev.anima.model;

import static org.assertj.core.api.Assertions.assertThat;

import dev.anima.Golden;
import dev.anima.engine.Device;
import dev.anima.engine.Dtype;
import dev.anima.engine.RandomStream;
import dev.anima.engine.Scope;
import dev.anima.engine.Tensor;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

class WeightsTest {
  private static final Path FILE = Golden.path("tiny/dit.safetensors");
  private static final String NAME = "t_embedder.1.linear_1.weight";

  @Test
  void weightsOfTheRightDtypeLieInTheFilesMapping() {
    try (Checkpoint checkpoint = Checkpoint.open(FILE);
        Scope _ = new Scope()) {
      Weights same = new Weights(checkpoint, Placement.CPU_F32, WeightEdit.NONE);
      Weights other =
          new Weights(checkpoint, Placement.of(Device.CPU, Dtype.BF16), WeightEdit.NONE);
      Tensor stored = checkpoint.view(NAME);

      assertThat(same.tensor(NAME).memory().address()).isEqualTo(stored.memory().address());
      assertThat(other.tensor(NAME).dtype()).isEqualTo(Dtype.BF16);
      assertThat(other.table("llm_adapter.embed.weight").dtype()).isEqualTo(Dtype.F32);
    }
  }

  @Test
  void misalignedTensorsAreCopied(@TempDir Path folder) throws IOException {
    String json = "{\"a.weight\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}";
    byte[] header = (json + " ".repeat(5 - json.length() % 4)).getBytes(StandardCharsets.UTF_8);
    Path file = folder.resolve("odd.safetensors");
    ByteBuffer bytes = ByteBuffer.allocate(8 + header.length + 8).order(ByteOrder.LITTLE_ENDIAN);
    bytes.putLong(header.length).put(header).putFloat(1.5f).putFloat(-2f);
    Files.write(file, bytes.array());
    try (Weights weights = new Weights(Checkpoint.open(file), Placement.CPU_F32, WeightEdit.NONE)) {
      assertThat(header.length % 4).isEqualTo(1);
      Tensor copied = weights.tensor("a.weight");
      assertThat(copied.memory().address() % 4).isZero();
      assertThat(copied.toFloats()).containsExactly(1.5f, -2f);
    }
  }

  @ParameterizedTest
  @EnumSource(names = {"F32", "F16", "BF16"})
  void roundingIsLibtorchs(Dtype dtype) {
    try (Scope _ = new Scope();
        RandomStream random = RandomStream.cpu(3)) {
      Tensor values = random.randn(Dtype.F32, 1000);
      float[] plain = values.toFloats();
      float[] expected = values.to(dtype).to(Dtype.F32).toFloats();
      for (int i = 0; i < plain.length; i++) {
        assertThat(Rounding.to(dtype, plain[i])).isEqualTo(expected[i]);
      }
    }
  }

  @ParameterizedTest(name = "head {0}, base {1}, {2}: {3} rad at position 511")
  @CsvSource({
    "128, 1e6, BF16, 0.59",
    "128, 1e6, F16, 0.09",
    "64, 1e4, BF16, 0.22",
    "64, 1e4, F16, 0.08",
    "64, 1e4, F32, 0"
  })
  void theReferencesPositionsAreOffAsMuchAsMeasured(
      int headSize, double base, Dtype dtype, double radians) {
    try (TextPositions exact = new TextPositions(headSize, base, Placement.of(Device.CPU, dtype));
        TextPositions rounded =
            new TextPositions(
                headSize, base, new Placement(Device.CPU, dtype, RotaryPrecision.REFERENCE))) {
      double largest = 0;
      for (int k = 0; k < headSize / 2; k++) {
        double difference = exact.frequencies()[k] - rounded.frequencies()[k];
        largest = Math.max(largest, Math.abs(511 * difference));
      }
      assertThat(largest).isBetween(radians - 0.011, radians + 0.011); // the spec gives two digits
    }
  }
}
