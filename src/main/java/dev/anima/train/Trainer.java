package dev.anima.train;

import dev.anima.config.CacheConfig.Store;
import dev.anima.dataset.BatchFeed;
import dev.anima.dataset.BatchPlan;
import dev.anima.dataset.SamplePlan;
import dev.anima.engine.NoGrad;
import dev.anima.engine.Ops;
import dev.anima.engine.RandomStream;
import dev.anima.engine.Readback;
import dev.anima.engine.Scope;
import dev.anima.engine.Tensor;
import dev.anima.lora.LoraSet;
import dev.anima.lora.Network;
import dev.anima.lora.StreamDraws;
import dev.anima.lora.WeightNorms;
import dev.anima.model.Adapters;
import dev.anima.train.objective.LossMask;
import dev.anima.train.objective.NoisyLatents;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/// The training loop: what `spec/training.md` §12 describes, top to bottom.
final class Trainer {
  private final TrainSetup setup;
  private final RunParts parts;
  private final TrainListener listener;
  private final BooleanSupplier stopRequested;
  private final boolean tellsLate;
  private final Checkpoints checkpoints;
  private final RunStates states;
  private final Validator validator;
  private final TextsAhead texts;
  private final LossAverage average = new LossAverage();
  private final DitStep ditStep;
  private final BatchFeed feed;
  private final Adapters textAdapters;
  private final Adapters ditAdapters;
  private int step;
  private @Nullable Untold untold;
  private long lastTold = Long.MIN_VALUE;

  /// @param stopRequested asked between steps: save and end
  /// @param tellsLate tell of a micro-batch when the next one is under way
  Trainer(
      TrainSetup setup,
      RunParts parts,
      TrainListener listener,
      BooleanSupplier stopRequested,
      boolean tellsLate) {
    this.tellsLate = tellsLate;
    this.setup = setup;
    this.parts = parts;
    this.listener = listener;
    this.stopRequested = stopRequested;
    this.checkpoints = new Checkpoints(setup, parts, listener);
    StreamDraws draws = new StreamDraws(parts.host(), parts.device());
    this.textAdapters = parts.loras().training(Network.TEXT_ENCODER, draws);
    this.ditAdapters = parts.loras().training(Network.DIT, draws);
    this.ditStep = new DitStep(parts.objective(), parts.passes()::next);
    this.feed =
        new BatchFeed(
            setup.data(),
            (_, batches) -> epochOrder(parts.host(), batches),
            BatchFeed.EpochStart.REFERENCE,
            setup.caching(),
            setup.plan().totalSteps());
    this.states = new RunStates(setup, parts, listener, feed, average);
    this.step = setup.start().step();
    setup.start().whole().ifPresent(states::restore);
    this.validator = new Validator(setup, parts, feed, this::evaluationLosses);
    this.texts = new TextsAhead(setup, parts, feed, validator, listener);
  }

  /// The loader draws a base seed nobody uses with 0 workers, then the sampler's.
  static long[] epochOrder(RandomStream host, int batches) {
    host.nextLong63();
    return RandomStream.permutation(host.nextLong63(), batches);
  }

  /// Trains to the end, or until a stop is asked for.
  void run() {
    RunPlan plan = setup.plan();
    listener.on(new TrainEvent.Started(plan, step));
    if (step == 0) {
      parts.samples().atStart();
    }
    for (int epoch = setup.start().epoch(); epoch <= plan.epochs(); epoch++) {
      listener.on(new TrainEvent.EpochStarted(epoch, plan.epochs()));
      if (!epoch(epoch, beginEpoch(epoch))) {
        finish(epoch, true);
        return;
      }
      listener.on(new TrainEvent.EpochDone(epoch, average.average()));
      endOfEpoch(epoch);
    }
    finish(plan.epochs(), false);
  }

  /// Opens an epoch, the run's first one perhaps inside.
  ///
  /// @return batches of it that are not trained on now
  private int beginEpoch(int epoch) {
    RunStart start = setup.start();
    int first = epoch == start.epoch() ? start.batches() : 0;
    if (epoch > start.epoch() || !start.insideSavedEpoch()) {
      feed.beginEpoch(epoch, first);
    }
    return first;
  }

  /// Trains on the batches of one epoch from the `first`; false if a stop was asked for.
  private boolean epoch(int epoch, int first) {
    for (int index = first; step < setup.plan().totalSteps(); index++) {
      texts.beforeBatch(index, step);
      Optional<BatchPlan> batch = feed.next();
      if (batch.isEmpty()) {
        break;
      }
      feed.publish(step);
      microBatch(batch.get(), epoch, index);
      if (stopRequested.getAsBoolean() && setup.plan().isUpdate(index)) {
        tellPrevious();
        return step >= setup.plan().totalSteps();
      }
    }
    tellPrevious();
    return true;
  }

