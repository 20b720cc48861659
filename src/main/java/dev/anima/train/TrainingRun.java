package dev.anima.train;

import dev.anima.config.CacheConfig.Store;
import dev.anima.config.OptimizerFlags;
import dev.anima.config.TrainConfig;
import dev.anima.dataset.DatasetMetadata;
import dev.anima.dataset.TrainingImage;
import dev.anima.engine.AllocationCount;
import dev.anima.engine.Device;
import dev.anima.engine.DeviceMemory;
import dev.anima.engine.Dtype;
import dev.anima.engine.Libtorch;
import dev.anima.engine.NoGrad;
import dev.anima.engine.PeakWatch;
import dev.anima.engine.ProcessMemory;
import dev.anima.engine.RandomStream;
import dev.anima.engine.Scope;
import dev.anima.engine.Tensor;
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
import dev.anima.train.objective.Objective;
import dev.anima.train.optim.GradScaler;
import dev.anima.train.optim.OptimizerChoice;
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
import java.util.OptionalLong;
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
    if (setup.team().isFirst()) {
      Checkpoints.prepare(config.output().dir());
    }
    ModelChecks.run(config.models());
    PassKind.checkSwap(config.memory(), DitConfig.read(config.models().dit()).blocks());
    this.trained = TrainedModel.of(setup);
    this.measured = ProgressSet.of(config, setup.data());
    this.optimizer =
        OptimizerChoice.parse(config.optimizer().type(), config.optimizer().args())
            .with(RunRules.rounding(config.optimizer().rounding()));
    this.memory = passKind.isPresent() ? Optional.empty() : Optional.of(memoryPlan());
    this.passKind = passKind.orElseGet(() -> new PassKind.Explicit(memory.orElseThrow().mix()));
    ScheduleFlags scheduleFlags =
        RunRules.schedule(config, setup.plan().totalSteps() * scheduleStepsPerUpdate(setup));
    this.schedule =
        optimizer.replacesSchedule() ? new LrSchedule.Constant() : scheduleFlags.create();
    this.objective = RunRules.objective(setup.flags()).objective();
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
                RunRules.vaeChunk(setup.flags()),
                !setup.team().isAlone())
            .plan(freeMemory(setup));
    if (!plan.fits()) {
      throw new InputException(PlanText.refusal(plan));
    }
    return plan;
  }

  /// Processes on one computer share its main memory.
  private static OptionalLong freeMemory(TrainSetup setup) {
    OptionalLong free = DeviceMemory.forRun(setup.device());
    return setup.device().isCpu() ? setup.team().share(free) : free;
  }

  /// In the reference every process steps the schedule, which is made longer to fit; so a warm-up
  /// given in steps ends too early by the number of processes.
  private static int scheduleStepsPerUpdate(TrainSetup setup) {
    return setup.config().machine().referenceExact() ? setup.team().size() : 1;
  }

  /// Trains. Returns when the last file is written.
  ///
  /// @param stopRequested asked between steps: save and end
  public void run(BooleanSupplier stopRequested) {
    run(stopRequested, Requests.NONE);
  }

  /// As above.
  ///
  /// @param requests asked after every step
  public void run(BooleanSupplier stopRequested, Requests requests) {
    memory.ifPresent(this::tellPlan);
    AllocationCount count = AllocationCount.open().map(this::own).orElse(null);
    PeakWatch watch = own(new PeakWatch());
    train(stopRequested, requests);
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

  private void train(BooleanSupplier stopRequested, Requests requests) {
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
    RunLatents images = own(new RunLatents(setup, models, listener, placement));
    LatentStore latents = images.open();
    int hidden = hidden();
    if (setup.config().cache().text() != Store.NONE) {
      cacheText(text, images.images(), hidden);
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
    learner.stepScheduleBy(scheduleStepsPerUpdate(setup));
    resume(loras, learner);
    StreamDraws draws =
        setup.team().isAlone()
            ? new StreamDraws(host, device)
            : own(new TeamDraws(setup.seed(), setup.device())).streams();
    DitPasses passes = own(DitPasses.of(passKind, dit, List.of(new TrainedSet(loras, draws))));
    equalStart(loras);
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
            draws,
            hidden,
            measured,
            metadata(() -> modelFiles(hashes)),
            samples(dit, loras, text, learner, images, hidden, stopRequested));
    new Trainer(setup, parts, listener, stopRequested, requests, tellsLate).run();
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

  /// All processes of a team begin with rank 0's weights; and with the way of adding up.
  private void equalStart(LoraSet loras) {
    if (setup.team().isAlone()) {
      return;
    }
    setup.team().useCards(setup.device()).ifPresent(note -> listener.on(new TrainEvent.Note(note)));
    try (Scope _ = new Scope();
        NoGrad _ = new NoGrad()) {
      Tensor weights = loras.weights().to(Device.CPU, Dtype.F32).copy();
      if (!setup.team().isFirst()) {
        weights.zero_();
      }
      setup.team().sum_(weights);
      loras.weights().copy_(weights);
    }
  }

  private Samples samples(
      AnimaDit dit,
      LoraSet loras,
      TextPipeline text,
      Learner learner,
      RunLatents images,
      int hidden,
      BooleanSupplier stopRequested) {
    Samples own =
        setup.team().isFirst()
            ? pictures(dit, loras, text, learner, images, hidden, stopRequested)
            : Samples.NONE;
    return setup.team().isAlone() || prompts.isEmpty()
        ? own
        : new TeamSamples(own, setup.config().samples(), setup.team());
  }

  private Samples pictures(
      AnimaDit dit,
      LoraSet loras,
      TextPipeline text,
      Learner learner,
      RunLatents images,
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
        () -> images.vae(QwenImageVae.Half.DECODER),
        listener,
        stopRequested);
  }

  private void notes() {
    prompts.ifPresent(
        file -> file.warnings().forEach(note -> listener.on(new TrainEvent.Note(note))));
    setup.notes().forEach(note -> listener.on(new TrainEvent.Note(note)));
    trained.warnings().forEach(note -> listener.on(new TrainEvent.Note(note)));
    trained.listing().ifPresent(list -> listener.on(new TrainEvent.Note(list)));
    RunRules.objective(setup.flags())
        .warnings()
        .forEach(note -> listener.on(new TrainEvent.Note(note)));
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

  private int hidden() {
    return Qwen3Config.read(setup.config().models().qwen3()).hidden();
  }

  private void cacheText(TextPipeline text, List<TrainingImage> images, int hidden) {
    int batch =
        setup
            .config()
            .cache()
            .textBatchSize()
            .orElse(setup.data().training().getFirst().spec().batchSize());
    if (setup.config().cache().text() == Store.DISK && !setup.team().isAlone()) {
      // Each process encodes its part; then all files are there.
      cacheText(setup.team().part(images), text, batch, hidden);
      setup.team().meet();
      cacheText(setup.team().rest(images), text, batch, hidden);
    } else {
      cacheText(images, text, batch, hidden);
    }
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

  private void cacheText(List<TrainingImage> images, TextPipeline text, int batch, int hidden) {
    TextCaching.fill(
        images,
        text,
        setup.config().cache(),
        batch,
        BaseModelFiles.textEncoderIdentity(setup.config().models().qwen3(), setup.dtype()),
        hidden,
        setup.dtype(),
        listener);
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

  private RunMetadata metadata(Supplier<Map<String, String>> modelFiles) {
    boolean fromFile = setup.datasets().file().isPresent();
    return new RunMetadata(
        setup.flags(),
        setup.config().publish(),
        setup.plan(),
        setup.seed(),
        fromFile
            ? DatasetMetadata.ofConfig(setup.data())
            : DatasetMetadata.ofFolders(
                setup.data(), setup.plan().accumulation() * setup.team().size()),
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
