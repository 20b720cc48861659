package dev.anima.train;

import dev.anima.config.CacheConfig.Store;
import dev.anima.engine.Device;
import dev.anima.engine.Dtype;
import dev.anima.engine.NoGrad;
import dev.anima.engine.Ops;
import dev.anima.engine.RandomStream;
import dev.anima.engine.Readback;
import dev.anima.engine.Scope;
import dev.anima.engine.Tensor;
import dev.anima.lora.Network;
import dev.anima.model.Adapters;
import dev.anima.train.ProgressSet.Subject;
import dev.anima.train.progress.Schedule;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/// Losses of fixed (image, noise, noise level) triples, with the LoRA or without it.
///
/// A triple's loss is the mean squared error of the velocity in float32 (times the image's mask),
/// whatever loss the run trains with. Image `i` of `n` is measured once in each band `b` of
/// [Schedule#BANDS], at sigma `(b + (i + 0.5) / n) / BANDS`, so that the images together cover
/// every band evenly. One image at a time and nothing for a backward: less memory than a training
/// step of its bucket takes.
final class ProgressForward {
  private static final long NOISE_SEED = 20_260_402;

  private final TrainSetup setup;
  private final RunParts parts;

  ProgressForward(TrainSetup setup, RunParts parts) {
    this.setup = setup;
    this.parts = parts;
  }

  /// What is measured.
  ///
  /// @param subjects whose places in the list choose their noise
  /// @param withoutTrigger only those with a trigger word, with the captions that lack it
  /// @param firstNoise number of the first subject's noise
  record Group(List<Subject> subjects, boolean withoutTrigger, int firstNoise) {
    /// Images that count.
    int size() {
      return withoutTrigger
          ? (int) subjects.stream().filter(subject -> subject.withoutTrigger().isPresent()).count()
          : subjects.size();
    }
  }

  /// @param withLora else the base model alone
  /// @param progress told how many images are done
  /// @return for each image its loss in each band
  List<List<Double>> losses(Group group, boolean withLora, Runnable progress) {
    List<List<Readback>> pending = new ArrayList<>();
    try {
      for (int i = 0; i < group.subjects.size(); i++) {
        Subject subject = group.subjects.get(i);
        Optional<String> text =
            group.withoutTrigger ? subject.withoutTrigger() : Optional.of(key(subject));
        if (text.isPresent()) {
          List<Readback> losses = new ArrayList<>();
          pending.add(losses);
          ofImage(group, i, text.get(), withLora, losses);
          progress.run();
        }
      }
      return pending.stream().map(losses -> losses.stream().map(Readback::value).toList()).toList();
    } finally {
      pending.forEach(losses -> losses.forEach(Readback::close));
    }
  }

  /// Under what the text of an image is kept: its caption, or where texts are cached its own key.
  private String key(Subject subject) {
    return setup.config().cache().text() == Store.NONE
        ? subject.caption()
        : TextCaching.key(subject.image());
  }

  private void ofImage(
      Group group, int index, String text, boolean withLora, List<Readback> losses) {
    try (Scope _ = new Scope();
        NoGrad _ = new NoGrad()) {
      Adapters dit = withLora ? parts.loras().evaluating(Network.DIT, 1) : Adapters.NONE;
      LatentStore.Batch batch = parts.latents().of(group.subjects.get(index).batch());
      Tensor latents = batch.latents().to(Dtype.F32);
      Tensor mask = Trainer.mask(batch);
      Tensor context = context(text, withLora, dit);
      for (int band = 0; band < Schedule.BANDS; band++) {
        try (Scope _ = new Scope()) {
          Tensor noise = noise(latents, (group.firstNoise + index) * Schedule.BANDS + band);
          double sigma = (band + (index + 0.5) / group.subjects.size()) / Schedule.BANDS;
          losses.add(Readback.of(loss(latents, noise, sigma, context, mask, dit)));
        }
      }
    }
  }

  /// From a generator of its own on the CPU: training draws what it draws without measures.
  private static Tensor noise(Tensor latents, int number) {
    try (RandomStream random = RandomStream.cpu(NOISE_SEED + number)) {
      return random.randn(Dtype.F32, latents.shape()).to(latents.device());
    }
  }

  private Tensor loss(
      Tensor latents,
      Tensor noise,
      double sigma,
      Tensor context,
      @Nullable Tensor mask,
      Adapters adapters) {
    Dtype dtype = setup.dtype();
    Device device = setup.device();
    Tensor noisy = latents.mul(1 - sigma).add(noise.mul(sigma)).to(dtype);
    Tensor time = Ops.full(sigma, dtype, device, 1);
    Tensor prediction = parts.dit().forward(noisy, time, context, adapters).to(Dtype.F32);
    Tensor squares = prediction.sub(noise.sub(latents)).square();
    return (mask == null ? squares : squares.mul(mask)).mean();
  }

  private Tensor context(String text, boolean withLora, Adapters dit) {
    List<String> keys = List.of(text);
    TextPipeline pipeline = parts.text();
    if (parts.trainsTextEncoder()) {
      Adapters qwen3 = withLora ? parts.loras().evaluating(Network.TEXT_ENCODER, 1) : Adapters.NONE;
      return pipeline.context(
          pipeline.encodeLive(keys, false, qwen3), parts.dit().llmAdapter(), true, dit);
    }
    if (parts.trainsAdapter()) {
      pipeline.encode(keys);
      return pipeline.context(
          pipeline.kept(keys, parts.hidden()), parts.dit().llmAdapter(), true, dit);
    }
    return pipeline.context(keys, parts.dit().llmAdapter(), parts.hidden());
  }
}
