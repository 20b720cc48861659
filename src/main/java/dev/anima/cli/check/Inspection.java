package dev.anima.cli.check;

import dev.anima.cli.Build;
import dev.anima.cli.Console;
import dev.anima.cli.check.Preview.Warning;
import dev.anima.cli.lint.RunLint;
import dev.anima.config.DatasetConfig;
import dev.anima.config.FlagReport;
import dev.anima.config.FlagReport.RunFacts;
import dev.anima.config.Flags;
import dev.anima.config.TrainConfig;
import dev.anima.engine.Device;
import dev.anima.engine.DeviceMemory;
import dev.anima.train.MemoryPlanning;
import dev.anima.train.PassKind;
import dev.anima.train.RunPlan;
import dev.anima.train.RunRules;
import dev.anima.train.TrainSetup;
import dev.anima.train.TrainedModel;
import dev.anima.train.optim.OptimizerChoice;
import dev.anima.train.plan.MemoryPlan;
import dev.anima.train.plan.OptimizerMemory;
import dev.anima.train.plan.PlanText;
import dev.anima.train.schedule.LrSchedule;
import dev.anima.train.schedule.ScheduleFlags;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.function.Function;
import java.util.stream.Stream;

/// Goes through all parts of a run as far as they can be read, and notes what is wrong with each
/// instead of stopping at the first.
final class Inspection {
  private static final int CURVE_POINTS = 61;

  private final Flags flags;
  private final Path workingDir;
  private final Problems problems = new Problems();
  private final List<Warning> warnings = new ArrayList<>();

  private Inspection(Flags flags, Path workingDir) {
    this.flags = flags;
    this.workingDir = workingDir;
  }

  /// @param fileWarnings what the flag file gave reason for
  /// @param workingDir directory that relative paths are meant from
  static Preview of(Flags flags, List<String> fileWarnings, Path workingDir, Speed speed) {
    Inspection inspection = new Inspection(flags, workingDir);
    fileWarnings.forEach(text -> inspection.warn("config-file", text));
    return inspection.preview(speed);
  }

  private void warn(String code, String message) {
    warnings.add(new Warning(code, message));
  }

  private Preview preview(Speed speed) {
    Optional<TrainConfig> config = problems.attempt(() -> TrainConfig.of(flags, workingDir));
    Models models = Models.read(flags, workingDir, problems);
    Optional<DatasetConfig> datasets = problems.attempt(() -> DatasetConfig.of(flags, workingDir));
    Optional<DataPreview> data = datasets.flatMap(found -> data(found, config));
    Optional<RunPlan> plan = data.flatMap(this::plan);
    Optional<OptimizerChoice> optimizer = config.flatMap(c -> problems.attempt(() -> optimizer(c)));
    Optional<LoraPreview> lora =
        config.flatMap(
            c -> models.complete() ? problems.attempt(() -> LoraPreview.of(c)) : Optional.empty());
    Optional<ScheduleFlags> schedule =
        config.flatMap(
            c -> plan.flatMap(p -> problems.attempt(() -> RunRules.schedule(c, p.totalSteps()))));
    boolean scheduled = optimizer.map(choice -> !choice.replacesSchedule()).orElse(true);
    Optional<LrSchedule> curve =
        scheduled ? schedule.flatMap(f -> problems.attempt(f::create)) : Optional.empty();
    lora.ifPresent(found -> optimizer.ifPresent(choice -> checkRates(choice, found.groups())));
    config.ifPresent(c ->
        problems.attempt(() -> {
          Outputs.checkWritable(c.output().dir());
          return c;
        }));
    Optional<PassKind> pass =
        config.flatMap(c ->
            models
                .dit()
                .flatMap(dit -> problems.attempt(() -> PassKind.of(c.memory(), dit.blocks()))));
    Optional<Costs> costs = costs(config, models, data);
    Optional<MemoryPlan> memory =
        config.flatMap(c ->
            data.filter(_ -> pass.isPresent() && lora.isPresent() && models.files().size() == 3)
                .flatMap(d -> optimizer.flatMap(o -> memory(c, d, o))));
    OptionalDouble flops = flopsPerStep(costs, plan);
    List<Preview.Output> outputs = outputs(config, plan, lora, optimizer);
    List<FlagReport.Entry> entries = flagReport(datasets, data, plan);
    collectWarnings(config, datasets, data, optimizer, lora, schedule);
    warnOfSpace(config, outputs);
    return new Preview(
        problems.list(),
        data.map(DataPreview::images).orElse(0),
        data.map(DataPreview::entriesPerEpoch).orElse(0),
        data.map(DataPreview::captionsMissing).orElse(0),
        data.map(DataPreview::validationImages).orElse(0),
        data.map(DataPreview::regImages).orElse(0),
        plan.map(RunPlan::batchesPerEpoch).orElse(0),
        plan.map(RunPlan::stepsPerEpoch).orElse(0),
        plan.map(RunPlan::epochs).orElse(0),
        plan.map(RunPlan::totalSteps).orElse(0),
        scheduled ? schedule.map(Inspection::warmupSteps).orElse(0) : 0,
        data.map(DataPreview::buckets).orElse(List.of()),
        data.map(DataPreview::files).orElse(List.of()),
        entries.stream().map(Inspection::line).toList(),
        outputs,
        config
            .map(c -> Outputs.others(c, data.map(d -> d.files().size()).orElse(0)))
            .orElse(List.of()),
        WarningOrder.sorted(warnings.stream()),
        models.files(),
        lora.map(LoraPreview::lora),
        lora.map(LoraPreview::groups).orElse(List.of()),
        scheduled
            ? schedule.flatMap(flags -> curve.flatMap(c -> schedule(flags, c, lora)))
            : Optional.empty(),
        pass.flatMap(kind -> swap(kind, models)),
        memory.map(Preview.Memory::of),
        flops.orElse(0),
        time(costs, plan, flops, speed));
  }

