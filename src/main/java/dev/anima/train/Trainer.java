package dev.anima.train;

import dev.anima.config.CacheConfig.Store;
import dev.anima.dataset.BatchFeed;
import dev.anima.dataset.BatchPlan;
import dev.anima.dataset.SamplePlan;
import dev.anima.engine.NoGrad;
import dev.anima.engine.Ops;
import dev.anima.engine.PeerLost;
import dev.anima.engine.RandomStream;
import dev.anima.engine.Scope;
import dev.anima.engine.Tensor;
import dev.anima.io.InputException;
import dev.anima.io.RunFailedException;
import dev.anima.lora.LoraSet;
import dev.anima.lora.Network;
import dev.anima.lora.WeightNorms;
import dev.anima.model.Adapters;
import dev.anima.train.objective.LossMask;
import dev.anima.train.objective.NoisyLatents;
import dev.anima.train.objective.TimestepSampling;
import dev.anima.train.team.Loss;
import dev.anima.train.team.Team;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/// The training loop: what `spec/training.md` §12 describes, top to bottom.
///
/// In a team, a round of as many batches as there are processes is shared: each computes its own
/// batch and draws the noise and times of the others' too. So the round has the numbers that one
/// process would draw for it, one batch after the other.
final class Trainer {
  private static final long LATENT_CHANNELS = 16;
  private static final int LATENT_PIXELS = 8;

  private final TrainSetup setup;
  private final RunParts parts;
  private final TrainListener listener;
  private final BooleanSupplier stopRequested;
  private final Requests requests;
  private final boolean tellsLate;
  private final Progress progress;
  private final Checkpoints checkpoints;
  private final RunStates states;
  private final Validator validator;
  private final TextsAhead texts;
  private final LossAverage average = new LossAverage();
  private final DitStep ditStep;
  private final BatchFeed feed;
  private final Adapters textAdapters;
  private final Adapters ditAdapters;
  private final Team team;
  private final @Nullable TeamStep teamStep;
  private final Rescue rescue;
  private final List<MicroLoss> window = new ArrayList<>();
  private final Deque<Untold> untold = new ArrayDeque<>();
  private boolean stopAgreed;
  private TeamStep.@Nullable Agreement agreement;
  private int step;
  private long lastTold = Long.MIN_VALUE;

  /// @param stopRequested asked between steps: save and end
  /// @param requests asked after every step
  /// @param tellsLate tell of a micro-batch when the next one is under way
  Trainer(
      TrainSetup setup,
      RunParts parts,
      TrainListener listener,
      BooleanSupplier stopRequested,
      Requests requests,
      boolean tellsLate) {
    this.requests = requests;
    this.tellsLate = tellsLate;
    this.setup = setup;
    this.parts = parts;
    this.listener = listener;
    this.stopRequested = stopRequested;
    this.progress = new Progress(setup, parts, listener);
    this.checkpoints =
        new Checkpoints(
            setup, parts, TrainListener.all(List.of(listener, progress)), progress::beforeRemoval);
    this.team = setup.team();
    this.teamStep =
        team.isAlone()
            ? null
            : new TeamStep(team, parts.loras(), setup.plan().accumulation(), setup.device());
    this.textAdapters = parts.loras().training(Network.TEXT_ENCODER, parts.draws());
    this.ditAdapters = parts.loras().training(Network.DIT, parts.draws());
    this.ditStep = new DitStep(parts.objective(), parts.passes()::next);
    this.feed =
        new BatchFeed(
            setup.data(),
            (_, batches) -> epochOrder(parts.host(), batches),
            BatchFeed.EpochStart.REFERENCE,
            setup.caching(),
            setup.plan().totalSteps(),
            team.size());
    this.states = new RunStates(setup, parts, listener, feed, average, progress::state);
    this.rescue = new Rescue(team, states);
    this.step = setup.start().step();
    setup.start().whole().ifPresent(states::restore);
    this.validator = new Validator(setup, parts, feed, this::evaluationLosses);
    this.texts = new TextsAhead(setup, parts, feed, validator, progress.captions(), listener);
  }

  /// The loader draws a base seed nobody uses with 0 workers, then the sampler's.
  static long[] epochOrder(RandomStream host, int batches) {
    host.nextLong63();
    return RandomStream.permutation(host.nextLong63(), batches);
  }

  /// Trains to the end, or until a stop is asked for.
  void run() {
    try {
      train();
    } catch (PeerLost e) {
      throw rescue.after(e, step);
    } catch (InputException e) {
      throw team.isAlone() ? e : rescue.withoutThis(e, step);
    } finally {
      if (teamStep != null) {
        teamStep.close();
      }
    }
  }

  private void train() {
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
      if (progress.endsRun()) {
        finish(epoch, false);
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
      feed.beginEpoch(epoch, first * team.size());
    }
    rescue.standsAt(step, epoch);
    return first;
  }

