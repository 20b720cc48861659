package dev.anima.train;

import dev.anima.config.CacheConfig;
import dev.anima.dataset.CaptionProcessor;
import dev.anima.dataset.TextCache;
import dev.anima.dataset.TrainingImage;
import dev.anima.engine.Device;
import dev.anima.engine.Dtype;
import dev.anima.engine.Ops;
import dev.anima.engine.Scope;
import dev.anima.engine.Tensor;
import dev.anima.io.InputException;
import dev.anima.io.NpyArray;
import dev.anima.io.RunFailedException;
import dev.anima.model.text.Tokens;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/// `--cache_text_encoder_outputs`: the captions of all images through Qwen3 once, kept in memory
/// and on request in the reference's cache files.
final class TextCaching {
  private TextCaching() {}

  /// Under which key the text of `image` is kept: its own, since a cache file may hold another text
  /// than the caption now beside the image.
  static String key(TrainingImage image) {
    return "image\u0000" + image.key();
  }

  /// Encodes or reads the captions of all images.
  ///
  /// @param encoder what identifies the text encoder, for the files' source hash
  /// @param hidden width of the states
  static void fill(
      List<TrainingImage> images,
      TextPipeline text,
      CacheConfig cache,
      int batchSize,
      String encoder,
      int hidden,
      Dtype dtype,
      TrainListener listener) {
    String phase = "caching captions";
    listener.on(new TrainEvent.PhaseStarted(phase, images.size(), "images"));
    boolean disk = cache.text() == CacheConfig.Store.DISK;
    List<TrainingImage> missing = new ArrayList<>();
    for (TrainingImage image : images) {
      if (disk && TextCache.isValid(image, source(image, encoder, text), cache.trustFiles())) {
        text.keepLater(key(image), () -> read(image, text)); // thousands of files take a while
      } else {
        missing.add(image);
      }
    }
    int done = images.size() - missing.size();
    boolean writable = true;
    for (int i = 0; i < missing.size(); i += batchSize) {
      List<TrainingImage> batch = missing.subList(i, Math.min(missing.size(), i + batchSize));
      List<String> captions = batch.stream().map(TextCaching::caption).toList();
      text.encode(captions);
      for (TrainingImage image : batch) {
        try (Scope _ = new Scope()) {
          TextEncoder.Encoded encoded = text.require(caption(image));
          text.keep(key(image), encoded.states().copy(), encoded.t5());
          if (disk && writable) {
            writable = written(() -> write(image, encoded, text, encoder, hidden, dtype), listener);
          }
        }
      }
      text.forget(captions); // kept under the images' keys
      done += batch.size();
      listener.on(new TrainEvent.PhaseProgress(phase, done, images.size()));
    }
  }

  /// They are in memory in any case, so a folder that cannot be written to does not end the run.
  private static boolean written(Runnable write, TrainListener listener) {
    try {
      write.run();
      return true;
    } catch (InputException | RunFailedException e) {
      listener.on(
          new TrainEvent.Note(
              "no more text outputs are written to disk; the next run encodes these captions again: "
                  + e.getMessage()));
      return false;
    }
  }

  private static String caption(TrainingImage image) {
    return CaptionProcessor.forCache(image.found().caption(), image.subset().spec().caption());
  }

  private static TextCache.Source source(TrainingImage image, String encoder, TextPipeline text) {
    return new TextCache.Source(
        caption(image), encoder, text.encoder().qwen3Length(), text.encoder().t5Length());
  }

  private static TextEncoder.Encoded read(TrainingImage image, TextPipeline text) {
    TextCache.Entry entry = TextCache.read(image);
    int used = (int) Arrays.stream(entry.attentionMask().longs()).sum();
    long[] ids = entry.t5Ids().longs();
    int t5Used = (int) Arrays.stream(entry.t5Mask().longs()).sum();
    int hidden = entry.promptEmbeds().shape().getLast();
    try (Scope _ = new Scope()) {
      Tensor states =
          Ops.of(entry.promptEmbeds().floats(), entry.promptEmbeds().shape().getFirst(), hidden)
              .narrow(0, 0, used)
              .copy();
      return new TextEncoder.Encoded(
          states.retain(), new Tokens(Arrays.copyOf(ids, text.encoder().t5Length()), t5Used));
    }
  }

  private static void write(
      TrainingImage image,
      TextEncoder.Encoded encoded,
      TextPipeline text,
      String encoder,
      int hidden,
      Dtype dtype) {
    int used = Math.toIntExact(encoded.states().size(0));
    float[] states = text.paddedStates(caption(image), hidden).to(Device.CPU).toFloats();
    long[] mask = new long[text.encoder().qwen3Length()];
    Arrays.fill(mask, 0, used, 1);
    int[] ids = Arrays.stream(encoded.t5().ids()).mapToInt(Math::toIntExact).toArray();
    int[] t5Mask = Arrays.stream(encoded.t5().mask()).mapToInt(Math::toIntExact).toArray();
    NpyArray embeds =
        dtype == Dtype.F16
            ? NpyArray.ofFloatsAsHalf(states, text.encoder().qwen3Length(), hidden)
            : NpyArray.ofFloats(states, text.encoder().qwen3Length(), hidden);
    TextCache.write(
        image,
        new TextCache.Entry(
            embeds,
            NpyArray.ofLongs(mask, mask.length),
            NpyArray.ofInts(ids, ids.length),
            NpyArray.ofInts(t5Mask, t5Mask.length),
            (float) image.subset().spec().caption().captionDropoutRate()),
        source(image, encoder, text));
  }
}
