package dev.anima.cli.bench;

import dev.anima.cli.Console;
import dev.anima.cli.ExitCode;
import dev.anima.cli.Progress;
import dev.anima.engine.Device;
import dev.anima.engine.Dtype;
import dev.anima.engine.Libtorch;
import dev.anima.io.InputException;
import dev.anima.model.block.SavePolicy;
import dev.anima.train.BlockMix;
import dev.anima.train.PassKind;
import dev.anima.train.StepBenchmark;
import dev.anima.train.TrainSetup;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/// `anima bench`: seconds and memory of a training step on a DiT of made-up weights, by hand and
/// through autograd, side by side.
@Command(
    name = "bench",
    sortOptions = false,
    description = "Measures training steps on a made-up model of the real width.")
public final class BenchCommand implements Callable<Integer> {
  private static final String DEFAULT = " (default: ${DEFAULT-VALUE})";

  private final Console console;

  @Option(names = "--blocks", description = "DiT blocks; the real model has 28" + DEFAULT)
  private int blocks = 4;

  @Option(names = "--pixels", description = "side of the image, a multiple of 16" + DEFAULT)
  private int pixels = 1024;

  @Option(names = "--batch", description = "images in a step" + DEFAULT)
  private int batch = 1;

  @Option(names = "--rank", description = "of the LoRA" + DEFAULT)
  private int rank = 16;

  @Option(names = "--text_tokens", description = "of each caption, 1 to 512" + DEFAULT)
  private int textTokens = 128;

  @Option(names = "--dtype", description = "fp32, bf16 or fp16" + DEFAULT)
  private String dtype = "bf16";

  @Option(names = "--device", description = "auto, cpu, cuda or cuda:1" + DEFAULT)
  private String device = "auto";

  @Option(names = "--threads", description = "of the CPU (default: what libtorch takes)")
  private int threads;

  @Option(
      names = "--policy",
      split = ",",
      paramLabel = "POLICY",
      description =
          "what the blocks by hand keep: everything, units_13, attention_only, input_only,"
              + " input_on_host; several with commas (default: the first four)")
  private List<String> policies = List.of();

  @Option(
      names = "--swap",
      description =
          "measure the blocks by hand once more with so many blocks waiting in the model's file (CPU) or in"
              + " main memory"
              + DEFAULT)
  private int swap;

  @Option(
      names = "--autograd",
      negatable = true,
      defaultValue = "true",
      fallbackValue = "true",
      description = "measure plain autograd too, without and with recompute" + DEFAULT)
  private boolean autograd = true;

  @Option(names = "--warmup", description = "rounds that do not count" + DEFAULT)
  private int warmUp = 1;

  @Option(names = "--steps", description = "rounds that do" + DEFAULT)
  private int steps = 3;

  @Option(names = "--json", description = "print the same as JSON")
  private boolean json;

  public BenchCommand(Console console) {
    this.console = console;
  }

  @Override
  public Integer call() {
    Device where = TrainSetup.device(device);
    Dtype compute = dtype(where);
    StepBenchmark.Shape shape = shape();
    List<PassKind> ways = ways();
    Libtorch.load();
    if (threads > 0) {
      Libtorch.threads(threads);
    }
    double loadBefore = load();
    try (StepBenchmark benchmark = new StepBenchmark(shape, where, compute, swap);
        Progress progress =
            console.progress("bench", (long) ways.size() * (warmUp + steps), "steps")) {
      double peak = benchmark.peakFlopsPerSecond();
      List<StepBenchmark.Measurement> measured =
          benchmark.measure(ways, warmUp, steps, done -> progress.at(done, ""));
      BenchReport report =
          new BenchReport(
              blocks,
              pixels,
              batch,
              rank,
              textTokens,
              compute.name().toLowerCase(Locale.ROOT),
              where.toString(),
              Libtorch.threads(),
              benchmark.weightBytes(),
              benchmark.flops() / 1e12,
              peak / 1e12,
              loadBefore,
              load(),
              measured.stream()
                  .map(way -> BenchReport.Row.of(way, benchmark.flops(), peak))
                  .toList());
      if (json) {
        console.print(report.json());
      } else {
        report.table().forEach(console::print);
      }
    }
    return ExitCode.OK;
  }

  private Dtype dtype(Device where) {
    return switch (dtype) {
      case "fp32" -> Dtype.F32;
      case "bf16" -> Dtype.BF16;
      case "fp16" -> {
        if (where.isCpu()) {
          throw new InputException(
              "--dtype=fp16: training computes in bf16 on the CPU, where fp16 is about 15 times"
                  + " slower\n  -> use --dtype bf16");
        }
        yield Dtype.F16;
      }
      default -> throw new InputException("--dtype=" + dtype + ": expected fp32, bf16 or fp16");
    };
  }

  private StepBenchmark.Shape shape() {
    check("--steps", steps, 1);
    check("--warmup", warmUp, 0);
    check("--blocks", blocks, 1);
    check("--batch", batch, 1);
    check("--rank", rank, 1);
    check("--text_tokens", textTokens, 1);
    check("--pixels", pixels, 16);
    if (swap < 0 || swap > blocks) {
      throw new InputException(
          "--swap=%d: expected 0 to %d, the number of blocks".formatted(swap, blocks));
    }
    if (pixels % 16 != 0) {
      throw new InputException("--pixels=" + pixels + ": expected a multiple of 16");
    }
    if (textTokens > 512) {
      throw new InputException("--text_tokens=" + textTokens + ": expected 1 to 512");
    }
    return new StepBenchmark.Shape(blocks, pixels, batch, rank, textTokens);
  }

  private static void check(String option, int value, int least) {
    if (value < least) {
      throw new InputException(option + "=" + value + ": expected " + least + " or more");
    }
  }

  /// The usual way first: others are compared with it.
  private List<PassKind> ways() {
    List<PassKind> ways = new ArrayList<>();
    if (autograd) {
      ways.add(new PassKind.Checkpointed());
      ways.add(new PassKind.Plain());
    }
    List<SavePolicy> kept =
        policies.isEmpty()
            ? Arrays.stream(SavePolicy.values())
                .filter(policy -> policy != SavePolicy.INPUT_ON_HOST)
                .toList()
            : policies.stream().map(BenchCommand::policy).toList();
    for (SavePolicy policy : kept) {
      BlockMix mix = BlockMix.uniform(policy, blocks);
      ways.add(new PassKind.Explicit(mix));
      if (swap > 0) {
        ways.add(new PassKind.Explicit(mix.withSwapped(swap)));
      }
    }
    return ways;
  }

  private static SavePolicy policy(String name) {
    return Arrays.stream(SavePolicy.values())
        .filter(policy -> policy.name().equalsIgnoreCase(name))
        .findFirst()
        .orElseThrow(() ->
            new InputException(
                "--policy=%s: expected one of %s"
                    .formatted(
                        name,
                        String.join(
                            ", ",
                            Arrays.stream(SavePolicy.values())
                                .map(policy -> policy.name().toLowerCase(Locale.ROOT))
                                .toList()))));
  }

  private static double load() {
    return ManagementFactory.getOperatingSystemMXBean().getSystemLoadAverage();
  }
}
