package dev.anima.train;

import dev.anima.config.SampleConfig;
import dev.anima.engine.NoGrad;
import dev.anima.engine.Scope;
import dev.anima.engine.Tensor;
import dev.anima.lora.LoraSet;
import dev.anima.lora.Network;
import dev.anima.model.Adapters;
import dev.anima.model.dit.AnimaDit;
import dev.anima.model.vae.QwenImageVae;
import dev.anima.sample.SampleNames;
import dev.anima.sample.SamplePictures;
import dev.anima.sample.SamplePrompt;
import java.nio.file.Path;
import java.util.List;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;
import java.util.stream.Stream;

/// `--sample_prompts`: pictures of the LoRA as it is now, without its dropouts (the reference draws
/// with them). Training's random streams are not touched.
final class TrainingSamples implements Samples {
  private final SampleConfig config;
  private final List<SamplePrompt> prompts;
  private final SampleNames names;
  private final Models models;
  private final Supplier<QwenImageVae> vae;
  private final TrainListener listener;
  private final BooleanSupplier stopRequested;

  /// What pictures are drawn with; everything stays the run's.
  record Models(
      AnimaDit dit,
      LoraSet loras,
      TextPipeline text,
      TrainedModel trained,
      Learner learner,
      int hidden) {}

  /// @param vae loads the decoder
  /// @param stopRequested ends a round of pictures early
  TrainingSamples(
      SampleConfig config,
      List<SamplePrompt> prompts,
      SampleNames names,
      Models models,
      Supplier<QwenImageVae> vae,
      TrainListener listener,
      BooleanSupplier stopRequested) {
    this.config = config;
    this.prompts = prompts;
    this.names = names;
    this.models = models;
    this.vae = vae;
    this.listener = listener;
    this.stopRequested = stopRequested;
  }

  /// Every text that pictures of `prompts` need.
  static List<String> texts(List<SamplePrompt> prompts) {
    return prompts.stream()
        .flatMap(prompt -> Stream.of(prompt.prompt(), prompt.negative()))
        .distinct()
        .toList();
  }

  @Override
  public List<String> texts() {
    return texts(prompts);
  }

  @Override
  public void atStart() {
    if (config.atFirst()) {
      draw(new SampleNames.Moment.AfterEpoch(0), 0);
    }
  }

  @Override
  public void afterStep(int step, int epoch) {
    if (config.everySteps().isPresent() && step % config.everySteps().getAsInt() == 0) {
      draw(new SampleNames.Moment.AfterStep(step), step);
    }
  }

  @Override
  public void afterEpoch(int epoch, int step) {
    if (config.everyEpochs().isPresent() && epoch % config.everyEpochs().getAsInt() == 0) {
      draw(new SampleNames.Moment.AfterEpoch(epoch), step);
    }
  }

  @Override
  public boolean onRequest(int step) {
    draw(new SampleNames.Moment.AfterStep(step), step);
    return true;
  }

  private void draw(SampleNames.Moment moment, int step) {
    models.learner().optimizer().eval();
    Adapters adapters = models.loras().evaluating(Network.DIT, 1);
    try (SamplePictures pictures =
        new SamplePictures(models.dit(), adapters, prompt -> context(prompt, adapters), vae)) {
      pictures.write(
          prompts,
          names,
          moment,
          new SamplePictures.Listener() {
            @Override
            public boolean stepDone(SamplePrompt prompt, int samplerStep) {
              return !stopRequested.getAsBoolean();
            }

            @Override
            public void written(SamplePrompt prompt, Path file) {
              listener.on(new TrainEvent.SampleDrawn(file, step, prompt.number()));
            }
          });
    } finally {
      models.learner().optimizer().train();
    }
  }

  private Tensor context(String prompt, Adapters ditAdapters) {
    return Scope.keep(() -> {
      try (NoGrad _ = new NoGrad()) {
        TextPipeline text = models.text();
        List<String> one = List.of(prompt);
        if (models.trained().trainsTextEncoder()) {
          Adapters adapters = models.loras().evaluating(Network.TEXT_ENCODER, 1);
          TextPipeline.Batch states = text.encodeLive(one, false, adapters);
          return text.context(states, models.dit().llmAdapter(), true, ditAdapters);
        }
        if (models.trained().trainsAdapter()) {
          text.encode(one);
          TextPipeline.Batch states = text.kept(one, models.hidden());
          return text.context(states, models.dit().llmAdapter(), true, ditAdapters);
        }
        return text.context(one, models.dit().llmAdapter(), models.hidden());
      }
    });
  }
}
