package dev.anima.cli.bench;

import dev.anima.cli.Console;
import dev.anima.engine.Device;
import dev.anima.engine.Dtype;
import dev.anima.engine.NoGrad;
import dev.anima.engine.ProcessMemory;
import dev.anima.engine.Scope;
import dev.anima.engine.Tensor;
import dev.anima.io.InputException;
import dev.anima.io.RunFailedException;
import dev.anima.io.SafetensorsWriter;
import dev.anima.io.TensorData;
import dev.anima.model.Placement;
import dev.anima.model.TensorLayout;
import dev.anima.model.dit.AnimaDit;
import dev.anima.model.dit.DitConfig;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.OptionalLong;
import java.util.SplittableRandom;

/// Loading a DiT in bf16 from a file on this machine: seconds, and whether a second copy of it
/// comes to be in memory.
final class LoadPart {
  /// Elements of a page of memory in bf16.
  private static final int PAGE = 2048;

  private LoadPart() {}

  /// @param seconds until the model could be used; its pages come in when they are first touched
  /// @param touchSeconds until every page of the blocks' matrices had been touched after that
  /// @param anonymousBytes memory that loading and touching took and no file stands behind
  /// @param mappedBytes memory of mapped files that came in
  /// @param loadBefore see [PartReport#load]
  record Report(
      int blocks,
      long fileBytes,
      double seconds,
      double touchSeconds,
      OptionalLong anonymousBytes,
      OptionalLong mappedBytes,
      double loadBefore,
      double loadAfter)
      implements PartReport {
    @Override
    public List<String> table() {
      return List.of(
          String.format(
              Locale.ROOT,
              "a DiT of %d blocks in bf16, %s, just written; load %.1f to %.1f",
              blocks,
              Console.bytes(fileBytes),
              loadBefore,
              loadAfter),
          "",
          String.format(Locale.ROOT, "loaded after          %9.3f s", seconds),
          String.format(Locale.ROOT, "all of it touched in  %9.3f s more", touchSeconds),
          "copied into memory    " + size(anonymousBytes),
          "mapped from the file  " + size(mappedBytes));
    }

    private static String size(OptionalLong bytes) {
      return String.format(
          Locale.ROOT,
          "%11s",
          bytes.isPresent() ? Console.bytes(Math.max(0, bytes.getAsLong())) : "-");
    }
  }

  /// Writes a file of made-up numbers into a new folder inside `parent`, loads it, deletes it.
  ///
  /// @throws InputException if there is no room for it
  static Report measure(int blocks, Path parent) {
    double loadBefore = PartReport.load();
    Path folder = folder(parent);
    Path file = folder.resolve("dit.safetensors");
    folder.toFile().deleteOnExit(); // if the user stops it
    file.toFile().deleteOnExit();
    try {
      DitConfig config = FullSize.dit(blocks);
      requireRoom(folder, 2 * config.layout().elements());
      write(file, config.layout());
      return load(file, blocks, loadBefore);
    } finally {
      delete(file);
      delete(folder);
    }
  }

  private static Report load(Path file, int blocks, double loadBefore) {
    var _ = ProcessMemory.resetPeak(); // gives free memory back
    OptionalLong anonymous = ProcessMemory.anonymous();
    OptionalLong mapped = ProcessMemory.fileBacked();
    long start = System.nanoTime();
    try (AnimaDit dit = AnimaDit.load(file, Placement.of(Device.CPU, Dtype.BF16))) {
      double seconds = (System.nanoTime() - start) / 1e9;
      long touchStart = System.nanoTime();
      for (int i = 0; i < blocks; i++) {
        touch(dit, i);
      }
      double touchSeconds = (System.nanoTime() - touchStart) / 1e9;
      return new Report(
          blocks,
          size(file),
          seconds,
          touchSeconds,
          growth(anonymous, ProcessMemory.anonymous()),
          growth(mapped, ProcessMemory.fileBacked()),
          loadBefore,
          PartReport.load());
    }
  }

  /// Reads a number of every page of a block's matrices.
  private static void touch(AnimaDit dit, int block) {
    try (Scope _ = new Scope();
        NoGrad _ = new NoGrad()) {
      var weights = dit.blockWeights(block);
      var own = weights.selfAttention();
      var text = weights.crossAttention();
      List<dev.anima.model.Linear> layers =
          List.of(
              own.q(),
              own.k(),
              own.v(),
              own.output(),
              text.q(),
              text.k(),
              text.v(),
              text.output(),
              weights.mlp().layer1(),
              weights.mlp().layer2());
      for (var layer : layers) {
        Tensor matrix = layer.weight().in(Dtype.BF16);
        var _ = matrix.view(-1, PAGE).select(1, 0).to(Dtype.F32).sum().item();
      }
    }
  }

  private static OptionalLong growth(OptionalLong before, OptionalLong after) {
    return before.isPresent() && after.isPresent()
        ? OptionalLong.of(after.getAsLong() - before.getAsLong())
        : OptionalLong.empty();
  }

  /// The same random numbers again and again: nothing is computed with them.
  private static void write(Path file, TensorLayout layout) {
    long largest =
        layout.expected().values().stream().mapToLong(LoadPart::elements).max().orElse(0);
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment numbers = arena.allocate(2 * largest, 64);
      SplittableRandom random = new SplittableRandom(1);
      for (long i = 0; i < largest; i++) {
        int bits = Float.floatToIntBits((float) random.nextDouble(-0.1, 0.1));
        numbers.setAtIndex(ValueLayout.JAVA_SHORT, i, (short) (bits >>> 16));
      }
      List<TensorData> tensors = new ArrayList<>();
      for (Map.Entry<String, List<Long>> tensor : layout.expected().entrySet()) {
        tensors.add(
            new TensorData(
                "net." + tensor.getKey(),
                "BF16",
                tensor.getValue(),
                numbers.asSlice(0, 2 * elements(tensor.getValue()))));
      }
      SafetensorsWriter.write(file, tensors);
    }
  }

  private static long elements(List<Long> shape) {
    return shape.stream().reduce(1L, Math::multiplyExact);
  }

  private static Path folder(Path parent) {
    try {
      return Files.createTempDirectory(parent, "anima-bench");
    } catch (IOException e) {
      throw new InputException("--folder=" + parent + ": no folder can be made here", e);
    }
  }

  private static void requireRoom(Path folder, long bytes) {
    try {
      long free = Files.getFileStore(folder).getUsableSpace();
      if (free < bytes + bytes / 10) {
        throw new InputException(
            "--what=load writes %s for a while, and %s has %s free\n  -> give another --folder, or fewer --load_blocks"
                .formatted(Console.bytes(bytes), folder.getParent(), Console.bytes(free)));
      }
    } catch (IOException e) {
      throw new InputException(folder + ": cannot be read (" + e.getMessage() + ")", e);
    }
  }

  private static long size(Path file) {
    try {
      return Files.size(file);
    } catch (IOException e) {
      throw new RunFailedException(file + ": cannot be read", e);
    }
  }

  private static void delete(Path path) {
    try {
      Files.deleteIfExists(path);
    } catch (IOException e) {
      throw new RunFailedException(path + ": cannot be deleted", e);
    }
  }
}
