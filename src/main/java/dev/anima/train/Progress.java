package dev.anima.train;

import dev.anima.config.ProgressConfig;
import dev.anima.dataset.BatchPlan;
import dev.anima.dataset.TrainingImage;
import dev.anima.io.InputException;
import dev.anima.train.ProgressForward.Group;
import dev.anima.train.ProgressRecord.Base;
import dev.anima.train.progress.Differences;
import dev.anima.train.progress.History;
import dev.anima.train.progress.Interval;
import dev.anima.train.progress.Measure;
import dev.anima.train.progress.PictureLosses;
import dev.anima.train.progress.Schedule;
import dev.anima.train.progress.TriggerWords;
import dev.anima.train.state.StateFolder;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/// What a run has learnt (docs/validation.md): measures against the base model at the steps of its
/// [Schedule], and the losses of the pictures it trains on.
///
/// It looks on: random streams, order, dropout and weights are training's own.
final class Progress implements TrainListener {
  private final TrainSetup setup;
  private final RunParts parts;
  private final TrainListener listener;
  private final ProgressSet set;
  private final ProgressForward forward;
  private final ProgressFiles files;
  private final int patience;
  private final IdentityHashMap<TrainingImage, PictureLosses.Sample> samples =
      new IdentityHashMap<>();
  private final PictureLosses losses = new PictureLosses();
  private History history;
  private @Nullable Base base;
  private boolean ends;

  /// Goes on from the state that the run begins in, if it holds measures of the same images.
  Progress(TrainSetup setup, RunParts parts, TrainListener listener) {
    this.setup = setup;
    this.parts = parts;
    this.listener = listener;
    this.set = parts.measured();
    this.forward = new ProgressForward(setup, parts);
    this.files =
        new ProgressFiles(
            setup.config().output().dir().resolve(setup.checkpoints().runFolder()), listener);
    ProgressConfig config = setup.config().progress();
    this.patience = config.patience();
    this.history = new History(List.of(), patience);
    set.notes().forEach(this::note);
    setup.start().whole().ifPresent(_ -> restore());
  }

  private void note(String text) {
    listener.on(new TrainEvent.Note(text));
  }

  /// Captions that every measure needs.
  List<String> captions() {
    return set.captions(false);
  }

  // ---- measures -------------------------------------------------------------------------------

  boolean isDue(int step) {
    return set.schedule().map(schedule -> schedule.steps().contains(step)).orElse(false);
  }

  /// After everything else that belongs to optimizer step `step`, its file included. In a team rank
  /// 0 measures, and all hear whether the run ends.
  void measure(int step, int epoch) {
    if (setup.team().isFirst()) {
      try {
        measureHere(step, epoch);
      } catch (InputException e) {
        note("progress at step %d cannot be told: %s".formatted(step, e.getMessage()));
      }
    }
    setup.team().meet();
    ends = setup.team().ofFirst(ends ? 1 : 0) == 1;
  }

  private void measureHere(int step, int epoch) {
    parts.learner().optimizer().eval();
    Base now;
    Base before;
    try {
      SlowPhase phase = new SlowPhase("measuring progress", "images", listener);
      int rounds = base == null ? 2 : 1;
      int total = rounds * groups().stream().mapToInt(Group::size).sum();
      int[] done = {0};
      Runnable tick = () -> phase.at(++done[0], total);
      before = base == null ? losses(false, tick) : base;
      now = losses(true, tick);
    } finally {
      parts.learner().optimizer().train();
    }
    if (!isFinite(before) || !isFinite(now)) {
      note("progress at step %d cannot be told: a loss is not a number".formatted(step));
      return;
    }
    base = before;
    Measure measure =
        new Measure(
            step,
            epoch,
            Differences.of(before.training(), now.training()),
            differences(before.heldOut(), now.heldOut()),
            differences(before.withoutTrigger(), now.withoutTrigger()));
    List<Measure> measures = new ArrayList<>(history.measures());
    measures.add(measure);
    history = new History(measures, patience);
    listener.on(told(history));
    files.measured(measure);
    files.write(summary());
    endIfOver(step);
  }

  private void endIfOver(int step) {
    if (setup.config().progress().stopWhenLearnt()
        && history.isOver()
        && step < setup.plan().totalSteps()) {
      ends = true;
      listener.on(
          new TrainEvent.EndedEarly(
              step,
              "%s, no better for %d measures (--stop_when_learnt)"
                  .formatted(history.verdict().word(), patience)));
    }
  }

  private static Optional<Differences> differences(
      List<List<Double>> before, List<List<Double>> now) {
    return before.isEmpty() ? Optional.empty() : Optional.of(Differences.of(before, now));
  }

  private static boolean isFinite(Base losses) {
    return List.of(losses.training(), losses.heldOut(), losses.withoutTrigger()).stream()
        .flatMap(List::stream)
        .flatMap(List::stream)
        .allMatch(Double::isFinite);
  }