  private void microBatch(BatchPlan batch, int epoch, int index) {
    long start = System.nanoTime();
    boolean update = setup.plan().isUpdate(index);
    Readback loss = lossAndGradients(batch);
    if (!tellsLate) {
      checkFinite(loss.value(), batch, step, epoch);
    }
    if (update) {
      parts.learner().update();
    }
    Optional<WeightNorms.Pending> norms = parts.learner().limitNorms();
    tellPrevious();
    step += update ? 1 : 0;
    untold =
        new Untold(
            batch,
            epoch,
            index,
            step,
            update,
            loss,
            parts.learner().nextRates(),
            parts.learner().adaptedRates(),
            norms,
            start);
    if (update) {
      if (setup.checkpoints().savesAtStep(step)) {
        checkFinite(loss.value(), batch, step - 1, epoch);
        checkpoints.atStep(step, epoch);
      }
      afterStep(epoch);
    }
    if (!tellsLate) {
      tellPrevious();
    }
  }

  /// What may follow an optimizer step; it comes after the news of that step.
  private void afterStep(int epoch) {
    boolean validates = isTurn(setup.config().validation().everySteps());
    boolean savesState = states.isDue(step);
    if (!tellsLate
        || validates
        || savesState
        || isTurn(setup.config().samples().everySteps())
        || setup.checkpoints().savesAtStep(step)) {
      tellPrevious();
    }
    parts.samples().afterStep(step, epoch);
    if (validates) {
      validate(false, step);
    }
    if (savesState) {
      states.afterStep(step, epoch);
    }
  }

  private boolean isTurn(OptionalInt everySteps) {
    return everySteps.isPresent() && step % everySteps.getAsInt() == 0;
  }

  /// A micro-batch whose loss nobody has looked at yet. On a card the program goes on and tells of
  /// it when the next one is under way, so that the card never waits for the program. On the CPU
  /// the loss is there at once.
  ///
  /// @param step optimizer steps done with it
  /// @param update whether it ended an accumulation window
  /// @param start when it began, in the clock's nanoseconds
  private record Untold(
      BatchPlan batch,
      int epoch,
      int index,
      int step,
      boolean update,
      Readback loss,
      Map<String, Double> nextRates,
      Map<String, Double> adaptedRates,
      Optional<WeightNorms.Pending> norms,
      long start) {}

  private void tellPrevious() {
    Untold told = untold;
    untold = null;
    if (told == null) {
      return;
    }
    double loss = told.loss.value(); // the one wait for the device
    told.loss.close();
    Map<String, Double> scalars = new LinkedHashMap<>();
    told.norms.ifPresent(norms -> scalars.putAll(scalars(norms)));
    scalars.putAll(told.adaptedRates);
    checkFinite(loss, told.batch, told.update ? told.step - 1 : told.step, told.epoch);
    average.add(told.epoch, told.index, loss);
    long now = System.nanoTime();
    listener.on(
        new TrainEvent.BatchDone(
            told.step,
            told.epoch,
            told.update,
            loss,
            average.average(),
            told.nextRates,
            scalars,
            (now - Math.max(told.start, lastTold)) / 1e9));
    lastTold = now;
  }

  private void checkFinite(double loss, BatchPlan batch, int stepsBefore, int epoch) {
    if (!Double.isFinite(loss)) {
      throw new NotFinite(setup, parts)
          .loss(loss, batch, stepsBefore, epoch, checkpoints.describeLast());
    }
  }

  private static Map<String, Double> scalars(WeightNorms.Pending norms) {
    try (norms) {
      WeightNorms.Report report = norms.report();
      Map<String, Double> map = new LinkedHashMap<>();
      map.put("max_norm/keys_scaled", (double) report.scaled());
      map.put("max_norm/max_key_norm", report.max());
      map.put("norm/avg_key_norm", report.mean());
      return map;
    }
  }

  /// Forward and backward of one micro-batch; the loss as the reference logs it. Does not wait for
  /// a card.
  private Readback lossAndGradients(BatchPlan batch) {
    double factor = parts.learner().lossScale() / setup.plan().accumulation();
    try (Scope _ = new Scope()) { // activations end here
      LatentStore.Batch latents = parts.latents().of(batch);
      feed.ahead().ifPresent(parts.latents()::prefetch);
      TextPipeline.@Nullable Batch states = liveStates(batch);
      NoisyLatents noisy = noisy(latents.latents());
      DitContext context = states == null ? keptContext(batch) : context(states);
      return Readback.of(
          ditStep.lossAndGradients(noisy, context, mask(latents), sampleWeights(batch), factor));
    }
  }

  private NoisyLatents noisy(Tensor latents) {
    try (NoGrad _ = new NoGrad()) {
      return parts.objective().draw(latents, parts.device(), parts.host(), setup.dtype());
    }
  }

  private static @Nullable Tensor mask(LatentStore.Batch batch) {
    Tensor masks = batch.masks();
    return masks == null
        ? null
        : LossMask.ofAlpha(masks, batch.latents().size(-2), batch.latents().size(-1));
  }

  private Tensor sampleWeights(BatchPlan batch) {
    float[] weights = new float[batch.samples().size()];
    for (int i = 0; i < weights.length; i++) {
      weights[i] = (float) batch.samples().get(i).lossWeight();
    }
    return Ops.of(weights, weights.length).to(setup.device());
  }

