package dev.anima.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.anima.engine.Device;
import dev.anima.engine.Dtype;
import dev.anima.engine.NoGrad;
import dev.anima.engine.Ops;
import dev.anima.engine.RandomStream;
import dev.anima.engine.Scope;
import dev.anima.engine.Tensor;
import dev.anima.engine.TensorFile;
import dev.anima.io.RunFailedException;
import dev.anima.io.SafetensorsWriter;
import dev.anima.io.TensorData;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

class LayerStreamTest {
  private static final int BLOCKS = 4;
  private static final String LAYER = "mlp.layer1";

  /// More than one piece, and not a whole number of them.
  private static final int ROWS = 3;

  private static final int COLUMNS = 12_345;

  @TempDir Path folder;

  private static String name(int block) {
    return "blocks." + block + "." + LAYER;
  }

  private static Tensor numbers(int block, Dtype dtype) {
    try (RandomStream random = RandomStream.cpu(block)) {
      return random.randn(Dtype.F32, ROWS, COLUMNS).to(dtype);
    }
  }

  private Path file(Dtype dtype) {
    try (Scope _ = new Scope()) {
      List<TensorData> tensors = new ArrayList<>();
      for (int i = 0; i < BLOCKS; i++) {
        tensors.add(TensorFile.data(name(i) + ".weight", numbers(i, dtype)));
      }
      Path file = folder.resolve("model.safetensors");
      SafetensorsWriter.write(file, tensors);
      return file;
    }
  }

  /// A stream with all blocks of a file, and what keeps it.
  private record Opened(Weights weights, LayerStream stream, List<Tensor> places)
      implements AutoCloseable {
    static Opened of(Path file, Dtype dtype) {
      Placement placement = Placement.of(Device.CPU, dtype);
      Weights weights = new Weights(Checkpoint.open(file), placement, WeightEdit.NONE);
      LayerStream stream = new LayerStream(placement, 0, BLOCKS);
      List<Tensor> places = new ArrayList<>();
      for (int i = 0; i < BLOCKS; i++) {
        Linear linear = weights.waiting(name(i), stream, i, LAYER);
        places.add(((FrozenMatrix.Dense) linear.weight()).tensor());
      }
      return new Opened(weights, stream, places);
    }

    @Override
    public void close() {
      stream.close();
      weights.close();
    }
  }

  /// Up and down, twice.
  private static List<Integer> walk() {
    List<Integer> walk = new ArrayList<>();
    for (int i = 0; i < 4 * BLOCKS; i++) {
      int place = i % (2 * BLOCKS);
      walk.add(place < BLOCKS ? place : 2 * BLOCKS - 1 - place);
    }
    return walk;
  }

  @ParameterizedTest
  @CsvSource({"F32, F32", "BF16, BF16", "F32, BF16", "F16, BF16", "BF16, F32", "F8_E4M3, BF16"})
  void blocksHaveTheNumbersOfTheFile(Dtype stored, Dtype dtype) {
    try (Scope _ = new Scope();
        Opened opened = Opened.of(file(stored), dtype)) {
      for (int block : walk()) {
        opened.stream.use(block);
        assertThat(opened.places.get(block).dtype()).isEqualTo(dtype);
        assertThat(opened.places.get(block).toBytes())
            .as("block " + block)
            .isEqualTo(numbers(block, stored).to(dtype).toBytes());
      }
      assertThat(opened.stream.fileBytes())
          .isEqualTo((long) BLOCKS * ROWS * COLUMNS * stored.bytes());
      assertThat(opened.stream.bufferBytes()).isEqualTo(2L * ROWS * COLUMNS * dtype.bytes());
      assertThat(opened.stream.memoryBytes()).isZero();
    }
  }

