package dev.anima.train;

import dev.anima.Golden;
import dev.anima.config.FlagsReader;
import dev.anima.engine.Dtype;
import dev.anima.engine.Ops;
import dev.anima.engine.RandomStream;
import dev.anima.engine.Scope;
import dev.anima.engine.Tensor;
import dev.anima.io.SafetensorsFile;
import dev.anima.lora.FlatLayout;
import dev.anima.lora.LoraAdapter;
import dev.anima.lora.LoraParameter;
import dev.anima.lora.LoraSet;
import dev.anima.lora.Network;
import dev.anima.lora.StreamDraws;
import dev.anima.model.Adapters;
import dev.anima.model.Placement;
import dev.anima.model.WeightEdit;
import dev.anima.model.dit.AnimaDit;
import dev.anima.model.text.Qwen3Config;
import dev.anima.model.text.Tokenizers;
import dev.anima.model.text.Tokens;
import dev.anima.train.objective.LossMask;
import dev.anima.train.objective.NoisyLatents;
import dev.anima.train.objective.Objective;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.List;
import java.util.function.BiFunction;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/// A recorded run of `training/index.json` on the parts that a real run has, made from its flags.
/// Only latents, captions and random draws come from the recording.
final class GoldenRun implements AutoCloseable {
  /// Tokens that both tokenizers pad to in the recorded runs.
  private static final int TOKENS = 96;

  private static final Path MODELS = Golden.path("tiny");

  private final TrainSetup setup;
  private final TrainedModel trained;
  private final Objective objective;
  private final Learner learner;
  private final LoraSet loras;
  private final AnimaDit dit;
  private final TextPipeline text;
  private final int hidden;
  private final List<String> captions = new ArrayList<>();
  private final Adapters textAdapters;
  private final Adapters ditAdapters;
  private final DitPasses passes;
  private final boolean asReference;
  private final Deque<AutoCloseable> owned = new ArrayDeque<>();

  /// What one micro-batch gave; tensors in the caller's scope.
  ///
  /// @param prediction `(B, 16, h, w)`
  record Outcome(double loss, NoisyLatents noisy, Tensor prediction) {}

  /// @param run its entry in the index
  /// @param flags of the run, or of a variant that must give the same
  /// @param output an empty folder
  /// @param asReference through autograd over padded text, else the way that training goes
  GoldenRun(JsonNode run, List<String> flags, Path output, boolean asReference) {
    this.asReference = asReference;
    setup = TrainSetup.of(FlagsReader.read(words(run, flags, output), output).flags(), output);
    trained = TrainedModel.of(setup);
    TrainingRun training = own(new TrainingRun(setup, _ -> {}, "anima/test"));
    Placement placement = training.placement(setup.dtype());
    objective = RunRules.objective(setup.flags()).objective();
    RandomStream stream = own(RandomStream.cpu(0)); // first weights, all replaced by the file's
    loras = own(trained.create(setup, stream, setup.device(), new ArrayList<>()));
    learner = own(training.learner(loras));
    dit = own(AnimaDit.load(setup.config().models().dit(), placement, WeightEdit.NONE));
    hidden = Qwen3Config.read(setup.config().models().qwen3()).hidden();
    text =
        own(
            new TextPipeline(
                new TextEncoder(
                    new Tokenizers(setup.config().models().qwen3()),
                    setup.config().models().qwen3(),
                    WeightEdit.NONE,
                    placement,
                    setup.config().models().qwen3MaxTokens(),
                    setup.config().models().t5MaxTokens(),
                    null)));
    StreamDraws draws = new StreamDraws(stream, stream);
    textAdapters = loras.training(Network.TEXT_ENCODER, draws);
    ditAdapters = loras.training(Network.DIT, draws);
    passes =
        own(
            DitPasses.of(
                asReference
                    ? new PassKind.Plain()
                    : PassKind.of(setup.config().memory(), dit.config().blocks()),
                dit,
                List.of(new TrainedSet(loras, draws))));
    Golden.json("training/index.json")
        .get("text")
        .get("captions")
        .forEach(caption -> captions.add(caption.stringValue()));
    if (!trained.trainsTextEncoder()) {
      keepRecordedStates();
    }
  }

  private static List<String> words(JsonNode run, List<String> flags, Path output) {
    List<String> words = new ArrayList<>(flags);
    words.addAll(
        List.of(
            "--network_module=networks.lora_anima",
            "--pretrained_model_name_or_path=" + MODELS.resolve("dit.safetensors"),
            "--qwen3=" + MODELS.resolve("qwen3.safetensors"),
            "--vae=" + MODELS.resolve("vae.safetensors"),
            "--network_weights=" + Golden.path("training/" + run.get("lora_init").stringValue()),
            "--resolution=256",
            "--enable_bucket",
            "--train_data_dir=" + Golden.path("training/e2e/dataset"),
            "--qwen3_max_token_length=" + TOKENS,
            "--t5_max_token_length=" + TOKENS,
            "--device=cpu",
            "--output_dir=" + output));
    return words;
  }