  private Optional<DataPreview> data(DatasetConfig datasets, Optional<TrainConfig> config) {
    Optional<DataPreview> data =
        problems.attempt(() -> DataPreview.of(datasets, flags.maybeLong("seed").orElse(0)));
    data.ifPresent(found -> {
      found.report().problems().forEach(problem -> problems.add(problem.message()));
      config.ifPresent(c ->
          problems.attempt(() -> {
            found.group().check(TrainSetup.caching(c));
            return found;
          }));
    });
    return data;
  }

  private static Optional<Preview.Swap> swap(PassKind pass, Models models) {
    return models
        .dit()
        .filter(_ -> pass.swapped() > 0)
        .map(dit -> new Preview.Swap(pass.swapped(), dit.blocks()));
  }

  /// From the flags themselves, so that steps are told even while something else is wrong.
  private Optional<RunPlan> plan(DataPreview data) {
    int accumulation = flags.integer("gradient_accumulation_steps");
    int maxSteps = flags.integer("max_train_steps");
    boolean usable = accumulation > 0 && maxSteps > 0 && data.report().batchesPerEpoch() > 0;
    return usable
        ? Optional.of(
            RunPlan.of(
                data.report().batchesPerEpoch(),
                Math.max(1, processes()),
                accumulation,
                maxSteps,
                flags.maybeInteger("max_train_epochs")))
        : Optional.empty();
  }

  private int processes() {
    return Stream.of("nproc", "num_processes", "nproc_per_node")
        .map(flags::maybeInteger)
        .filter(OptionalInt::isPresent)
        .map(OptionalInt::getAsInt)
        .findFirst()
        .orElse(1);
  }

  @SuppressWarnings("NullAway") // None is a value too
  private static OptimizerChoice optimizer(TrainConfig config) {
    return OptimizerChoice.parse(config.optimizer().type(), config.optimizer().args());
  }

  private static int warmupSteps(ScheduleFlags schedule) {
    boolean warms = schedule.type().isEmpty() && !schedule.name().equals("piecewise_constant");
    return warms ? schedule.warmupSteps() : 0;
  }

  private void checkRates(OptimizerChoice optimizer, List<Preview.Group> groups) {
    problems
        .attempt(() -> optimizer.checkRates(groups.stream().map(Preview.Group::rate).toList()))
        .flatMap(Function.identity())
        .ifPresent(text -> warn("optimizer", text));
    if (groups.isEmpty()) {
      problems.add(
          "every learning rate is 0, so nothing would be trained\n  -> set --learning_rate");
    }
  }

