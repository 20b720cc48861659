package dev.anima.train;

import dev.anima.config.Size;
import dev.anima.engine.Device;
import dev.anima.engine.Dtype;
import dev.anima.engine.NoGrad;
import dev.anima.engine.Ops;
import dev.anima.engine.ProcessMemory;
import dev.anima.engine.RandomStream;
import dev.anima.engine.Scope;
import dev.anima.engine.Tensor;
import dev.anima.engine.ThreadShare;
import dev.anima.io.RunFailedException;
import dev.anima.lora.Dropouts;
import dev.anima.lora.LinearModules;
import dev.anima.lora.LoraInit;
import dev.anima.lora.LoraPlan;
import dev.anima.lora.LoraSet;
import dev.anima.lora.LoraSpec;
import dev.anima.lora.Network;
import dev.anima.lora.NetworkArgs;
import dev.anima.lora.ParameterGroup;
import dev.anima.lora.StreamDraws;
import dev.anima.model.Placement;
import dev.anima.model.RandomTensors;
import dev.anima.model.WeightEdit;
import dev.anima.model.WeightStorage;
import dev.anima.model.dit.AnimaDit;
import dev.anima.model.dit.DitConfig;
import dev.anima.model.text.LlmAdapterConfig;
import dev.anima.train.optim.OptimizerChoice;
import dev.anima.train.schedule.LrSchedule;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.Set;
import java.util.function.IntConsumer;
import org.jspecify.annotations.Nullable;

/// Measures training steps of a DiT of made-up weights, one way through it beside the other.
///
/// A step is forward, backward and optimizer, on latents and text that are ready. All calls belong
/// on one thread.
public final class StepBenchmark implements AutoCloseable {
  private static final int TEXT_ROWS = 512;

  private final Shape shape;
  private final DitConfig config;
  private final Placement placement;
  private final Models models;
  private final LoraSet loras;
  private final Learner learner;
  private final RandomStream random;

  /// What a step works on.
  ///
  /// @param blocks of the real width; the real model has 28
  /// @param pixels on a side of the image, a multiple of 16
  /// @param batch images
  /// @param rank of the LoRA, which is beside every layer the reference trains
  /// @param textTokens of each caption, of 512 padded
  public record Shape(int blocks, int pixels, int batch, int rank, int textTokens) {
    public Shape {
      if (pixels < 16 || pixels % 16 != 0) {
        throw new IllegalArgumentException("pixels must be a multiple of 16, got " + pixels);
      }
      if (blocks < 1 || batch < 1 || rank < 1 || textTokens < 1 || textTokens > TEXT_ROWS) {
        throw new IllegalArgumentException("a shape must have positive sizes, got " + blocks);
      }
    }
  }

  /// The same model with all blocks on the device, and with some that wait.
  ///
  /// @param waiting null if none is asked for
  /// @param file of both; null if it has none
  private record Models(AnimaDit resident, @Nullable AnimaDit waiting, @Nullable Path file)
      implements AutoCloseable {
    /// What waits needs a file to wait in.
    static Models of(DitConfig config, Placement placement, int swapped) {
      if (swapped == 0) {
        return new Models(AnimaDit.random(config, placement, 1), null, null);
      }
      Path file;
      try {
        file = Files.createTempFile("anima-bench", ".safetensors");
      } catch (IOException e) {
        throw new RunFailedException("no file for the model can be made: " + e.getMessage(), e);
      }
      file.toFile().deleteOnExit();
      RandomTensors.write(file, config.layout(), placement.dtype(), 1);
      return new Models(
          AnimaDit.load(file, placement),
          AnimaDit.load(file, placement, WeightEdit.NONE, WeightStorage.COMPUTE, swapped),
          file);
    }

    AnimaDit of(PassKind way) {
      return way.swapped() > 0 ? Objects.requireNonNull(waiting) : resident;
    }

    @Override
    public void close() {
      resident.close();
      if (waiting != null) {
        waiting.close();
      }
      if (file != null) {
        try {
          Files.deleteIfExists(file);
        } catch (IOException e) {
          throw new UncheckedIOException(e);
        }
      }
    }
  }

