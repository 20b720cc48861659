package dev.anima.train;

import dev.anima.config.CacheConfig.Store;
import dev.anima.config.MemoryConfig;
import dev.anima.config.Size;
import dev.anima.config.TrainConfig;
import dev.anima.dataset.Dataset;
import dev.anima.dataset.DatasetGroup;
import dev.anima.dataset.TrainingImage;
import dev.anima.engine.Device;
import dev.anima.engine.Dtype;
import dev.anima.lora.FlatLayout;
import dev.anima.lora.LoraForm;
import dev.anima.lora.LoraModule;
import dev.anima.lora.Network;
import dev.anima.model.Checkpoint;
import dev.anima.model.WeightStorage;
import dev.anima.model.block.SavePolicy;
import dev.anima.model.dit.DitConfig;
import dev.anima.model.text.Qwen3Config;
import dev.anima.sample.PromptFile;
import dev.anima.train.optim.OptimizerConfig;
import dev.anima.train.plan.Arithmetic;
import dev.anima.train.plan.DitBytes;
import dev.anima.train.plan.Limit;
import dev.anima.train.plan.LoraShape;
import dev.anima.train.plan.MemoryPlan;
import dev.anima.train.plan.ModelBytes;
import dev.anima.train.plan.OptimizerMemory;
import dev.anima.train.plan.Planner;
import dev.anima.train.plan.RunShape;
import dev.anima.train.plan.RunShape.Bucket;
import dev.anima.train.plan.RunShape.Latents;
import dev.anima.train.plan.RunShape.Picture;
import dev.anima.train.plan.RunShape.Saving;
import dev.anima.train.plan.RunShape.Texts;
import dev.anima.train.plan.StepMemory;
import dev.anima.train.plan.TextMemory;
import dev.anima.train.plan.VaeBytes;
import dev.anima.train.plan.VaeMemory;
import dev.anima.train.plan.Wishes;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.stream.Stream;

