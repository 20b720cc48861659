package dev.anima.train;

import dev.anima.config.CacheConfig;
import dev.anima.config.DatasetConfig;
import dev.anima.config.Flags;
import dev.anima.config.Precision;
import dev.anima.config.Ranks;
import dev.anima.config.TrainConfig;
import dev.anima.dataset.Caching;
import dev.anima.dataset.DatasetGroup;
import dev.anima.dataset.PythonRandom;
import dev.anima.engine.Device;
import dev.anima.engine.Dtype;
import dev.anima.io.ImageSurvey;
import dev.anima.io.InputException;
import dev.anima.model.EightBitRows;
import dev.anima.model.WeightStorage;
import dev.anima.train.optim.OptimizerChoice;
import dev.anima.train.state.Recipe;
import dev.anima.train.state.SavedState;
import dev.anima.train.state.StateFolder;
import dev.anima.train.team.Team;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.random.RandomGenerator;
import java.util.stream.Stream;

/// Everything about a run that is decided before a model is opened.
///
/// @param flags as given, for the metadata
/// @param datasets where the images come from
/// @param data the images, with the random stream of data order and captions
/// @param seed `--seed`, or one drawn now
/// @param start where in the plan the run begins
/// @param recipe what the run was told, for its states
/// @param device that computes
/// @param dtype of the frozen weights and of the computation
/// @param team the processes that train together; not owned
/// @param notes what the user should know, one sentence each
public record TrainSetup(
    Flags flags,
    TrainConfig config,
    DatasetConfig datasets,
    DatasetGroup data,
    RunPlan plan,
    CheckpointRules checkpoints,
    long seed,
    RunStart start,
    Recipe recipe,
    Device device,
    Dtype dtype,
    Team team,
    List<String> notes) {

  /// Reads flags and datasets and plans the run of one process.
  ///
  /// @param workingDir relative paths start here
  /// @throws InputException with every problem found
  public static TrainSetup of(Flags flags, Path workingDir) {
    return of(flags, workingDir, Team.ALONE);
  }

  /// As above.
  ///
  /// @param team the processes that train together
  public static TrainSetup of(Flags flags, Path workingDir, Team team) {
    TrainConfig config = TrainConfig.of(flags, workingDir);
    DatasetConfig datasets = DatasetConfig.of(flags, workingDir);
    List<String> notes = new ArrayList<>(datasets.notes());

    Optional<SavedState> state = config.length().resume().map(StateFolder::read);
    long seed = config.length().seed().orElseGet(() -> team.ofFirst(seed(state)));
    DatasetGroup data = DatasetGroup.build(datasets.datasets(), new PythonRandom(seed));
    data.check(caching(config));
    if (!caching(config).latents()) {
      surveyImages(data);
    }
    data.findings().warnings().forEach(finding -> notes.add(finding.message()));

    RunPlan plan =
        RunPlan.of(
            data.batchesPerEpoch(),
            team.size(),
            config.length().accumulation(),
            config.length().maxSteps(),
            config.length().maxEpochs());
    RunStart start = RunStart.of(config.length(), plan, state);
    notes.addAll(start.notes());
    Recipe recipe =
        Recipe.of(
            flags,
            data,
            seed,
            plan.accumulation(),
            OptimizerChoice.parse(config.optimizer().type(), config.optimizer().args())
                .pythonName(),
            team.size());
    start
        .whole()
        .ifPresent(run ->
            notes.addAll(run.recipe().differences(recipe, config.length().resume().orElseThrow())));
    Device device = device(config.machine().device(), team.ranks());
    storageNote(config.precision()).ifPresent(notes::add);
    Dtype dtype = dtype(config.precision().compute(), device, notes);
    fastMatmulNote(config.precision(), device, dtype).ifPresent(notes::add);
    return new TrainSetup(
        flags,
        config,
        datasets,
        data,
        plan,
        checkpoints(config, plan),
        seed,
        start,
        recipe,
        device,
        dtype,
        team,
        List.copyOf(notes));
  }

  /// That of the saved run, or one drawn now.
  private static long seed(Optional<SavedState> state) {
    return state.orElse(null) instanceof SavedState.Whole whole
        ? whole.run().recipe().seed()
        : RandomGenerator.getDefault().nextLong(1L << 32);
  }

  /// Looks at every image without decoding it: without cached latents a broken one would otherwise
  /// end the run only when its turn comes, perhaps after hours.
  private static void surveyImages(DatasetGroup data) {
    List<String> problems =
        Stream.concat(data.training().stream(), data.validation().stream())
            .flatMap(dataset -> dataset.images().stream())
            .map(image -> image.found().file())
            .distinct()
            .toList()
            .parallelStream()
            .flatMap(file -> {
              try {
                var _ = ImageSurvey.of(file);
                return Stream.empty();
              } catch (InputException e) {
                return Stream.of(String.valueOf(e.getMessage()));
              }
            })
            .toList();
    if (!problems.isEmpty()) {
      throw new InputException(String.join("\n", problems));
    }
  }

  /// What is encoded before training.
  public static Caching caching(TrainConfig config) {
    return new Caching(
        config.cache().latents() != CacheConfig.Store.NONE,
        config.cache().text() != CacheConfig.Store.NONE);
  }

  /// Optimizer steps counted as done.
  public int firstStep() {
    return start.step();
  }

  public Caching caching() {
    return caching(config);
  }

  /// When and under which names files are saved.
  public static CheckpointRules checkpoints(TrainConfig config, RunPlan plan) {
    return new CheckpointRules(
        config.output().name(),
        "safetensors",
        config.output().every().steps(),
        config.output().every().epochInterval(plan.epochs()),
        config.output().keep().steps(),
        config.output().keep().epochs());
  }

  /// The device that `--device` names, if steps can be computed there.
  ///
  /// @throws InputException for any other name, a card that is not there, and Apple's GPU
  public static Device device(String wanted) {
    if (wanted.equals("auto")) {
      return Device.best();
    }
    if (wanted.equals("mps")) {
      throw new InputException(
          "--device=mps: training on Apple's GPU does not work yet (libtorch's Java binding makes no"
              + " random numbers there)\n  -> use --device=cpu");
    }
    if (!wanted.matches("cpu|cuda(:\\d{1,3})?")) {
      throw new InputException(
          "--device must be auto, cpu, cuda or cuda:N, got \"%s\"".formatted(wanted));
    }
    Device device = Device.parse(wanted);
    if (device.kind() == Device.Kind.CUDA && device.index() >= Device.cudaCards()) {
      throw new InputException(
          "--device=%s: there are %d CUDA cards here that libtorch can use; anima doctor says more"
              .formatted(wanted, Device.cudaCards()));
    }
    return device;
  }

  /// As above, for one of several processes: each takes the card of its number on its computer,
  /// unless `--device` names one for all.
  private static Device device(String wanted, Ranks ranks) {
    boolean cards = wanted.equals("cuda") || (wanted.equals("auto") && Device.cudaCards() > 0);
    if (ranks.isAlone() || !cards) {
      return device(wanted);
    }
    if (ranks.localRank() >= Device.cudaCards()) {
      throw new InputException(
          "rank %d would train on cuda:%d, but there are %d CUDA cards here that libtorch can use\n  -> start as many processes as there are cards, or let all share one with --device=cuda:0"
              .formatted(ranks.rank(), ranks.localRank(), Device.cudaCards()));
    }
    return new Device(Device.Kind.CUDA, ranks.localRank());
  }

  /// How the blocks of the DiT are kept.
  public static WeightStorage storage(Precision precision) {
    return switch (precision.base()) {
      case COMPUTE -> WeightStorage.COMPUTE;
      case FP8 -> WeightStorage.FP8;
      case INT8 -> WeightStorage.INT8;
    };
  }

  private static Optional<String> storageNote(Precision precision) {
    return switch (precision.base()) {
      case COMPUTE -> Optional.empty();
      case FP8 ->
          Optional.of(
              "the DiT's blocks are kept in fp8 with a scale per row: half the memory, weights off by"
                  + " about 2.7 % (the reference ignores --fp8_base for Anima)");
      case INT8 ->
          Optional.of(
              "the DiT's blocks are kept in int8 with a scale per row: half the memory, weights off by"
                  + " about 1 %");
    };
  }

  /// What `--fast_matmul` costs.
  ///
  /// @throws InputException if the device has no such products
  private static Optional<String> fastMatmulNote(Precision precision, Device device, Dtype dtype) {
    if (!precision.fastMatmul()) {
      return Optional.empty();
    }
    boolean fp8 = precision.base() == Precision.Base.FP8;
    Optional<String> missing = EightBitRows.missing(device, storage(precision), dtype);
    if (missing.isPresent()) {
      throw new InputException(
          "--fast_matmul: %s has no %s products (%s)\n  -> %sdrop --fast_matmul"
              .formatted(
                  device, fp8 ? "fp8" : "int8", missing.get(), fp8 ? "use --int8_base, or " : ""));
    }
    return Optional.of(
        "--fast_matmul: activations are rounded to %s for the forward products, which adds about %s to each%s"
            .formatted(
                fp8 ? "fp8" : "int8",
                fp8 ? "2.6 %" : "0.9 %",
                fp8 && device.isCpu()
                    ? "; the CPU has no units for fp8, so here it is slower than without"
                    : ""));
  }

  private static Dtype dtype(Precision.Compute compute, Device device, List<String> notes) {
    if (compute == Precision.Compute.FP16 && device.isCpu()) {
      notes.add(
          "--mixed_precision=fp16 computes in bf16 on the CPU, where fp16 is about 15 times slower");
    }
    return dtype(compute, device.kind());
  }

  /// What the models compute in: on the CPU, fp16 runs use bf16.
  public static Dtype dtype(Precision.Compute compute, Device.Kind device) {
    return switch (compute) {
      case NO -> Dtype.F32;
      case BF16 -> Dtype.BF16;
      case FP16 -> device == Device.Kind.CPU ? Dtype.BF16 : Dtype.F16;
    };
  }
}
