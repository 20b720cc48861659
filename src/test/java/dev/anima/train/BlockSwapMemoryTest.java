package dev.anima.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.anima.engine.Device;
import dev.anima.engine.Dtype;
import dev.anima.engine.NoGrad;
import dev.anima.engine.Ops;
import dev.anima.engine.ProcessMemory;
import dev.anima.engine.RandomStream;
import dev.anima.engine.Scope;
import dev.anima.engine.Tensor;
import dev.anima.model.Adapters;
import dev.anima.model.Checkpoint;
import dev.anima.model.Placement;
import dev.anima.model.RandomTensors;
import dev.anima.model.WeightEdit;
import dev.anima.model.WeightStorage;
import dev.anima.model.dit.AnimaDit;
import dev.anima.model.dit.BlockWeights;
import dev.anima.model.dit.DitConfig;
import dev.anima.model.text.LlmAdapterConfig;
import dev.anima.train.plan.Arithmetic;
import dev.anima.train.plan.DitBytes;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// What swapped blocks take, on a model whose blocks are nearly all of it.
class BlockSwapMemoryTest {
  private static final DitConfig CONFIG =
      new DitConfig(
          512, 16, 4, 128, 12, 2048, 16, 256, new LlmAdapterConfig(1, 256, 64, 64, 64, 1, 64));

  /// Not the file's dtype, so that nothing can stay in its mapping.
  private static final Placement PLACEMENT = Placement.CPU_F32;

  @TempDir Path folder;
  private Path file;

  @BeforeEach
  void writeModel() {
    file = folder.resolve("dit.safetensors");
    RandomTensors.write(file, CONFIG.layout(), Dtype.BF16, 1);
  }

  private AnimaDit load(int swapped) {
    return AnimaDit.load(file, PLACEMENT, WeightEdit.NONE, WeightStorage.COMPUTE, swapped);
  }

  /// Bytes of the swappable matrices of one block in the compute dtype.
  private static long blockBytes() {
    long elements = 0;
    for (Map.Entry<String, List<Long>> tensor : CONFIG.layout().expected().entrySet()) {
      if (BlockWeights.isPackable(tensor.getKey())) {
        elements += tensor.getValue().getFirst() * tensor.getValue().getLast();
      }
    }
    return elements / CONFIG.blocks() * PLACEMENT.dtype().bytes();
  }

  @Test
  void swappedBlocksTakeTheMemoryOfTwo() {
    try (AnimaDit resident = load(0);
        AnimaDit one = load(1);
        AnimaDit two = load(2);
        AnimaDit all = load(CONFIG.blocks())) {
      assertThat(one.bytes()).isEqualTo(resident.bytes());
      assertThat(two.bytes()).isEqualTo(resident.bytes());
      assertThat(all.bytes())
          .isEqualTo(resident.bytes() - (CONFIG.blocks() - 2) * blockBytes())
          .isLessThan(resident.bytes() / 4);
      assertThat(all.bytesInFile()).isEqualTo(CONFIG.blocks() * blockBytes() / 2);
      assertThat(planned(false).savedBySwapping(CONFIG.blocks()))
          .isEqualTo(resident.bytes() - all.bytes());
      assertThat(planned(false).savedBySwapping(1)).isZero();
      assertThat(planned(true).savedBySwapping(CONFIG.blocks())).isZero();
    }
  }

  private DitBytes planned(boolean edited) {
    try (Checkpoint checkpoint = Checkpoint.open(file)) {
      return DitBytes.of(
          checkpoint,
          CONFIG,
          new Arithmetic(Device.Kind.CPU, PLACEMENT.dtype()),
          WeightStorage.COMPUTE,
          edited);
    }
  }

  /// As the system counts it, and over many forwards.
  @Test
  void theProcessGrowsByTwoBlocksAndNoMore() {
    assumeTrue(ProcessMemory.anonymous().isPresent(), "Linux tells");
    forwards(1); // what the first calls of a process take
    long before = anonymous();
    try (AnimaDit dit = load(CONFIG.blocks())) {
      forward(dit);
      assertThat(anonymous() - before).isLessThan(dit.bytes() + blockBytes());
      // Java's compiler and heap grow too, for a while; what leaks grows for ever.
      assertThat(IntStream.range(0, 10).mapToLong(_ -> growth(dit)))
          .anyMatch(bytes -> bytes < blockBytes() / 2);
    }
  }

  private static long growth(AnimaDit dit) {
    long before = anonymous();
    for (int i = 0; i < 10; i++) {
      forward(dit);
    }
    return anonymous() - before;
  }

  private void forwards(int count) {
    try (AnimaDit dit = load(2)) {
      for (int i = 0; i < count; i++) {
        forward(dit);
      }
    }
  }

  private static void forward(AnimaDit dit) {
    try (Scope _ = new Scope();
        NoGrad _ = new NoGrad();
        RandomStream random = RandomStream.cpu(1)) {
      Tensor noisy = random.randn(Dtype.F32, 1, 16, 8, 8);
      Tensor time = Ops.full(0.5, Dtype.F32, Device.CPU, 1);
      Tensor text = random.randn(Dtype.F32, 1, 16, CONFIG.context());
      var _ = dit.forward(noisy, time, text, Adapters.NONE).sum().item();
    }
  }

  /// With what the C library holds back given back.
  private static long anonymous() {
    ProcessMemory.resetPeak();
    return ProcessMemory.anonymous().orElseThrow();
  }
}