  /// Training images, held-out images, training images without their trigger words; the last two
  /// may be empty.
  private List<Group> groups() {
    Group without = new Group(set.training(), true, 0);
    return List.of(
        new Group(set.training(), false, 0),
        new Group(set.heldOut(), false, set.training().size()),
        without.size() < 2 ? new Group(List.of(), true, 0) : without);
  }

  private Base losses(boolean withLora, Runnable tick) {
    List<List<List<Double>>> all =
        groups().stream().map(group -> forward.losses(group, withLora, tick)).toList();
    return new Base(all.get(0), all.get(1), all.get(2));
  }

  /// The last measure of `history` as listeners hear of it.
  private static TrainEvent.Measured told(History history) {
    Measure last = history.measures().getLast();
    return new TrainEvent.Measured(
        last.step(),
        last.epoch(),
        history.verdict().word(),
        last.heldOut().isPresent(),
        last.judged().all(),
        IntStream.range(0, Schedule.BANDS).mapToObj(last.judged()::ofBand).toList(),
        last.training().all(),
        last.withoutTrigger().map(Differences::all));
  }

  private ProgressRecord.Summary summary() {
    List<TrainEvent.Measured> measures = new ArrayList<>();
    for (int count = 1; count <= history.measures().size(); count++) {
      measures.add(told(new History(history.measures().subList(0, count), patience)));
    }
    return new ProgressRecord.Summary(history.verdict().word(), files.best(), measures);
  }

  /// Whether `--stop_when_learnt` ends the run after the present step.
  boolean endsRun() {
    return ends;
  }

  // ---- files ----------------------------------------------------------------------------------

  /// Hears of saved files.
  @Override
  public void on(TrainEvent event) {
    if (event instanceof TrainEvent.Saved saved) {
      files.saved(saved, setup.plan().epochOf(Math.max(1, saved.step())), history.measures());
    }
  }

  void beforeRemoval(Path file) {
    files.beforeRemoval(file);
  }

  // ---- pictures -------------------------------------------------------------------------------

  /// @param told whose numbers have arrived
  void trained(BatchPlan batch, StepLosses told) {
    double[] sigmas = told.sigmas();
    double[] values = told.samples();
    for (int i = 0; i < values.length; i++) {
      losses.add(sample(batch.samples().get(i).image()), sigmas[i], values[i]);
    }
  }

  private PictureLosses.Sample sample(TrainingImage image) {
    return samples.computeIfAbsent(
        image,
        fresh ->
            new PictureLosses.Sample(
                fresh.key(),
                fresh.subset().name(),
                new LinkedHashSet<>(
                    TriggerWords.tags(fresh.found().caption(), fresh.subset().spec().caption()))));
  }

  void afterEpoch() {
    if (setup.team().isFirst()) {
      files.write(losses);
    }
  }

  /// The last words on the run.
  void atEnd(int step) {
    if (!setup.team().isFirst()) {
      return;
    }
    files.write(losses);
    if (!history.measures().isEmpty()) {
      files.write(summary());
      note(bestInWords(step));
    }
    losses.report().forEach(this::note);
  }

  private String bestInWords(int step) {
    Optional<ProgressRecord.Best> best = files.best();
    if (best.isEmpty()) {
      return "best: none; until step %d no measured file is better than the base model beyond the interval"
          .formatted(step);
    }
    Interval difference =
        history.measures().stream()
            .filter(measure -> measure.step() == best.get().step())
            .findFirst()
            .map(measure -> measure.judged().all())
            .orElseThrow();
    return "best: %s (epoch %d, step %d): %s beside the base model on %s"
        .formatted(
            best.get().path().getFileName(),
            best.get().epoch(),
            best.get().step(),
            TrainEvent.Measured.percent(difference),
            set.heldOut().isEmpty() ? "pictures trained on" : "held-out pictures");
  }

  // ---- saved state ----------------------------------------------------------------------------

  /// Text of [StateFolder#PROGRESS].
  String state() {
    return new ProgressRecord(
            set.fingerprint(),
            Optional.ofNullable(base),
            history.measures(),
            files.best(),
            losses.state())
        .json();
  }

  private void restore() {
    Path file = setup.config().length().resume().orElseThrow().resolve(StateFolder.PROGRESS);
    if (!Files.exists(file)) {
      return; // of an older version
    }
    Optional<ProgressRecord> saved;
    try {
      saved = ProgressRecord.read(Files.readString(file));
    } catch (IOException _) {
      saved = Optional.empty();
    }
    if (saved.isEmpty()) {
      note(file + " cannot be read: measures of progress begin anew");
      return;
    }
    losses.restore(saved.get().losses());
    if (!saved.get().images().equals(set.fingerprint())) {
      if (!saved.get().measures().isEmpty()) {
        note("the state's measures are of other pictures or captions: they begin anew");
      }
      return;
    }
    base = saved.get().base().orElse(null);
    history = new History(saved.get().measures(), patience);
    files.restore(saved.get().best(), saved.get().measures());
    endIfOver(setup.start().step());
  }
}
