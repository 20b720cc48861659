package dev.anima.sample;

import dev.anima.engine.Dtype;
import dev.anima.engine.NoGrad;
import dev.anima.engine.RandomStream;
import dev.anima.engine.Scope;
import dev.anima.engine.Tensor;
import dev.anima.io.InputException;
import dev.anima.model.Adapters;
import dev.anima.model.Placement;
import dev.anima.model.dit.AnimaDit;
import dev.anima.model.vae.QwenImageVae;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/// One round of sample pictures: prompts in, pictures out. The VAE is loaded for the first picture
/// and closed with the round.
///
/// The random numbers are the round's own: nothing of the training's streams is drawn.
public final class SamplePictures implements AutoCloseable {
  private final AnimaDit dit;
  private final Adapters adapters;
  private final Contexts contexts;
  private final Supplier<QwenImageVae> vaeLoader;
  private @Nullable QwenImageVae vae;

  /// Hears how a round goes on, and may end it.
  public interface Listener {
    Listener NONE = new Listener() {};

    /// Called after every step of the sampler.
    ///
    /// @param step from 1 to the prompt's number of steps
    /// @return false to stop: this picture is given up
    default boolean stepDone(SamplePrompt prompt, int step) {
      return true;
    }

    /// A picture was written (whole, synced and renamed).
    default void written(SamplePrompt prompt, Path file) {}
  }

  /// The models stay the caller's.
  ///
  /// @param adapters beside the DiT's layers; for a LoRA in training the hook without dropouts (the
  ///   reference draws with them)
  /// @param vaeLoader loads at least the decoder, on the DiT's device, in any dtype; closed by this
  public SamplePictures(
      AnimaDit dit, Adapters adapters, Contexts contexts, Supplier<QwenImageVae> vaeLoader) {
    this.dit = dit;
    this.adapters = adapters;
    this.contexts = contexts;
    this.vaeLoader = vaeLoader;
  }

  /// Draws and writes `prompts` one after the other.
  ///
  /// @return the files written; fewer than prompts if the listener stopped
  /// @throws InputException if the folder cannot be made or written to
  public List<Path> write(
      List<SamplePrompt> prompts, SampleNames names, SampleNames.Moment moment, Listener listener) {
    makeFolder(names.folder());
    List<Path> files = new ArrayList<>();
    for (SamplePrompt prompt : prompts) {
      Optional<BufferedImage> picture = draw(prompt, listener);
      if (picture.isEmpty()) {
        break;
      }
      Path file = names.free(moment, prompt);
      PictureFile.write(file, picture.get(), Map.of("parameters", prompt.parameters()));
      files.add(file);
      listener.written(prompt, file);
    }
    return files;
  }

  private static void makeFolder(Path folder) {
    try {
      Files.createDirectories(folder);
    } catch (IOException e) {
      throw new InputException(
          folder + ": this folder for sample pictures cannot be made (" + e.getMessage() + ")", e);
    }
  }

  /// Draws one picture.
  ///
  /// @return empty if the listener stopped
  public Optional<BufferedImage> draw(SamplePrompt prompt, Listener listener) {
    try (Scope _ = new Scope();
        NoGrad _ = new NoGrad()) {
      Placement placement = dit.placement();
      EulerSampler sampler =
          new EulerSampler(
              velocity(prompt.prompt()),
              prompt.guided() ? velocity(prompt.negative()) : null,
              prompt.scale());
      Tensor sigmas =
          EulerSampler.sigmas(
              prompt.steps(), prompt.shift(), placement.dtype(), placement.device());
      boolean[] stopped = {false};
      Tensor latents =
          sampler.sample(
              noise(prompt),
              sigmas,
              (step, _) -> {
                stopped[0] = !listener.stepDone(prompt, step);
                return !stopped[0];
              });
      return stopped[0]
          ? Optional.empty()
          : Optional.of(DecodedPicture.image(vae().decode(latents)));
    }
  }

  private EulerSampler.Velocity velocity(String text) {
    Tensor context = contexts.of(text);
    return (latents, timesteps) -> dit.forward(latents, timesteps, context, adapters);
  }

  // (1, 16, 1, h, w): drawn on the CPU in float32, as the reference, so that a seed gives the same
  // picture on every device; 16 latent channels.
  private Tensor noise(SamplePrompt prompt) {
    try (RandomStream random = RandomStream.cpu(prompt.noiseSeed())) {
      return random
          .randn(
              Dtype.F32,
              1,
              16,
              1,
              prompt.height() / QwenImageVae.SCALE,
              prompt.width() / QwenImageVae.SCALE)
          .to(dit.placement().device(), dit.placement().dtype());
    }
  }

  private QwenImageVae vae() {
    QwenImageVae loaded = vae;
    if (loaded == null) {
      loaded = vaeLoader.get();
      vae = loaded;
    }
    return loaded;
  }

  /// Frees the VAE.
  @Override
  public void close() {
    if (vae != null) {
      vae.close();
      vae = null;
    }
  }
}
