package dev.anima.dataset;

import dev.anima.config.Size;
import dev.anima.io.ImageFile;
import dev.anima.io.InputException;
import dev.anima.io.Interpolation;
import dev.anima.io.Pixels;
import dev.anima.io.Resampler;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/// Carries out [SamplePlan]s: decode, resize, crop, colour, flip. Draws no random numbers, so it
/// may run on any number of threads without changing a result.
public final class PixelLoader implements AutoCloseable {
  private static final int ALPHA = 3;

  private final ExecutorService threads;

  /// @param threadCount images decoded at the same time, at least 1
  public PixelLoader(int threadCount) {
    threads =
        Executors.newFixedThreadPool(
            threadCount, Thread.ofPlatform().daemon().name("image-", 0).factory());
  }

  /// Begins to load a batch in the background.
  public Loading start(BatchPlan plan) {
    List<Future<SamplePixels>> samples = new ArrayList<>();
    for (SamplePlan sample : plan.samples()) {
      samples.add(threads.submit((Callable<SamplePixels>) () -> load(sample)));
    }
    return new Loading(plan, samples);
  }

  /// A batch on its way.
  public record Loading(BatchPlan plan, List<Future<SamplePixels>> samples) {
    /// Waits for the pixels.
    ///
    /// @throws InputException if an image cannot be read
    public BatchPixels await() {
      List<SamplePixels> loaded = new ArrayList<>();
      for (Future<SamplePixels> sample : samples) {
        loaded.add(PixelLoader.await(sample));
      }
      return BatchPixels.of(plan.target(), loaded);
    }
  }

  private static <T> T await(Future<T> future) {
    try {
      return future.get();
    } catch (ExecutionException e) {
      if (e.getCause() instanceof InputException problem) {
        throw new InputException(String.valueOf(problem.getMessage()), e);
      }
      throw new IllegalStateException("loading an image failed", e.getCause());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted while loading images", e);
    }
  }

  /// The pixels and the mask of one sample.
  ///
  /// @throws InputException if the image or its mask cannot be read
  public static SamplePixels load(SamplePlan plan) {
    TrainingImage image = plan.image();
    boolean withAlpha = image.subset().spec().alphaMask();
    Pixels window = window(decode(image, withAlpha), plan.framing(), image.interpolation());
    if (!(plan.colour() instanceof ColourChange.None)) {
      // The window may be the decoded image itself, which nobody else uses.
      ColourAugmentation.apply(plan.colour(), window.data(), window.width(), window.channels());
    }
    Pixels turned = plan.flipped() ? window.mirrored() : window;
    float[] mask = withAlpha ? SamplePixels.plane(turned, ALPHA) : maskFile(plan).orElse(null);
    return new SamplePixels(plan.target(), SamplePixels.planes(turned), mask);
  }

  /// What is cached of an image: the middle of it, as it is. The mirrored latents come from
  /// [SamplePixels#mirrored].
  ///
  /// @throws InputException if the image or its mask cannot be read
  public static SamplePixels loadForCache(TrainingImage image) {
    return load(
        new SamplePlan(
            image, Framing.centred(image.choice()), new ColourChange.None(), false, "", 1));
  }

  /// The mask of a sample from its mask image (masked style), framed and flipped like the image;
  /// empty in the other styles. With cached latents this is all that is left to load.
  ///
  /// The reference stretches the mask to the bucket instead, so that it is displaced wherever the
  /// image is cropped.
  public static Optional<float[]> maskFile(SamplePlan plan) {
    TrainingImage image = plan.image();
    Path file = image.found().mask();
    if (file == null) {
      return Optional.empty();
    }
    Pixels mask = ImageFile.load(file);
    Size size = new Size(mask.width(), mask.height());
    if (!size.equals(image.found().size())) {
      throw InputException.inFile(
          file, "the mask is " + size + " but its image is " + image.found().size());
    }
    Pixels window = window(mask, plan.framing(), image.interpolation());
    return Optional.of(SamplePixels.plane(plan.flipped() ? window.mirrored() : window, 0));
  }

  private static Pixels decode(TrainingImage image, boolean withAlpha) {
    Path file = image.found().file();
    return withAlpha ? ImageFile.loadWithAlpha(file) : ImageFile.load(file);
  }

  /// Resizes a whole image and cuts the window out; an image of the right size is not resampled.
  static Pixels window(Pixels image, Framing framing, Optional<Interpolation> interpolation) {
    int width = framing.resized().width();
    int height = framing.resized().height();
    Pixels resized =
        interpolation.isPresent()
            ? Resampler.resize(image, width, height, interpolation.get())
            : Resampler.resize(image, width, height);
    return framing.resized().equals(framing.target())
        ? resized
        : resized.crop(
            framing.left(), framing.top(), framing.target().width(), framing.target().height());
  }

  /// Stops the threads; batches on their way are dropped.
  @Override
  public void close() {
    threads.shutdownNow();
  }
}
