package dev.anima.train;

import dev.anima.config.CacheConfig.Store;
import dev.anima.dataset.BatchFeed;
import dev.anima.dataset.BatchPlan;
import dev.anima.dataset.PythonRandom;
import dev.anima.engine.Device;
import dev.anima.engine.Dtype;
import dev.anima.engine.NoGrad;
import dev.anima.engine.Ops;
import dev.anima.engine.RandomStream;
import dev.anima.engine.Scope;
import dev.anima.engine.Tensor;
import dev.anima.lora.LoraSet;
import dev.anima.train.objective.Objective;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// Goes through a run without training, to tell the captions it will see: the run's own data feed,
/// fed from the run's own random streams, which are drawn from as training would.
public final class CaptionRehearsal {
  private static final int LATENT_CHANNELS = 16;
  private static final int PIXELS_PER_LATENT = 8;

  private final TrainSetup setup;
  private final TrainedModel trained;
  private final Objective objective;

  /// A micro-batch as it would be trained on.
  ///
  /// @param epoch counted from 1
  /// @param index of the batch in its epoch, from 0
  /// @param step optimizer steps done before it
  /// @param captions what the text encoders get, one per sample; a dropped caption is empty
  public record Seen(int epoch, int index, int step, BatchPlan batch, List<String> captions) {
    public Seen {
      captions = List.copyOf(captions);
    }
  }

  /// Told of every micro-batch.
  @FunctionalInterface
  public interface Watcher {
    void on(Seen seen);
  }

  public CaptionRehearsal(TrainSetup setup) {
    this.setup = setup;
    this.trained = TrainedModel.of(setup);
    this.objective = RunRules.objective(setup.flags()).objective();
  }

  /// Why the order of batches cannot be foretold after the first epoch; empty if it can.
  public Optional<String> doubt() {
    boolean module = trained.dropouts().module().isPresent();
    boolean shared =
        setup.device().isCpu()
            && (trained.dropouts().element().isPresent() || trained.dropouts().rank().isPresent());
    return module || shared
        ? Optional.of(
            "with dropout in the network, training draws numbers that only training can count:"
                + " after the first epoch the order of batches, and so the captions, may differ")
        : Optional.empty();
  }

  /// Goes through a new run up to the end of an epoch.
  ///
  /// @param lastEpoch no further than the run's own last one
  /// @return where the feed stands then, as a saved state of the run would have it
  public BatchFeed.Position run(int lastEpoch, Watcher watcher) {
    try (RandomStream host = RandomStream.cpu(setup.seed());
        RandomStream device = RandomStream.cpu(setup.seed())) {
      host.skip(TrainedModel.referenceWords(setup));
      try (LoraSet _ = trained.create(setup, host, Device.CPU, new ArrayList<>())) {
        // only for the numbers it draws
      }
      return new Pass(host, setup.device().isCpu() ? host : device, watcher).run(lastEpoch);
    }
  }

  private final class Pass {
    private final RandomStream host;
    private final RandomStream device;
    private final Watcher watcher;
    private final BatchFeed feed;
    private int step;

    Pass(RandomStream host, RandomStream device, Watcher watcher) {
      this.host = host;
      this.device = device;
      this.watcher = watcher;
      this.feed =
          new BatchFeed(
              setup.data(),
              (_, batches) -> Trainer.epochOrder(host, batches),
              BatchFeed.EpochStart.REFERENCE,
              setup.caching(),
              setup.plan().totalSteps());
    }

    BatchFeed.Position run(int lastEpoch) {
      RunPlan plan = setup.plan();
      for (int epoch = 1; epoch <= Math.min(lastEpoch, plan.epochs()); epoch++) {
        feed.beginEpoch(epoch, 0);
        for (int index = 0; step < plan.totalSteps(); index++) {
          Optional<BatchPlan> batch = feed.next();
          if (batch.isEmpty()) {
            break;
          }
          feed.publish(step);
          batch(batch.get(), epoch, index);
        }
        if (epoch % setup.config().validation().everyEpochs() == 0) {
          validate();
        }
      }
      return feed.position();
    }

    private void batch(BatchPlan batch, int epoch, int index) {
      List<String> captions = captions(batch);
      drawNoise(batch);
      watcher.on(new Seen(epoch, index, step, batch, captions));
      if (setup.plan().isUpdate(index)) {
        step++;
        setup
            .config()
            .validation()
            .everySteps()
            .ifPresent(every -> {
              if (step % every == 0) {
                validate();
              }
            });
      }
    }

    private List<String> captions(BatchPlan batch) {
      List<String> captions = new ArrayList<>();
      boolean cached = setup.config().cache().text() != Store.NONE;
      List<Boolean> dropped =
          cached ? batch.droppedCachedCaptions(setup.data().random()) : List.of();
      for (int i = 0; i < batch.samples().size(); i++) {
        boolean empty = cached && dropped.get(i);
        captions.add(empty ? "" : batch.samples().get(i).caption());
      }
      return captions;
    }

    /// What the objective draws for a batch, on latents of its size.
    private void drawNoise(BatchPlan batch) {
      try (Scope _ = new Scope();
          NoGrad _ = new NoGrad()) {
        Tensor latents =
            Ops.zeros(
                latentDtype(),
                Device.CPU,
                batch.samples().size(),
                LATENT_CHANNELS,
                batch.target().height() / PIXELS_PER_LATENT,
                batch.target().width() / PIXELS_PER_LATENT);
        var _ = objective.draw(latents, device, host, setup.dtype());
      }
    }

    /// As the VAE gives latents; files hold float32.
    private Dtype latentDtype() {
      boolean full =
          setup.config().cache().latents() == Store.DISK || setup.config().precision().vaeInFp32();
      return full ? Dtype.F32 : setup.dtype();
    }

    /// Validation has streams of its own, but the datasets hear of epoch and step meanwhile.
    private void validate() {
      if (setup.data().validation().isEmpty()) {
        return;
      }
      PythonRandom random = setup.data().random();
      PythonRandom.State before = random.state();
      random.seed(setup.config().validation().seed().orElse(setup.seed()));
      int most = setup.config().validation().maxBatches().orElse(Integer.MAX_VALUE);
      BatchFeed.Validation batches = feed.validation();
      Optional<BatchPlan> batch = batches.next();
      for (int i = 0; i < most && batch.isPresent(); i++) {
        batch = batches.next();
      }
      random.restore(before);
    }
  }
}