  /// Trains on the batches of one epoch from the `first`; false if a stop was asked for.
  private boolean epoch(int epoch, int first) {
    for (int index = first; step < setup.plan().totalSteps() && !progress.endsRun(); index++) {
      Computed computed = round(epoch, index);
      if (computed == null) {
        break;
      }
      microBatch(computed, epoch, index);
      if (setup.plan().isUpdate(index) && stops()) {
        tellPrevious();
        return step >= setup.plan().totalSteps();
      }
    }
    tellPrevious();
    return true;
  }

  /// A batch whose gradients are there.
  private record Computed(BatchPlan batch, StepLosses loss, long start) {}

  /// Computes this process's batch of the next round; null at the end of the epoch.
  private @Nullable Computed round(int epoch, int index) {
    Computed own = null;
    for (int i = 0; i < team.size(); i++) {
      if (i == team.rank()) {
        textsBefore(index, epoch);
      }
      Optional<BatchPlan> batch = feed.next();
      if (batch.isEmpty()) {
        return null;
      }
      feed.publish(step);
      if (i == team.rank()) {
        long start = System.nanoTime();
        beginDraws(epoch, index);
        own = new Computed(batch.get(), lossAndGradients(batch.get(), epoch, index), start);
      } else {
        passOver(batch.get());
      }
    }
    return own;
  }

  private void beginDraws(int epoch, int index) {
    if (teamStep != null) {
      long place = (long) index * team.size() + team.rank();
      TeamDraws.begin(parts.draws(), setup.seed(), epoch, place);
    }
  }

  /// Draws what another process's batch takes, to stand where it will stand.
  private void passOver(BatchPlan batch) {
    if (setup.config().cache().text() != Store.NONE) {
      var _ = batch.droppedCachedCaptions(setup.data().random());
    }
    if (setup.config().machine().referenceExact()) {
      return; // the reference's processes all draw the same noise
    }
    try (Scope _ = new Scope()) {
      var _ =
          noisy(
              Ops.zeros(
                  parts.latents().dtype(),
                  setup.device(),
                  batch.samples().size(),
                  LATENT_CHANNELS,
                  batch.target().height() / LATENT_PIXELS,
                  batch.target().width() / LATENT_PIXELS),
              null);
    }
  }

  /// Whether to save and end. In a team all end after the same step: when all know that one of them
  /// was asked, which with late news is a step later.
  private boolean stops() {
    return teamStep == null ? stopRequested.getAsBoolean() : stopAgreed;
  }

  /// Adds the gradients up over the team; what the others say of the window is known afterwards.
  private void exchange(TeamStep with, int epoch) {
    TeamStep.Agreement before = agreement;
    TeamStep.Agreement now = with.exchange(stopRequested.getAsBoolean());
    agreement = now;
    for (int i = 0; i < window.size(); i++) {
      window.get(i).agree(now, i);
    }
    if (tellsLate) {
      stopAgreed = before != null && before.get().stops();
    } else {
      stopAgreed = now.get().stops();
      window.forEach(loss -> checkFinite(loss, step, epoch));
    }
    window.clear();
  }

  private void textsBefore(int index, int epoch) {
    try {
      texts.beforeBatch(index, step);
    } catch (InputException e) {
      tellPrevious();
      throw brokenOff().before(e, step, epoch, isBetweenSteps(index), false);
    }
  }

  /// Whether no gradients wait for a step before micro-batch `index` of an epoch.
  private boolean isBetweenSteps(int index) {
    return index == 0 || setup.plan().isUpdate(index - 1);
  }

  private BrokenOff brokenOff() {
    return new BrokenOff(setup, checkpoints, states);
  }

