package dev.anima.train;

import dev.anima.config.CacheConfig;
import dev.anima.config.CacheConfig.Store;
import dev.anima.config.Flags;
import dev.anima.config.IntOrRatio;
import dev.anima.config.OptimizerFlags;
import dev.anima.config.ScheduleConfig;
import dev.anima.config.TrainConfig;
import dev.anima.dataset.DatasetMetadata;
import dev.anima.dataset.PixelLoader;
import dev.anima.dataset.TrainingImage;
import dev.anima.engine.AllocationCount;
import dev.anima.engine.Device;
import dev.anima.engine.DeviceMemory;
import dev.anima.engine.Dtype;
import dev.anima.engine.Libtorch;
import dev.anima.engine.PeakWatch;
import dev.anima.engine.ProcessMemory;
import dev.anima.engine.RandomStream;
import dev.anima.io.InputException;
import dev.anima.lora.DoraStart;
import dev.anima.lora.LoraFile;
import dev.anima.lora.LoraKeys;
import dev.anima.lora.LoraSet;
import dev.anima.lora.Network;
import dev.anima.lora.NetworkWeights;
import dev.anima.lora.ParameterGroup;
import dev.anima.lora.StreamDraws;
import dev.anima.model.Placement;
import dev.anima.model.RotaryPrecision;
import dev.anima.model.WeightEdit;
import dev.anima.model.dit.AnimaDit;
import dev.anima.model.dit.DitConfig;
import dev.anima.model.text.Qwen3Config;
import dev.anima.model.text.Tokenizers;
import dev.anima.model.vae.QwenImageVae;
import dev.anima.sample.PromptFile;
import dev.anima.sample.SampleNames;
import dev.anima.train.objective.NoiseOptions;
import dev.anima.train.objective.Objective;
import dev.anima.train.objective.ObjectiveFlags;
import dev.anima.train.optim.GradScaler;
import dev.anima.train.optim.OptimizerChoice;
import dev.anima.train.optim.WeightRounding;
import dev.anima.train.plan.MemoryPlan;
import dev.anima.train.plan.PlanText;
import dev.anima.train.schedule.LrSchedule;
import dev.anima.train.schedule.ScheduleFlags;
import dev.anima.train.state.StateFolder;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Instant;
import java.time.ZoneId;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Future;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;
import java.util.random.RandomGenerator;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/// One run from checked setup to the finished LoRA: loads, caches, trains, frees everything.
///
/// All libtorch calls happen on the calling thread.
public final class TrainingRun implements AutoCloseable {
  private final TrainSetup setup;
  private final TrainListener listener;
  private final String program;
  private final TrainedModel trained;
  private final OptimizerChoice optimizer;
  private final LrSchedule schedule;
  private final Objective objective;
  private final Optional<PromptFile> prompts;
  private final PassKind passKind;
  private final ProgressSet measured;
  private final WarmModels models;
  private final Optional<MemoryPlan> memory;
  private final Deque<AutoCloseable> owned = new ArrayDeque<>();
  private boolean tellsLate;

  /// Checks what can be checked without loading weights.
  ///
  /// @param program name and version of this program, for the metadata
  /// @throws dev.anima.io.InputException if a flag or a model file is wrong
  public TrainingRun(TrainSetup setup, TrainListener listener, String program) {
    this(setup, listener, program, Optional.empty());
  }

  /// As above, with models that earlier runs loaded and later ones may use.
  public TrainingRun(TrainSetup setup, TrainListener listener, String program, WarmModels shared) {
    this(setup, listener, program, Optional.empty(), Optional.of(shared));
  }

  /// As above, with a way through the DiT other than what the flags ask for.
  TrainingRun(
      TrainSetup setup, TrainListener listener, String program, Optional<PassKind> passKind) {
    this(setup, listener, program, passKind, Optional.empty());
  }