  private Optional<Costs> costs(
      Optional<TrainConfig> config, Models models, Optional<DataPreview> data) {
    if (config.isEmpty() || data.isEmpty() || models.dit().isEmpty() || models.qwen3().isEmpty()) {
      return Optional.empty();
    }
    return Optional.of(
        new Costs(config.get(), models.dit().get(), models.qwen3().get(), data.get().batches()));
  }

  /// The plan; where it does not fit, that is a problem too.
  private Optional<MemoryPlan> memory(
      TrainConfig config, DataPreview data, OptimizerChoice optimizer) {
    Device.Kind device = device(config.machine().device());
    Optional<MemoryPlan> plan =
        problems.attempt(() ->
            new MemoryPlanning(
                    config,
                    data.group(),
                    TrainedModel.of(config),
                    optimizer.config(),
                    device,
                    TrainSetup.dtype(config.precision().compute(), device),
                    RunRules.vaeChunk(flags),
                    config.machine().processes().orElse(1) > 1)
                .plan(
                    device == Device.Kind.CPU
                        ? DeviceMemory.forRun(Device.CPU)
                        : OptionalLong.empty()));
    plan.ifPresent(found -> {
      found.notes().forEach(note -> warn("memory", note));
      if (!found.fits()) {
        problems.add(PlanText.refusal(found));
      }
    });
    return plan;
  }

  /// Without loading libtorch, so a card that the build could use is taken to be there.
  private static Device.Kind device(String wanted) {
    boolean card =
        wanted.startsWith("cuda") || (wanted.equals("auto") && Build.current().isGpuBuild());
    return card ? Device.Kind.CUDA : Device.Kind.CPU;
  }

  private static List<Preview.Output> outputs(
      Optional<TrainConfig> config,
      Optional<RunPlan> plan,
      Optional<LoraPreview> lora,
      Optional<OptimizerChoice> optimizer) {
    if (config.isEmpty() || plan.isEmpty()) {
      return List.of();
    }
    long fileBytes = lora.map(found -> found.lora().fileBytes()).orElse(0L);
    long perParameter =
        4L + optimizer.map(found -> OptimizerMemory.bytesPerParameter(found.config())).orElse(0);
    long stateBytes = lora.map(found -> found.parameters() * perParameter).orElse(0L);
    return new Outputs(config.get(), plan.get(), fileBytes, stateBytes).planned();
  }

  private List<FlagReport.Entry> flagReport(
      Optional<DatasetConfig> datasets, Optional<DataPreview> data, Optional<RunPlan> plan) {
    Optional<RunFacts> facts =
        plan.map(p ->
            new RunFacts(
                p.totalSteps(),
                p.epochs(),
                p.stepsPerEpoch(),
                data.map(DataPreview::largestBatch).orElse(1)));
    FlagReport report = FlagReport.of(flags, datasets, facts);
    report.warnings().forEach(warning -> warn(warning.code(), warning.message()));
    return report.entries();
  }

  private static Preview.FlagLine line(FlagReport.Entry entry) {
    return new Preview.FlagLine(
        entry.flag(),
        entry.value(),
        entry.effect().name().toLowerCase(Locale.ROOT),
        entry.resolved(),
        entry.reason());
  }

  private void collectWarnings(
      Optional<TrainConfig> config,
      Optional<DatasetConfig> datasets,
      Optional<DataPreview> data,
      Optional<OptimizerChoice> optimizer,
      Optional<LoraPreview> lora,
      Optional<ScheduleFlags> schedule) {
    data.ifPresent(found -> warnings.addAll(found.warnings()));
    datasets.ifPresent(found ->
        RunLint.errors(found, workingDir)
            .forEach(problem -> warn(problem.code(), problem.message())));
    lora.ifPresent(found -> warnings.addAll(found.warnings()));
    config.ifPresent(c ->
        optimizer.ifPresent(choice ->
            choice
                .warnings(c.optimizer().learningRate(), c.optimizer().maxGradNorm())
                .forEach(text -> warn("optimizer", text))));
    // Idle --lr_ flags are in the flag report already; only torch's own schedules have more to say.
    schedule
        .filter(flags -> !flags.type().isEmpty())
        .ifPresent(flags -> flags.warnings().forEach(text -> warn("schedule", text)));
    // Flags a dataset configuration overrides are in the flag report too.
    datasets.ifPresent(found ->
        found.notes().stream()
            .filter(text -> !text.startsWith("--"))
            .forEach(text -> warn("note", text)));
  }