  /// @param seconds of every step, in the order measured
  /// @param peakBytes main memory at the peak of a step beyond that before it, the largest of all
  ///   steps; empty where the system does not tell, and on a graphics card
  /// @param outside share of the calling thread's time that passed outside libtorch, 0 to 1; empty
  ///   if the steps were too short to look
  public record Measurement(
      PassKind way, List<Double> seconds, OptionalLong peakBytes, OptionalDouble outside) {
    public double median() {
      List<Double> sorted = seconds.stream().sorted().toList();
      int half = sorted.size() / 2;
      return sorted.size() % 2 == 1
          ? sorted.get(half)
          : (sorted.get(half - 1) + sorted.get(half)) / 2;
    }
  }

  public StepBenchmark(Shape shape, Device device, Dtype dtype) {
    this(shape, device, dtype, 0);
  }

  /// As above, for ways with `swapped` blocks too. The model is then written to a temporary file.
  public StepBenchmark(Shape shape, Device device, Dtype dtype, int swapped) {
    this.shape = shape;
    this.config = config(shape.blocks);
    this.placement = Placement.of(device, dtype);
    this.models = Models.of(config, placement, swapped);
    this.random = RandomStream.on(device, 2);
    this.loras = loras(shape.rank);
    this.learner =
        new Learner(
            loras,
            OptimizerChoice.parse("AdamW", Map.of()),
            new LrSchedule.Constant(),
            1e-4,
            1,
            OptionalDouble.empty(),
            Optional.empty());
  }

  private static DitConfig config(int blocks) {
    // The LLM adapter takes no part: as small as it can be.
    return new DitConfig(
        2048,
        16,
        16,
        128,
        blocks,
        8192,
        256,
        1024,
        new LlmAdapterConfig(1, 1024, 64, 64, 64, 1, 64));
  }

  private LoraSet loras(int rank) {
    LoraPlan.Layers layers =
        new LoraPlan.Layers(List.of(), LinearModules.ofDit(config.layout().expected()));
    LoraSpec spec =
        LoraSpec.of(
            OptionalInt.of(rank), OptionalDouble.empty(), OptionalDouble.empty(), NetworkArgs.NONE);
    LoraPlan plan = LoraPlan.select(spec, layers, Set.of(Network.DIT));
    List<ParameterGroup> groups =
        ParameterGroup.of(
            plan,
            NetworkArgs.NONE,
            new ParameterGroup.LearningRates(1e-4, OptionalDouble.empty(), OptionalDouble.empty()));
    LoraSet set = new LoraSet(plan.trained(), groups, Dropouts.NONE, placement.device(), Dtype.F32);
    try (RandomStream host = RandomStream.cpu(3)) {
      LoraInit.draw(set, plan, host);
    }
    return set;
  }

  /// Floating-point operations a step needs; what a recompute adds is not counted.
  public double flops() {
    return new CostEstimate(config, placement.dtype(), TEXT_ROWS)
        .stepFlops(new Size(shape.pixels, shape.pixels), shape.batch, false);
  }

  /// Bytes of the frozen weights.
  public long weightBytes() {
    return models.resident.bytes();
  }