  private TrainingRun(
      TrainSetup setup,
      TrainListener listener,
      String program,
      Optional<PassKind> passKind,
      Optional<WarmModels> shared) {
    this.models = shared.orElseGet(() -> own(new WarmModels()));
    this.setup = setup;
    this.tellsLate = setup.device().kind() == Device.Kind.CUDA;
    this.listener = listener;
    this.program = program;
    TrainConfig config = setup.config();
    Checkpoints.prepare(config.output().dir());
    ModelChecks.run(config.models());
    var _ = PassKind.of(config.memory(), DitConfig.read(config.models().dit()).blocks());
    this.trained = TrainedModel.of(setup);
    this.measured = ProgressSet.of(config, setup.data());
    this.optimizer =
        OptimizerChoice.parse(config.optimizer().type(), config.optimizer().args())
            .with(rounding(config.optimizer().rounding()));
    this.memory = passKind.isPresent() ? Optional.empty() : Optional.of(memoryPlan());
    this.passKind = passKind.orElseGet(() -> new PassKind.Explicit(memory.orElseThrow().mix()));
    ScheduleFlags scheduleFlags = schedule(config, setup.plan());
    this.schedule =
        optimizer.replacesSchedule() ? new LrSchedule.Constant() : scheduleFlags.create();
    this.objective = objective(setup).objective();
    this.prompts = config.samples().prompts().map(PromptFile::read);
  }

  /// Tell of every micro-batch when the next one is under way, as on a card.
  void tellLate() {
    tellsLate = true;
  }

  /// What the run will take; empty where it was given its way through the DiT.
  public Optional<MemoryPlan> memory() {
    return memory;
  }

  /// What the run will take, and how it goes through the DiT for that.
  private MemoryPlan memoryPlan() {
    MemoryPlan plan =
        new MemoryPlanning(
                setup.config(),
                setup.data(),
                trained,
                optimizer.config(),
                setup.device().kind(),
                setup.dtype(),
                Math.max(0, setup.flags().maybeInteger("vae_chunk_size").orElse(0)))
            .plan(DeviceMemory.forRun(setup.device()));
    if (!plan.fits()) {
      throw new InputException(PlanText.refusal(plan));
    }
    return plan;
  }

  /// The schedule flags in the optim room's form.
  public static ScheduleFlags schedule(TrainConfig config, RunPlan plan) {
    ScheduleConfig flags = config.schedule();
    return new ScheduleFlags(
        flags.name(),
        flags.type(),
        number(flags.warmup()),
        number(flags.decay()),
        plan.totalSteps(),
        flags.cycles(),
        flags.power(),
        flags.timescale(),
        flags.minLrRatio(),
        flags.args(),
        config.optimizer().learningRate());
  }

  private static Number number(IntOrRatio value) {
    return switch (value) {
      case IntOrRatio.Steps(int steps) -> steps;
      case IntOrRatio.Ratio(double ratio) -> ratio;
    };
  }

  /// The noise and loss flags in the objective's form.
  public static ObjectiveFlags objective(TrainSetup setup) {
    return objective(setup.flags());
  }

  /// As above, before anything else is known of the run.
  static ObjectiveFlags objective(Flags flags) {
    return new ObjectiveFlags(
        flags.text("timestep_sampling", "sigmoid"),
        flags.number("sigmoid_scale"),
        flags.number("discrete_flow_shift"),
        flags.text("weighting_scheme", "uniform"),
        flags.number("logit_mean"),
        flags.number("logit_std"),
        flags.number("mode_scale"),
        flags.text("loss_type", "l2"),
        flags.text("huber_schedule", "snr"),
        flags.number("huber_c"),
        flags.number("huber_scale"),
        flags.maybeNumber("ip_noise_gamma").orElse(0),
        flags.on("ip_noise_gamma_random_strength"),
        flags.maybeInteger("min_timestep"),
        flags.maybeInteger("max_timestep"),
        flags.on("apply_timestep_range"),
        flags.on("apply_noise_options") ? noiseOptions(flags) : NoiseOptions.NONE);
  }

  private static NoiseOptions noiseOptions(Flags flags) {
    return new NoiseOptions(
        flags.maybeNumber("noise_offset").orElse(0),
        flags.on("noise_offset_random_strength"),
        flags.maybeNumber("adaptive_noise_scale"),
        flags.maybeInteger("multires_noise_iterations").orElse(0),
        flags.number("multires_noise_discount"));
  }

  /// Trains. Returns when the last file is written.
  ///
  /// @param stopRequested asked between steps: save and end
  public void run(BooleanSupplier stopRequested) {
    memory.ifPresent(this::tellPlan);
    AllocationCount count = AllocationCount.open().map(this::own).orElse(null);
    PeakWatch watch = own(new PeakWatch());
    train(stopRequested);
    memory.ifPresent(plan -> tellOutcome(plan, count, watch));
  }