/// What the memory of a run depends on, from its flags, its images and the headers of its models.
///
/// @param trained modules
/// @param optimizer its settings
/// @param device that computes
/// @param dtype the models compute in
/// @param vaeChunk `--vae_chunk_size`, 0 for none
/// @param inTeam whether gradients are added up over several processes
public record MemoryPlanning(
    TrainConfig config,
    DatasetGroup data,
    TrainedModel trained,
    OptimizerConfig optimizer,
    Device.Kind device,
    Dtype dtype,
    int vaeChunk,
    boolean inTeam) {
  /// What the Java machine and libtorch take before the first tensor and for decoding pictures, as
  /// measured on Linux.
  private static final long PROGRAM_ON_CPU = 420_000_000;

  /// CUDA's context with the kernels, and the workspaces of cuBLAS; not measured yet.
  private static final long PROGRAM_ON_CARD = 700_000_000;

  /// Latent channels.
  private static final long LATENTS = 16;

  private static final int LATENT_PIXELS = 8;

  /// All of it.
  RunShape shape() {
    Arithmetic arithmetic = new Arithmetic(device, dtype);
    try (Checkpoint dit = Checkpoint.open(config.models().dit());
        Checkpoint qwen3 = Checkpoint.open(Qwen3Config.weightsFile(config.models().qwen3()));
        Checkpoint vae = Checkpoint.open(config.models().vae())) {
      DitConfig ditConfig = DitConfig.read(config.models().dit());
      WeightStorage storage = TrainSetup.storage(config.precision());
      return new RunShape(
          program() + (inTeam ? Float.BYTES * trainable() : 0),
          steps(ditConfig, arithmetic),
          DitBytes.of(dit, ditConfig, arithmetic, storage, !config.network().base().isEmpty()),
          storage,
          latents(vae),
          texts(qwen3, ditConfig, arithmetic),
          buckets(),
          pictures(),
          new Saving(loraCopy()),
          measured());
    }
  }

  private long program() {
    return device == Device.Kind.CPU ? PROGRAM_ON_CPU : PROGRAM_ON_CARD;
  }

  private long trainable() {
    return FlatLayout.of(trained.plan().trained(), trained.groups()).trainable();
  }

  /// Sizes of the images that progress is measured on.
  private List<Size> measured() {
    return ProgressSet.of(config, data).all().stream()
        .map(subject -> subject.batch().target())
        .distinct()
        .toList();
  }

  private StepMemory steps(DitConfig dit, Arithmetic arithmetic) {
    long trainable = trainable();
    return new StepMemory(
        dit,
        arithmetic,
        LoraShape.of(
            trained.plan().trained(), dit.blocks(), trained.dropouts(), loraDtype(), trainable),
        OptimizerMemory.of(trainable, OptimizerMemory.bytesPerParameter(optimizer), device),
        trained.trainsTextEncoder() || trained.trainsAdapter());
  }

  private Dtype loraDtype() {
    return config.precision().fullBf16() || config.precision().fullFp16() ? dtype : Dtype.F32;
  }

  private long elements() {
    return trained.plan().trained().stream().mapToLong(LoraModule::elements).sum();
  }

  private long loraCopy() {
    return config
        .output()
        .precision()
        .map(Checkpoints::dtype)
        .filter(saved -> device == Device.Kind.CPU && saved != loraDtype())
        .map(saved -> elements() * saved.bytes())
        .orElse(0L);
  }

  private Latents latents(Checkpoint file) {
    Dtype vaeDtype = config.precision().vaeInFp32() ? Dtype.F32 : dtype;
    Arithmetic arithmetic = new Arithmetic(device, vaeDtype);
    VaeBytes bytes = VaeBytes.of(file, arithmetic);
    Store store = config.cache().latents();
    long kept = 0;
    if (store == Store.MEMORY) {
      kept = images().mapToLong(image -> latentElements(image) * vaeDtype.bytes()).sum();
    }
    return new Latents(
        new VaeMemory(arithmetic, bytes.base(), vaeChunk + vaeChunk % 2),
        bytes.encoder(),
        bytes.decoder(),
        store != Store.NONE,
        config.cache().vaeBatchSize(),
        images().anyMatch(image -> image.subset().spec().augment().flipAug()),
        kept);
  }

  private Stream<TrainingImage> images() {
    return Stream.concat(data.training().stream(), data.validation().stream())
        .flatMap(dataset -> dataset.images().stream());
  }

  private static long latentElements(TrainingImage image) {
    Size bucket = image.choice().bucket();
    long places = (long) (bucket.width() / LATENT_PIXELS) * (bucket.height() / LATENT_PIXELS);
    return LATENTS * places * (image.subset().spec().augment().flipAug() ? 2 : 1);
  }

  private Texts texts(Checkpoint file, DitConfig dit, Arithmetic arithmetic) {
    Qwen3Config qwen3 = Qwen3Config.read(config.models().qwen3());
    boolean cached = config.cache().text() != Store.NONE;
    int rank =
        trained.plan().trained().stream()
            .filter(module -> module.network() == Network.TEXT_ENCODER)
            .mapToInt(LoraModule::rank)
            .max()
            .orElse(0);
    long most = config.models().t5MaxTokens();
    long longest = images().mapToLong(image -> tokens(image.found().caption())).max().orElse(most);
    return new Texts(
        Optional.of(new TextMemory(qwen3, dit.adapter(), arithmetic, rank)),
        ModelBytes.ofQwen3(file, qwen3, arithmetic),
        !cached && !trained.trainsTextEncoder(),
        trained.trainsTextEncoder(),
        Math.clamp(longest, 1, most),
        most,
        cached ? textBatch() : 0,
        keptTexts(qwen3, dit, most));
  }

  private int textBatch() {
    return config.cache().textBatchSize().orElse(data.training().getFirst().spec().batchSize());
  }

  /// States of Qwen3, for cached captions under two keys, and contexts.
  private long keptTexts(Qwen3Config qwen3, DitConfig dit, long most) {
    long channels = 2L * qwen3.hidden() + dit.context();
    return images()
            .map(image -> image.found().caption())
            .mapToLong(caption -> Math.clamp(tokens(caption), 1, most))
            .sum()
        * channels
        * dtype.bytes();
  }

  /// About the most tokens a caption has: five bytes of text make two.
  static long tokens(String caption) {
    return 2 + 2L * caption.getBytes(StandardCharsets.UTF_8).length / 5;
  }

  private List<Bucket> buckets() {
    Map<Size, Integer> batches = new LinkedHashMap<>();
    for (Dataset dataset : data.training()) {
      Map<Size, Integer> entries = new LinkedHashMap<>();
      for (TrainingImage image : dataset.images()) {
        entries.merge(image.choice().bucket(), image.repeats(), Integer::sum);
      }
      entries.forEach((size, count) ->
          batches.merge(size, Math.min(count, dataset.spec().batchSize()), Math::max));
    }
    return batches.entrySet().stream()
        .map(entry -> new Bucket(entry.getKey(), entry.getValue()))
        .toList();
  }

  private List<Picture> pictures() {
    return config.samples().prompts().stream()
        .flatMap(file -> PromptFile.read(file).prompts().stream())
        .map(prompt -> new Picture(new Size(prompt.width(), prompt.height()), prompt.guided()))
        .distinct()
        .toList();
  }

  /// The plan for the flags.
  ///
  /// @param free bytes on the device that nobody uses, and those of this process
  public MemoryPlan plan(OptionalLong free) {
    OptionalLong stated = config.memory().limit();
    Limit limit = stated.isPresent() ? Limit.stated(stated.getAsLong()) : Limit.free(free);
    MemoryPlan plan = Planner.plan(shape(), wishes(), limit);
    return isPlainLora()
        ? plan
        : plan.withNote(
            "the plan counts what LoHa, LoKr and DoRA keep as a LoRA's of their rank; they take somewhat more");
  }

  private boolean isPlainLora() {
    return trained.plan().trained().stream()
        .allMatch(module -> module.form() instanceof LoraForm.LowRank && !module.decomposed());
  }

  /// What the memory flags ask for.
  Wishes wishes() {
    MemoryConfig memory = config.memory();
    return switch (memory.checkpointing()) {
      case OFF -> new Wishes(Optional.empty(), "", memory.blocksToSwap());
      case RECOMPUTE ->
          new Wishes(
              Optional.of(SavePolicy.INPUT_ONLY),
              "--gradient_checkpointing",
              memory.blocksToSwap());
      case OFFLOAD ->
          new Wishes(
              Optional.of(SavePolicy.INPUT_ON_HOST),
              "--unsloth_offload_checkpointing",
              memory.blocksToSwap());
    };
  }
}