  private void warnOfSpace(Optional<TrainConfig> config, List<Preview.Output> outputs) {
    List<String> there =
        outputs.stream().filter(Preview.Output::exists).map(Preview.Output::path).toList();
    if (!there.isEmpty()) {
      warn(
          "overwrites",
          "%s %s replaced by this run; give another --output_name or --output_dir to keep %s"
              .formatted(
                  there.size() == 1
                      ? there.getFirst()
                      : "%d files, such as %s,".formatted(there.size(), there.getFirst()),
                  there.size() == 1 ? "is" : "are",
                  there.size() == 1 ? "it" : "them"));
    }
    long needed =
        outputs.stream().filter(Preview.Output::kept).mapToLong(Preview.Output::bytes).sum();
    config
        .map(c -> Outputs.freeBytes(c.output().dir()))
        .ifPresent(free -> {
          if (free.isPresent() && free.getAsLong() < needed) {
            warn(
                "disk-space",
                "the run writes about %s, but only %s are free for --output_dir"
                    .formatted(Console.bytes(needed), Console.bytes(free.getAsLong())));
          }
        });
  }

  /// The rates of the DiT's first group, or of Qwen3's where the DiT is not trained.
  private static Optional<Preview.Schedule> schedule(
      ScheduleFlags flags, LrSchedule curve, Optional<LoraPreview> lora) {
    List<Preview.Group> groups = lora.map(LoraPreview::groups).orElse(List.of());
    return groups.stream()
        .filter(group -> group.name().startsWith("unet"))
        .findFirst()
        .or(() -> groups.stream().findFirst())
        .map(
            (Function<Preview.Group, Preview.Schedule>)
                group ->
                    new Preview.Schedule(
                        flags.type().isEmpty() ? flags.name() : flags.type(),
                        group.name(),
                        rates(curve, group.rate(), flags.totalSteps())));
  }

  private static List<Preview.Rate> rates(LrSchedule curve, double base, int totalSteps) {
    List<Preview.Rate> rates = new ArrayList<>();
    int points = Math.min(totalSteps, CURVE_POINTS);
    for (int i = 0; i < points; i++) {
      int step = points == 1 ? 0 : (int) ((long) i * (totalSteps - 1) / (points - 1));
      rates.add(new Preview.Rate(step, curve.rateAt(step, base)));
    }
    return rates;
  }

  /// Of a mean step; empty while models or images could not be read.
  private static OptionalDouble flopsPerStep(Optional<Costs> costs, Optional<RunPlan> plan) {
    return costs.isPresent() && plan.isPresent()
        ? OptionalDouble.of(costs.get().epochFlops() / plan.get().stepsPerEpoch())
        : OptionalDouble.empty();
  }

  private Optional<Preview.Time> time(
      Optional<Costs> costs, Optional<RunPlan> plan, OptionalDouble flops, Speed speed) {
    if (costs.isEmpty() || plan.isEmpty() || flops.isEmpty() || !problems.list().isEmpty()) {
      return Optional.empty();
    }
    String device = costs.get().config().machine().device();
    OptionalDouble measured = speed.flopsPerSecond(device, costs.get().dtype());
    if (measured.isEmpty()) {
      return Optional.empty();
    }
    double perStep = flops.getAsDouble() / measured.getAsDouble();
    return Optional.of(
        new Preview.Time(
            perStep,
            perStep * plan.get().totalSteps(),
            String.format(
                Locale.ROOT,
                "at best: as fast as plain matrix products here, %.0f GFLOP/s",
                measured.getAsDouble() / 1e9)));
  }
}