  private void microBatch(Computed computed, int epoch, int index) {
    BatchPlan batch = computed.batch();
    boolean update = setup.plan().isUpdate(index);
    MicroLoss loss = new MicroLoss(computed.loss(), batch, teamStep != null);
    if (teamStep != null) {
      window.add(loss);
      if (update) {
        exchange(teamStep, epoch);
      }
    } else if (!tellsLate) {
      checkFinite(loss, step, epoch);
    }
    if (update) {
      parts.learner().update();
    }
    Optional<WeightNorms.Pending> norms = parts.learner().limitNorms();
    tellPrevious();
    step += update ? 1 : 0;
    untold.add(
        new Untold(
            epoch,
            index,
            step,
            update,
            loss,
            parts.learner().nextRates(),
            parts.learner().adaptedRates(),
            norms,
            computed.start()));
    if (update) {
      if (setup.checkpoints().savesAtStep(step)) {
        checkFinite(loss, step - 1, epoch);
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
    boolean measures = progress.isDue(step);
    if (!tellsLate
        || validates
        || measures
        || savesState
        || isTurn(setup.config().samples().everySteps())
        || setup.checkpoints().savesAtStep(step)) {
      tellPrevious();
    }
    rescue.standsAt(step, epoch);
    parts.samples().afterStep(step, epoch);
    if (validates) {
      validate(false, step);
    }
    if (measures) {
      progress.measure(step, epoch);
    }
    if (savesState) {
      states.afterStep(step, epoch);
    }
    for (Requests.Kind request : requests.take()) {
      tellPrevious();
      serve(request, epoch);
    }
  }

  /// What somebody asked for while the step was under way.
  private void serve(Requests.Kind request, int epoch) {
    switch (request) {
      case SAMPLE -> {
        if (!parts.samples().onRequest(step)) {
          listener.on(
              new TrainEvent.Note(
                  "pictures were asked for, but there is nothing to draw: this run was started without --sample_prompts"));
        }
      }
      case SAVE -> {
        checkpoints.onRequest(step, epoch);
        states.onRequest(step, epoch);
      }
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
      int epoch,
      int index,
      int step,
      boolean update,
      MicroLoss loss,
      Map<String, Double> nextRates,
      Map<String, Double> adaptedRates,
      Optional<WeightNorms.Pending> norms,
      long start) {}

  private void tellPrevious() {
    while (!untold.isEmpty() && untold.peek().loss.isKnown()) {
      tell(untold.remove());
    }
  }

  private void tell(Untold told) {
    double loss = told.loss.value(); // the one wait for the device
    Map<String, Double> scalars = new LinkedHashMap<>();
    told.norms.ifPresent(norms -> scalars.putAll(scalars(norms)));
    scalars.putAll(told.adaptedRates);
    checkFinite(told.loss, told.update ? told.step - 1 : told.step, told.epoch);
    progress.trained(told.loss.batch(), told.loss.losses());
    told.loss.close();
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

  private void checkFinite(MicroLoss loss, int stepsBefore, int epoch) {
    if (Double.isFinite(loss.value())) {
      return;
    }
    RunFailedException own =
        new NotFinite(setup, parts)
            .loss(loss.own(), loss.batch(), stepsBefore, epoch, checkpoints.describeLast());
    if (!Double.isFinite(loss.own())) {
      team.fail(String.valueOf(own.getMessage()));
    }
    throw team.isAlone() ? own : toldByTeam(own);
  }

  /// The same sentence on all processes: that of the first whose own loss it was.
  private RunFailedException toldByTeam(RunFailedException own) {
    Optional<Loss> first = team.loss();
    return first
        .map(loss -> new RunFailedException("rank %d: %s".formatted(loss.rank(), loss.reason())))
        .orElse(own);
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
  private StepLosses lossAndGradients(BatchPlan batch, int epoch, int index) {
    double factor = parts.learner().lossScale() / setup.plan().accumulation();
    try (Scope _ = new Scope()) { // activations end here
      LatentStore.Batch latents = latents(batch, epoch, index);
      if (teamStep == null) { // the batch ahead is another process's
        feed.ahead().ifPresent(parts.latents()::prefetch);
      }
      TextPipeline.@Nullable Batch states = liveStates(batch);
      NoisyLatents noisy = noisy(latents.latents(), timestepOffsets(batch));
      DitContext context = states == null ? keptContext(batch) : context(states);
      DitStep.Losses losses =
          ditStep.losses(noisy, context, mask(latents), sampleWeights(batch), factor);
      if (teamStep != null) {
        teamStep.add(losses.mean());
      }
      return StepLosses.of(losses, noisy.sigmas());
    }
  }

  private LatentStore.Batch latents(BatchPlan batch, int epoch, int index) {
    try {
      return parts.latents().of(batch);
    } catch (InputException e) {
      tellPrevious();
      throw brokenOff().before(e, step, epoch, isBetweenSteps(index), true);
    }
  }

  private NoisyLatents noisy(Tensor latents, @Nullable Tensor offsets) {
    try (NoGrad _ = new NoGrad()) {
      return parts.objective().draw(latents, parts.device(), parts.host(), setup.dtype(), offsets);
    }
  }

  /// `timestep_offset` of the samples' subsets as sigmas; null where none has one.
  private @Nullable Tensor timestepOffsets(BatchPlan batch) {
    float[] offsets = new float[batch.samples().size()];
    boolean any = false;
    for (int i = 0; i < offsets.length; i++) {
      double offset = batch.samples().get(i).image().subset().spec().timestepOffset();
      offsets[i] = (float) (offset / TimestepSampling.TIMESTEPS);
      any |= offset != 0;
    }
    return any ? Ops.of(offsets, offsets.length).to(setup.device()) : null;
  }

  static @Nullable Tensor mask(LatentStore.Batch batch) {
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
    OptionalDouble measured;
    try {
      measured = validator.loss(batches.orElse(Integer.MAX_VALUE));
    } catch (InputException e) {
      throw brokenOff().inValidation(e, step, setup.plan().epochOf(step));
    }
    measured.ifPresent(
        loss -> listener.on(new TrainEvent.Validated(byEpoch, x, loss, loss - average.average())));
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
          NoisyLatents noisy = noisy(latents.latents(), null);
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
    progress.afterEpoch();
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
    progress.atEnd(step);
    listener.on(new TrainEvent.Finished(step, average.average(), stopped));
  }
}
