package dev.anima.cli.bench;

import dev.anima.cli.Console;
import dev.anima.cli.ExitCode;
import dev.anima.cli.Progress;
import dev.anima.engine.Device;
import dev.anima.engine.Dtype;
import dev.anima.engine.Libtorch;
import dev.anima.io.InputException;
import dev.anima.model.Placement;
import dev.anima.model.block.SavePolicy;
import dev.anima.train.BlockMix;
import dev.anima.train.PassKind;
import dev.anima.train.StepBenchmark;
import dev.anima.train.TrainSetup;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/// `anima bench`: seconds and memory of a training step on a DiT of made-up weights, by hand and
/// through autograd, side by side; on request also what comes before the steps.
@Command(
    name = "bench",
    sortOptions = false,
    description =
        "Measures training steps, and what comes before them, on made-up models of the real width.")
public final class BenchCommand implements Callable<Integer> {
  private static final String DEFAULT = " (default: ${DEFAULT-VALUE})";

  private final Console console;

  @Option(
      names = "--what",
      split = ",",
      paramLabel = "PART",
      description =
          "step (training steps), vae (images a second through the encoder), text (captions a second"
              + " through Qwen3 and adapter), load (loading a DiT from a file), startup (from process"
              + " start to first step, on the demo), or all; several with commas (default: step)")
  private List<String> what = List.of("step");

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

  @Option(
      names = "--captions",
      paramLabel = "N",
      description = "with --what=text: captions" + DEFAULT)
  private int captions = 16;

  @Option(
      names = "--text_layers",
      paramLabel = "N",
      description = "with --what=text: layers of Qwen3; the real one has 28" + DEFAULT)
  private int textLayers = FullSize.QWEN3_LAYERS;

  @Option(
      names = "--load_blocks",
      paramLabel = "N",
      description = "with --what=load: blocks in the file; 28 make 4 GB" + DEFAULT)
  private int loadBlocks = FullSize.DIT_BLOCKS;

  @Option(
      names = "--images",
      paramLabel = "N",
      description =
          "with --what=startup: images of the dataset, copies with their caches" + DEFAULT)
  private int images = 24;

  @Option(
      names = "--folder",
      paramLabel = "DIR",
      description =
          "with --what=load and startup: where files are written for a while (default: the system's"
              + " temporary folder)")
  private @Nullable Path folder;

  @Option(names = "--json", description = "print the same as JSON")
  private boolean json;

  /// What can be measured.
  private enum Part {
    STEP,
    VAE,
    TEXT,
    LOAD,
    STARTUP;

    String word() {
      return name().toLowerCase(Locale.ROOT);
    }

    static Part named(String word) {
      return Arrays.stream(values())
          .filter(part -> part.word().equals(word))
          .findFirst()
          .orElseThrow(() ->
              new InputException(
                  "--what=%s: expected one of %s, all"
                      .formatted(
                          word,
                          String.join(", ", Arrays.stream(values()).map(Part::word).toList()))));
    }
  }

  public BenchCommand(Console console) {
    this.console = console;
  }

  @Override
  public Integer call() {
    Set<Part> parts = parts();
    Device where = TrainSetup.device(device);
    Placement placement = Placement.of(where, dtype(where));
    checkNumbers();
    Libtorch.load();
    if (threads > 0) {
      Libtorch.threads(threads);
    }
    Map<String, PartReport> reports = new LinkedHashMap<>();
    for (Part part : parts) {
      PartReport report = measure(part, placement);
      reports.put(part.word(), report);
      if (!json) {
        print(report, reports.size() > 1);
      }
    }
    if (json) {
      console.print(
          PartReport.json(reports.size() == 1 ? reports.values().iterator().next() : reports));
    }
    return ExitCode.OK;
  }

  private void print(PartReport report, boolean afterAnother) {
    if (afterAnother) {
      console.print("");
    }
    report.table().forEach(console::print);
  }

  private Set<Part> parts() {
    Set<Part> parts = EnumSet.noneOf(Part.class);
    for (String word : what) {
      if (word.equals("all")) {
        parts.addAll(EnumSet.allOf(Part.class));
      } else {
        parts.add(Part.named(word));
      }
    }
    return parts;
  }

  private PartReport measure(Part part, Placement placement) {
    return switch (part) {
      case STEP -> steps(placement);
      case VAE -> {
        try (Progress progress = console.progress("vae", 2L * (warmUp + steps), "batches")) {
          yield VaePart.measure(
              pixels, batch, placement, warmUp, steps, done -> progress.at(done, ""));
        }
      }
      case TEXT -> {
        try (Progress progress = console.progress("text", 3L * (warmUp + steps), "rounds")) {
          yield TextPart.measure(
              captions,
              textTokens,
              textLayers,
              placement,
              warmUp,
              steps,
              done -> progress.at(done, ""));
        }
      }
      case LOAD -> LoadPart.measure(loadBlocks, folder());
      case STARTUP -> {
        try (Progress progress = console.progress("startup", steps + 1L, "runs")) {
          yield StartupPart.measure(folder(), steps, images, done -> progress.at(done, ""));
        }
      }
    };
  }

  private Path folder() {
    Path parent = folder == null ? Path.of(System.getProperty("java.io.tmpdir")) : folder;
    if (!Files.isDirectory(parent)) {
      throw new InputException("--folder=" + parent + ": there is no such folder");
    }
    return parent;
  }

  private BenchReport steps(Placement placement) {
    List<PassKind> ways = ways();
    StepBenchmark.Shape shape = new StepBenchmark.Shape(blocks, pixels, batch, rank, textTokens);
    double loadBefore = PartReport.load();
    try (StepBenchmark benchmark =
            new StepBenchmark(shape, placement.device(), placement.dtype(), swap);
        Progress progress =
            console.progress("bench", (long) ways.size() * (warmUp + steps), "steps")) {
      double peak = benchmark.peakFlopsPerSecond();
      List<StepBenchmark.Measurement> measured =
          benchmark.measure(ways, warmUp, steps, done -> progress.at(done, ""));
      return new BenchReport(
          blocks,
          pixels,
          batch,
          rank,
          textTokens,
          placement.dtype().name().toLowerCase(Locale.ROOT),
          placement.device().toString(),
          Libtorch.threads(),
          benchmark.weightBytes(),
          benchmark.flops() / 1e12,
          peak / 1e12,
          loadBefore,
          PartReport.load(),
          measured.stream().map(way -> BenchReport.Row.of(way, benchmark.flops(), peak)).toList());
    }
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

  private void checkNumbers() {
    check("--steps", steps, 1);
    check("--warmup", warmUp, 0);
    check("--blocks", blocks, 1);
    check("--batch", batch, 1);
    check("--rank", rank, 1);
    check("--text_tokens", textTokens, 1);
    check("--captions", captions, 1);
    check("--text_layers", textLayers, 1);
    check("--load_blocks", loadBlocks, 1);
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
}