  // ---- text -----------------------------------------------------------------------------------

  /// Qwen3's states where something behind the captions trains before the DiT; null where contexts
  /// are kept. The text encoder's dropouts are drawn here, before the noise.
  private TextPipeline.@Nullable Batch liveStates(BatchPlan batch) {
    if (parts.trainsTextEncoder()) {
      List<String> captions = batch.samples().stream().map(SamplePlan::caption).toList();
      boolean wholeLength = parts.loras().dropouts().element().isPresent();
      return parts.text().encodeLive(captions, wholeLength, textAdapters);
    }
    if (!parts.trainsAdapter()) {
      return null;
    }
    List<String> keys = textKeys(batch);
    parts.text().encode(keys);
    return parts.text().kept(keys, parts.hidden());
  }

  /// The LLM adapter behind live states; its dropouts are drawn after the noise, as in the DiT.
  private DitContext context(TextPipeline.Batch states) {
    boolean trimmed = !parts.trainsAdapter() || parts.loras().dropouts().element().isEmpty();
    return new DitContext(
        parts.text().context(states, parts.dit().llmAdapter(), trimmed, ditAdapters),
        states.lengths());
  }

  private DitContext keptContext(BatchPlan batch) {
    List<String> keys = textKeys(batch);
    Tensor rows = parts.text().context(keys, parts.dit().llmAdapter(), parts.hidden());
    return new DitContext(rows, parts.text().lengths(keys));
  }

  /// Captions, or with cached text the images' keys; cached captions are dropped here
  /// (`spec/dataset.md` §5.6).
  private List<String> textKeys(BatchPlan batch) {
    if (setup.config().cache().text() == Store.NONE) {
      return batch.samples().stream().map(SamplePlan::caption).toList();
    }
    List<Boolean> dropped = batch.droppedCachedCaptions(setup.data().random());
    List<String> keys = new ArrayList<>();
    for (int i = 0; i < dropped.size(); i++) {
      keys.add(dropped.get(i) ? "" : TextCaching.key(batch.samples().get(i).image()));
    }
    return keys;
  }

  // ---- validation -----------------------------------------------------------------------------

  private void validate(boolean byEpoch, int x) {
    OptionalInt batches = setup.config().validation().maxBatches();
    validator
        .loss(batches.orElse(Integer.MAX_VALUE))
        .ifPresent(loss ->
            listener.on(new TrainEvent.Validated(byEpoch, x, loss, loss - average.average())));
  }

  /// Mean losses of a batch without dropout and gradients, at `passes` drawn times.
  private double[] evaluationLosses(BatchPlan batch, int passes) {
    LoraSet loras = parts.loras();
    try (Scope _ = new Scope();
        NoGrad _ = new NoGrad()) {
      LatentStore.Batch latents = parts.latents().of(batch);
      Adapters dit = loras.evaluating(Network.DIT, 1);
      Tensor context;
      if (parts.trainsTextEncoder() || parts.trainsAdapter()) {
        TextPipeline.Batch states =
            parts.trainsTextEncoder()
                ? parts
                    .text()
                    .encodeLive(
                        batch.samples().stream().map(SamplePlan::caption).toList(),
                        false,
                        loras.evaluating(Network.TEXT_ENCODER, 1))
                : keptStates(batch);
        context = parts.text().context(states, parts.dit().llmAdapter(), true, dit);
      } else {
        context = keptContext(batch).rows();
      }
      double[] losses = new double[passes];
      for (int i = 0; i < passes; i++) {
        try (Scope _ = new Scope()) {
          NoisyLatents noisy = noisy(latents.latents());
          Tensor prediction = parts.dit().forward(noisy.noisy(), noisy.timesteps(), context, dit);
          losses[i] =
              parts.objective().loss(prediction, noisy, mask(latents), sampleWeights(batch)).item();
        }
      }
      return losses;
    }
  }

  private TextPipeline.Batch keptStates(BatchPlan batch) {
    List<String> keys = textKeys(batch);
    parts.text().encode(keys);
    return parts.text().kept(keys, parts.hidden());
  }

  // ---- ends -----------------------------------------------------------------------------------

  private void endOfEpoch(int epoch) {
    if (epoch % setup.config().validation().everyEpochs() == 0) {
      validate(true, epoch);
    }
    if (setup.checkpoints().savesAtEpoch(epoch, setup.plan().epochs())) {
      checkpoints.atEpoch(epoch, step);
    }
    parts.samples().afterEpoch(epoch, step);
    states.afterEpoch(epoch, step);
  }

  private void finish(int epoch, boolean stopped) {
    if (stopped) {
      checkpoints.atStop(step, epoch);
      states.atStop(step, epoch);
    } else {
      states.atEnd(step, epoch);
      checkpoints.atEnd(step, epoch);
      states.afterEnd();
    }
    listener.on(new TrainEvent.Finished(step, average.average(), stopped));
  }
}