  /// The text encoder's states as the run had them, also where its own dtype would round them.
  private void keepRecordedStates() {
    try (Scope _ = new Scope();
        SafetensorsFile file = Golden.tensors("training/text.safetensors")) {
      Tensor states = Golden.tensor(file, "prompt_embeds");
      Tensor mask = Golden.tensor(file, "attn_mask");
      Tensor t5 = Golden.tensor(file, "t5_input_ids");
      Tensor t5Mask = Golden.tensor(file, "t5_attn_mask");
      for (int i = 0; i < captions.size(); i++) {
        Tensor own = states.select(0, i).narrow(0, 0, used(mask, i)).copy();
        text.keep(
            captions.get(i), own, new Tokens(t5.select(0, i).copy().toLongs(), used(t5Mask, i)));
      }
    }
  }

  private static int used(Tensor mask, int row) {
    return (int) Arrays.stream(mask.select(0, row).copy().toLongs()).sum();
  }

  TrainSetup setup() {
    return setup;
  }

  LoraSet loras() {
    return loras;
  }

  Learner learner() {
    return learner;
  }

  /// Elements whose optimizer state has 8 bits.
  long quantisedWeights() {
    if (!setup.config().optimizer().type().equals("AdamW8bit")) {
      return 0;
    }
    return loras.layout().groups().stream()
        .flatMap(group -> group.slices().stream())
        .mapToLong(FlatLayout.Slice::length)
        .filter(length -> length >= 4096)
        .sum();
  }

  /// Forward and backward of a recorded micro-batch, in the order of [Trainer].
  ///
  /// @param prefix of the sample's tensors
  Outcome microBatch(SafetensorsFile samples, String prefix) {
    List<String> texts =
        Arrays.stream(Golden.tensor(samples, prefix + "captions").toLongs())
            .mapToObj(row -> captions.get((int) row))
            .toList();
    TextPipeline.Batch states = states(texts);
    NoisyLatents noisy = noisy(samples, prefix);
    Tensor context =
        states == null
            ? frozenContext(texts)
            : text.context(states, dit.llmAdapter(), !asReference, ditAdapters);
    List<Tensor> predictions = new ArrayList<>();
    DitStep step = new DitStep(objective, () -> recording(predictions));
    double loss =
        step.lossAndGradients(
                noisy,
                new DitContext(context, lengths(texts)),
                mask(samples, prefix, noisy),
                Golden.tensor(samples, prefix + "loss_weights"),
                learner.lossScale() / setup.plan().accumulation())
            .item();
    return new Outcome(loss, noisy, predictions.getFirst());
  }

  private Tensor frozenContext(List<String> texts) {
    return asReference
        ? text.context(text.kept(texts, hidden), dit.llmAdapter(), false, ditAdapters)
        : text.context(texts, dit.llmAdapter(), hidden);
  }

  private List<Long> lengths(List<String> texts) {
    return texts.stream().map(caption -> (long) text.encoder().t5(caption).used()).toList();
  }

  private TextPipeline.@Nullable Batch states(List<String> texts) {
    if (trained.trainsTextEncoder()) {
      return text.encodeLive(texts, false, textAdapters);
    }
    return trained.trainsAdapter() ? text.kept(texts, hidden) : null;
  }

  private NoisyLatents noisy(SafetensorsFile samples, String prefix) {
    boolean even = samples.names().contains(prefix + "uniform");
    Tensor perturbation =
        samples.names().contains(prefix + "ip_noise")
            ? Golden.tensor(samples, prefix + "ip_noise").mul(objective.ipNoise().gamma())
            : null;
    return objective.blend(
        Golden.tensor(samples, prefix + "latents"),
        Golden.tensor(samples, prefix + "noise"),
        Golden.tensor(samples, prefix + (even ? "uniform" : "normal")),
        perturbation,
        setup.dtype());
  }

  private static @Nullable Tensor mask(SafetensorsFile samples, String prefix, NoisyLatents noisy) {
    return samples.names().contains(prefix + "alpha_mask")
        ? LossMask.ofAlpha(
            Golden.tensor(samples, prefix + "alpha_mask"),
            noisy.noisy().size(-2),
            noisy.noisy().size(-1))
        : null;
  }

  /// The run's own pass, which also keeps what the DiT answered.
  private DitPass recording(List<Tensor> predictions) {
    DitPass pass = passes.next();
    return new DitPass() {
      @Override
      public Tensor forward(Tensor noisy, Tensor timesteps, DitContext context) {
        Tensor prediction = pass.forward(noisy, timesteps, context);
        predictions.add(prediction);
        return prediction;
      }

      @Override
      public @Nullable Tensor backward(Tensor gradient, boolean contextWanted) {
        return pass.backward(gradient, contextWanted);
      }
    };
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

  /// What `of` gives for every LoRA matrix, in double, end to end.
  Tensor flat(BiFunction<LoraAdapter, LoraParameter, Tensor> of) {
    List<Tensor> tensors = new ArrayList<>();
    for (LoraAdapter adapter : loras.modules()) {
      for (LoraParameter parameter : adapter.module().parameters()) {
        tensors.add(of.apply(adapter, parameter));
      }
    }
    return flat(tensors);
  }

  /// All of `tensors` in double, end to end.
  static Tensor flat(List<Tensor> tensors) {
    return Ops.cat(
        tensors.stream().map(tensor -> tensor.detach().to(Dtype.F64).flatten()).toList(), 0);
  }
}