  private void tellPlan(MemoryPlan plan) {
    listener.on(new TrainEvent.Memory(PlanText.of(plan)));
    plan.notes().forEach(note -> listener.on(new TrainEvent.Note(note)));
    if (setup.device().isCpu() && plan.isTight()) {
      var _ = ProcessMemory.returnFreedMemory();
    }
  }

  private void tellOutcome(MemoryPlan plan, @Nullable AllocationCount count, PeakWatch watch) {
    if (count != null) {
      long process = setup.device().isCpu() ? watch.peak() : 0;
      listener.on(
          new TrainEvent.Memory(
              List.of(PlanText.outcome(plan, count.peak(setup.device()), process))));
    }
  }

  private void train(BooleanSupplier stopRequested) {
    Libtorch.allowTf32(setup.config().precision().allowTf32());
    notes();
    Tokenizers tokenizers =
        new Tokenizers(
            setup.config().models().qwen3(),
            setup.config().models().t5Tokenizer(),
            setup.config().cache().text() != Store.DISK); // else there may be nothing to encode
    CompletableFuture<Map<String, String>> hashes =
        CompletableFuture.supplyAsync(() -> models.describe(setup.config().models()));
    Placement placement = placement(setup.dtype());
    TrainedModel.Base base = own(TrainedModel.Base.open(setup, trained.layers()));
    TextPipeline text =
        own(
            new TextPipeline(
                new TextEncoder(
                    tokenizers,
                    setup.config().models().qwen3(),
                    base.into(Network.TEXT_ENCODER),
                    placement,
                    setup.config().models().qwen3MaxTokens(),
                    setup.config().models().t5MaxTokens(),
                    models)));
    LatentStore latents = latents();
    int hidden = hidden();
    if (setup.config().cache().text() != Store.NONE) {
      cacheText(text, hidden);
    }

    RandomStream host = own(RandomStream.cpu(setup.seed()));
    RandomStream device =
        setup.device().isCpu() ? host : own(RandomStream.on(setup.device(), setup.seed()));
    host.skip(TrainedModel.referenceWords(setup));
    List<String> notes = new ArrayList<>();
    LoraSet loras = own(trained.create(setup, host, setup.device(), notes));
    notes.forEach(note -> listener.on(new TrainEvent.Note(note)));

    AnimaDit dit = dit(placement, loras, base);
    if (DoraStart.isNeeded(loras, Network.TEXT_ENCODER)) {
      text.encoder()
          .loadThrough(
              DoraStart.measuring(loras, Network.TEXT_ENCODER, base.into(Network.TEXT_ENCODER)));
    }
    swapNote(dit).ifPresent(note -> listener.on(new TrainEvent.Note(note)));
    dit.cutText(setup.flags().on("split_attn"));
    dit.multiplyPacked(setup.config().precision().fastMatmul());
    if (passKind instanceof PassKind.Explicit) {
      listener.on(new TrainEvent.Note(ExplicitDit.attention(dit).description()));
    }
    Learner learner = own(learner(loras));
    resume(loras, learner);
    DitPasses passes =
        own(
            DitPasses.of(
                passKind, dit, List.of(new TrainedSet(loras, new StreamDraws(host, device)))));
    RunParts parts =
        new RunParts(
            trained,
            dit,
            text,
            latents,
            loras,
            passes,
            learner,
            objective,
            host,
            device,
            hidden,
            measured,
            metadata(() -> modelFiles(hashes)),
            samples(dit, loras, text, learner, hidden, stopRequested));
    new Trainer(setup, parts, listener, stopRequested, tellsLate).run();
  }

  /// Shared with other runs, unless DoRA measures its first lengths while it loads.
  private AnimaDit dit(Placement placement, LoraSet loras, TrainedModel.Base base) {
    if (DoraStart.isNeeded(loras, Network.DIT)) {
      models.releaseDit(); // two of them would not fit
      return own(
          loadDit(placement, DoraStart.measuring(loras, Network.DIT, base.into(Network.DIT))));
    }
    return models.dit(
        setup, placement, passKind.swapped(), () -> loadDit(placement, base.into(Network.DIT)));
  }