  /// Steps of every way in turn, so that what else the machine does meets all of them.
  ///
  /// @param warmUp rounds that do not count
  /// @param rounds at least 1
  /// @param progress told after every step how many are done
  public List<Measurement> measure(
      List<PassKind> ways, int warmUp, int rounds, IntConsumer progress) {
    List<DitPasses> passes = new ArrayList<>();
    List<List<Double>> seconds = new ArrayList<>();
    long[] peaks = new long[ways.size()];
    List<ThreadShare.Tally> shares = new ArrayList<>();
    int done = 0;
    try (ThreadShare share = new ThreadShare(Thread.currentThread())) {
      TrainedSet set = new TrainedSet(loras, new StreamDraws(random, random));
      for (PassKind way : ways) {
        passes.add(DitPasses.of(way, models.of(way), List.of(set)));
        seconds.add(new ArrayList<>());
        shares.add(new ThreadShare.Tally());
      }
      for (int round = -warmUp; round < rounds; round++) {
        for (int i = 0; i < ways.size(); i++) {
          OptionalLong before = startOfPeak();
          ThreadShare.Tally tally = round >= 0 ? shares.get(i) : new ThreadShare.Tally();
          double time = step(passes.get(i), share, tally);
          if (round >= 0) {
            seconds.get(i).add(time);
            peaks[i] = Math.max(peaks[i], peakSince(before));
          }
          progress.accept(++done);
        }
      }
    } finally {
      passes.forEach(DitPasses::close);
    }
    List<Measurement> result = new ArrayList<>();
    for (int i = 0; i < ways.size(); i++) {
      result.add(
          new Measurement(
              ways.get(i),
              List.copyOf(seconds.get(i)),
              peaks[i] > 0 ? OptionalLong.of(peaks[i]) : OptionalLong.empty(),
              shares.get(i).outside()));
    }
    return result;
  }

  private OptionalLong startOfPeak() {
    return placement.device().isCpu() && ProcessMemory.resetPeak()
        ? ProcessMemory.resident()
        : OptionalLong.empty();
  }

  private static long peakSince(OptionalLong before) {
    OptionalLong peak = ProcessMemory.peak();
    return before.isPresent() && peak.isPresent() ? peak.getAsLong() - before.getAsLong() : 0;
  }

  private double step(DitPasses passes, ThreadShare share, ThreadShare.Tally tally) {
    try (Scope _ = new Scope()) {
      long side = shape.pixels / 8;
      Dtype dtype = placement.dtype();
      Tensor noisy = random.randn(dtype, shape.batch, 16, side, side);
      Tensor times = random.rand(dtype, shape.batch);
      Tensor rows = random.randn(dtype, shape.batch, TEXT_ROWS, config.context());
      rows.narrow(1, shape.textTokens, TEXT_ROWS - shape.textTokens).zero_();
      DitContext context =
          new DitContext(rows, Collections.nCopies(shape.batch, (long) shape.textTokens));
      wait(noisy);
      long start = System.nanoTime();
      try (ThreadShare.Counting _ = share.count(tally)) {
        DitPass pass = passes.next();
        Tensor prediction = pass.forward(noisy, times, context);
        pass.backward(prediction.mul(2.0 / prediction.numel()), false);
        learner.update();
        wait(loras.weights().narrow(0, 0, 1));
      }
      return (System.nanoTime() - start) / 1e9;
    }
  }

  /// A graphics card works on while the program goes ahead; reading a number waits for it.
  private static void wait(Tensor tensor) {
    try (Scope _ = new Scope()) {
      var _ = tensor.detach().flatten().narrow(0, 0, 1).to(Dtype.F32).sum().item();
    }
  }

  /// The most floating-point operations a second this machine reaches in one product of the MLP's
  /// shape.
  public double peakFlopsPerSecond() {
    long tokens = Math.max(1024, CostEstimate.tokens(new Size(shape.pixels, shape.pixels)));
    try (Scope _ = new Scope();
        NoGrad _ = new NoGrad()) {
      Tensor x = random.randn(placement.dtype(), tokens, config.channels());
      Tensor w = random.randn(placement.dtype(), config.hidden(), config.channels());
      double best = 0;
      long begin = System.nanoTime();
      for (int i = 0; i < 5 || System.nanoTime() - begin < 1_000_000_000L; i++) {
        try (Scope _ = new Scope()) {
          long start = System.nanoTime();
          wait(Ops.linear(x, w));
          double seconds = (System.nanoTime() - start) / 1e9;
          best = Math.max(best, 2.0 * tokens * config.channels() * config.hidden() / seconds);
        }
      }
      return best;
    }
  }

  @Override
  public void close() {
    learner.close();
    loras.close();
    random.close();
    models.close();
  }
}