  /// Also of numbers that no model should have.
  @ParameterizedTest
  @EnumSource(names = {"BF16", "F16"})
  void conversionIsLibtorchs(Dtype dtype) {
    float[] odd = new float[64 * 1024];
    for (int i = 0; i < odd.length; i++) {
      odd[i] = Float.intBitsToFloat(i << 16 | (i * 40_503 & 0xFFFF)); // every bf16, with a rest
    }
    try (Scope _ = new Scope()) {
      Tensor values = Ops.of(odd, 64, 1024);
      List<TensorData> tensors = new ArrayList<>();
      for (int i = 0; i < BLOCKS; i++) {
        tensors.add(TensorFile.data(name(i) + ".weight", values));
      }
      Path file = folder.resolve("odd.safetensors");
      SafetensorsWriter.write(file, tensors);
      try (Opened opened = Opened.of(file, dtype)) {
        opened.stream.use(0);
        assertThat(opened.places.getFirst().toBytes()).isEqualTo(values.to(dtype).toBytes());
      }
    }
  }

  @Test
  void theNextBlockComesUnasked() throws InterruptedException {
    try (Scope _ = new Scope();
        Opened opened = Opened.of(file(Dtype.F32), Dtype.BF16)) {
      byte[] second = numbers(1, Dtype.F32).to(Dtype.BF16).toBytes();
      opened.places.get(1).zero_();

      opened.stream.use(0);

      eventually(() -> Arrays.equals(opened.places.get(1).toBytes(), second));
    }
  }

  @ParameterizedTest
  @EnumSource(WeightStorage.class)
  void whatWaitsInMemoryIsCopied(WeightStorage storage) {
    try (Scope _ = new Scope();
        NoGrad _ = new NoGrad();
        LayerStream stream = new LayerStream(Placement.of(Device.CPU, Dtype.BF16), 1, BLOCKS + 1)) {
      List<FrozenMatrix> places = new ArrayList<>();
      for (int i = 0; i < BLOCKS; i++) {
        places.add(stream.inMemory(i + 1, LAYER, kept(i, storage)));
      }
      assertThat(stream.memoryBytes()).isEqualTo(BLOCKS / 2 * stream.bufferBytes());
      stream.use(0);
      for (int block : walk()) {
        stream.use(block + 1);
        assertThat(places.get(block).in(Dtype.BF16).toBytes())
            .isEqualTo(kept(block, storage).in(Dtype.BF16).toBytes());
      }
    }
  }

  private static FrozenMatrix kept(int block, WeightStorage storage) {
    Tensor weight = numbers(block, Dtype.BF16);
    return storage == WeightStorage.COMPUTE ? new FrozenMatrix.Dense(weight) : storage.pack(weight);
  }

  @Test
  void aFileThatWasCutShortEndsTheRunWithASentence() throws IOException, InterruptedException {
    Path file = file(Dtype.F32);
    try (Scope _ = new Scope()) {
      try (Opened opened = Opened.of(file, Dtype.BF16)) {
        opened.stream.use(0);
        opened.stream.use(1);
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
          channel.truncate(channel.size() / 2);
        }

        for (int attempt = 0; attempt < 2; attempt++) {
          assertThatThrownBy(() -> opened.stream.use(3))
              .isInstanceOf(RunFailedException.class)
              .hasMessageStartingWith(file + ": block 3 can no longer be read (it ends at byte ")
              .hasMessageContaining("--blocks_to_swap");
        }
        opened.stream.use(0);
        assertThat(opened.places.getFirst().toBytes())
            .isEqualTo(numbers(0, Dtype.F32).to(Dtype.BF16).toBytes());
      }
      eventually(() -> !readerLives());
    }
  }

  @Test
  void theThreadEndsWithTheStream() throws InterruptedException {
    Path file = file(Dtype.F32);
    try (Scope _ = new Scope()) {
      try (Opened _ = Opened.of(file, Dtype.BF16)) {
        assertThat(readerLives()).as("before the first use").isFalse();
      }
      try (Opened opened = Opened.of(file, Dtype.BF16)) {
        opened.stream.use(0); // and 1 is being read while this closes
        assertThat(readerLives()).isTrue();
      }
      eventually(() -> !readerLives());
    }
  }

  private static boolean readerLives() {
    return Thread.getAllStackTraces().keySet().stream()
        .anyMatch(thread -> thread.getName().equals(FileFiller.THREAD_NAME));
  }

  private static void eventually(BooleanSupplier condition) throws InterruptedException {
    for (int i = 0; i < 1000 && !condition.getAsBoolean(); i++) {
      Thread.sleep(Duration.ofMillis(10));
    }
    assertThat(condition.getAsBoolean()).isTrue();
  }
}