  private AnimaDit loadDit(Placement placement, WeightEdit edit) {
    return AnimaDit.load(
        setup.config().models().dit(),
        placement,
        edit,
        TrainSetup.storage(setup.config().precision()),
        passKind.swapped());
  }

  /// Puts back weights and optimizer of a saved state; the [Trainer] does the rest.
  private void resume(LoraSet loras, Learner learner) {
    RunStart start = setup.start();
    if (start.state().isPresent()) {
      Path folder = start.state().get().folder();
      LoraKeys keys = LoraKeys.of(trained.layers());
      try (LoraFile file = LoraFile.open(folder.resolve(StateFolder.WEIGHTS), keys)) {
        NetworkWeights.resume(loras, file);
      }
      start.whole().ifPresent(run -> learner.restore(run, folder.resolve(StateFolder.OPTIMIZER)));
    }
    if (start.whole().isEmpty()) {
      learner.startSchedule(start.step());
    }
  }

  private Samples samples(
      AnimaDit dit,
      LoraSet loras,
      TextPipeline text,
      Learner learner,
      int hidden,
      BooleanSupplier stopRequested) {
    if (prompts.isEmpty()) {
      return Samples.NONE;
    }
    return new TrainingSamples(
        setup.config().samples(),
        prompts.get().prompts(),
        new SampleNames(
            setup.config().output().dir(),
            setup.config().output().name(),
            Clock.system(ZoneId.systemDefault())),
        new TrainingSamples.Models(dit, loras, text, trained, learner, hidden),
        () -> vae(QwenImageVae.Half.DECODER),
        listener,
        stopRequested);
  }

  private void notes() {
    prompts.ifPresent(
        file -> file.warnings().forEach(note -> listener.on(new TrainEvent.Note(note))));
    setup.notes().forEach(note -> listener.on(new TrainEvent.Note(note)));
    trained.warnings().forEach(note -> listener.on(new TrainEvent.Note(note)));
    trained.listing().ifPresent(list -> listener.on(new TrainEvent.Note(list)));
    objective(setup).warnings().forEach(note -> listener.on(new TrainEvent.Note(note)));
    OptimizerFlags flags = setup.config().optimizer();
    Stream.concat(
            optimizer.warnings(flags.learningRate(), flags.maxGradNorm()).stream(),
            optimizer
                .checkRates(trained.groups().stream().map(ParameterGroup::learningRate).toList())
                .stream())
        .forEach(note -> listener.on(new TrainEvent.Note(note)));
  }

  private Optional<String> swapNote(AnimaDit dit) {
    if (passKind.swapped() == 0) {
      return Optional.empty();
    }
    String blocks =
        "%d of %d DiT blocks wait ".formatted(passKind.swapped(), dit.config().blocks());
    if (dit.bytesInFile() > 0) {
      return Optional.of(
          blocks
              + "in the model's file and are read ahead of their use"
              + (setup.config().network().base().isEmpty()
                  ? ""
                  : "; what --base_weights changes stays in memory"));
    }
    return Optional.of(
        dit.bytesInMainMemory() > 0
            ? blocks + "in main memory and are copied ahead of their use"
            : "--blocks_to_swap has no effect: on the CPU, weights that are not as in the model's"
                + " file (8-bit ones, or all changed by --base_weights) stay in memory");
  }

  /// Where the models of the run live.
  Placement placement(Dtype dtype) {
    return new Placement(
        setup.device(),
        dtype,
        setup.config().machine().referenceExact()
            ? RotaryPrecision.REFERENCE
            : RotaryPrecision.FLOAT32);
  }

  private QwenImageVae vae(QwenImageVae.Half half) {
    return QwenImageVae.load(setup.config().models().vae(), vaePlacement(), half, vaeChunk());
  }

  private Placement vaePlacement() {
    return placement(setup.config().precision().vaeInFp32() ? Dtype.F32 : setup.dtype());
  }

  private int vaeChunk() {
    return Math.max(0, setup.flags().maybeInteger("vae_chunk_size").orElse(0));
  }

  private LatentStore latents() {
    CacheConfig cache = setup.config().cache();
    if (cache.latents() == Store.NONE) {
      return own(
          new LiveLatents(
              vae(QwenImageVae.Half.ENCODER),
              new PixelLoader(Runtime.getRuntime().availableProcessors()),
              cache.vaeBatchSize(),
              setup.device()));
    }
    CachedLatents.Options options =
        new CachedLatents.Options(
            cache.latents() == Store.DISK, cache.vaeBatchSize(), cache.trustFiles());
    Supplier<QwenImageVae> vae =
        () -> {
          models.makeRoom(setup.device());
          return vae(QwenImageVae.Half.ENCODER);
        };
    Supplier<CachedLatents> fill =
        () -> CachedLatents.fill(images(), vae, options, setup.device(), listener);
    return options.onDisk()
        ? own(fill.get())
        : models.latents(
            images(), setup.config().models().vae(), vaePlacement(), vaeChunk(), options, fill);
  }

  /// All images of the run, training first, each once.
  private List<TrainingImage> images() {
    return Stream.concat(setup.data().training().stream(), setup.data().validation().stream())
        .flatMap(dataset -> dataset.images().stream())
        .toList();
  }

  private int hidden() {
    return Qwen3Config.read(setup.config().models().qwen3()).hidden();
  }

  private void cacheText(TextPipeline text, int hidden) {
    int batch =
        setup
            .config()
            .cache()
            .textBatchSize()
            .orElse(setup.data().training().getFirst().spec().batchSize());
    TextCaching.fill(
        images(),
        text,
        setup.config().cache(),
        batch,
        BaseModelFiles.textEncoderIdentity(setup.config().models().qwen3(), setup.dtype()),
        hidden,
        setup.dtype(),
        listener);
    List<String> lasting = new ArrayList<>();
    if (dropsCaptions()) {
      lasting.add("");
    }
    prompts.ifPresent(file -> lasting.addAll(TrainingSamples.texts(file.prompts())));
    lasting.addAll(measured.captions(true));
    text.keepForGood(lasting);
    text.encode(lasting);
    text.encoder().release();
  }

  private boolean dropsCaptions() {
    return Stream.concat(setup.data().training().stream(), setup.data().validation().stream())
        .flatMap(dataset -> dataset.spec().subsets().stream())
        .anyMatch(subset -> subset.caption().captionDropoutRate() > 0);
  }

  /// What trains `loras`; owned by the caller.
  Learner learner(LoraSet loras) {
    TrainConfig config = setup.config();
    return new Learner(
        loras,
        optimizer,
        schedule,
        config.optimizer().learningRate(),
        config.optimizer().maxGradNorm(),
        config.network().maxNorm(),
        setup.dtype() == Dtype.F16 ? Optional.of(new GradScaler()) : Optional.empty());
  }

  /// A run that trained is not lost because a file could not be hashed.
  private Map<String, String> modelFiles(Future<Map<String, String>> hashes) {
    try {
      return Waiting.on(hashes);
    } catch (InputException e) {
      listener.on(
          new TrainEvent.Note(
              "the base model is not named in the metadata of the LoRA (" + e.getMessage() + ")"));
      return Map.of();
    }
  }

  private static WeightRounding rounding(OptimizerFlags.Rounding rounding) {
    return switch (rounding) {
      case NEAREST -> WeightRounding.NEAREST;
      case STOCHASTIC -> WeightRounding.STOCHASTIC;
      case KAHAN -> WeightRounding.KAHAN;
    };
  }

  private RunMetadata metadata(Supplier<Map<String, String>> modelFiles) {
    boolean fromFile = setup.datasets().file().isPresent();
    return new RunMetadata(
        setup.flags(),
        setup.config().publish(),
        setup.plan(),
        setup.seed(),
        fromFile
            ? DatasetMetadata.ofConfig(setup.data())
            : DatasetMetadata.ofFolders(setup.data(), setup.plan().accumulation()),
        optimizer.pythonName(),
        modelFiles,
        NetworkArgsText.of(setup.config().network()),
        RandomGenerator.getDefault().nextLong(1L << 32),
        Instant.now(),
        program);
  }

  private <T extends AutoCloseable> T own(T resource) {
    owned.push(resource);
    return resource;
  }

  @Override
  public void close() {
    while (!owned.isEmpty()) {
      try {
        owned.pop().close();
      } catch (Exception e) {
        throw new IllegalStateException("closing a run failed", e);
      }
    }
  }

  Path outputDir() {
    return setup.config().output().dir();
  }
}
