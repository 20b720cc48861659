package dev.anima.train;

import dev.anima.config.CacheConfig.Store;
import dev.anima.config.ProgressConfig;
import dev.anima.config.SubsetSpec.CaptionOptions;
import dev.anima.config.TrainConfig;
import dev.anima.dataset.BatchPlan;
import dev.anima.dataset.CaptionProcessor;
import dev.anima.dataset.ColourChange;
import dev.anima.dataset.Dataset;
import dev.anima.dataset.DatasetGroup;
import dev.anima.dataset.Framing;
import dev.anima.dataset.PythonRandom;
import dev.anima.dataset.SamplePlan;
import dev.anima.dataset.Subset;
import dev.anima.dataset.TrainingImage;
import dev.anima.io.InputException;
import dev.anima.train.progress.Schedule;
import dev.anima.train.progress.TriggerWords;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;

/// The images a run measures its progress on, with their captions, and when it does so. Depends on
/// nothing but the run's flags and data.
///
/// @param training trained on; no regularisation images
/// @param heldOut not trained on; as many as `training`, or none
/// @param schedule empty where nothing is measured
/// @param notes what the user should know, one sentence each
record ProgressSet(
    List<Subject> training,
    List<Subject> heldOut,
    Optional<Schedule> schedule,
    List<String> notes) {

  /// Decides wildcards: the same in every run.
  private static final long CAPTION_SEED = 20_260_401;

  /// An image and what its caption is, without shuffling and dropping.
  ///
  /// @param batch of this image alone, unflipped, cut from the middle
  /// @param withoutTrigger the caption without the trigger words, if it has some
  record Subject(BatchPlan batch, Optional<String> withoutTrigger) {
    TrainingImage image() {
      return batch.samples().getFirst().image();
    }

    String caption() {
      return batch.samples().getFirst().caption();
    }
  }

  /// @throws InputException if the run is to stop when it has learnt, and cannot know
  static ProgressSet of(TrainConfig run, DatasetGroup data) {
    ProgressConfig config = run.progress();
    if (config.images() == 0) {
      return new ProgressSet(List.of(), List.of(), Optional.empty(), List.of());
    }
    List<TrainingImage> trained = images(data.training());
    Set<Path> files = new HashSet<>();
    trained.forEach(image -> files.add(image.found().file()));
    List<TrainingImage> others =
        images(data.validation()).stream()
            .filter(image -> !files.contains(image.found().file()))
            .toList();
    RunPlan plan =
        RunPlan.of(
            data.batchesPerEpoch(),
            1,
            run.length().accumulation(),
            run.length().maxSteps(),
            run.length().maxEpochs());
    int most = Math.min(config.images(), trained.size());
    boolean holdsOut = others.size() >= 2 && trained.size() >= 2;
    if (holdsOut) {
      most = Math.min(most, others.size());
    }
    IdentityHashMap<Subset, Optional<TriggerWords>> triggers = triggers(config, trained);
    boolean storedTexts = run.cache().text() == Store.DISK;
    boolean calls = triggers.values().stream().anyMatch(Optional::isPresent);
    Optional<Schedule> schedule =
        Schedule.of(
            counted(run, data, plan, most, holdsOut, calls && !storedTexts), config.everySteps());
    List<String> notes = new ArrayList<>();
    if (schedule.isEmpty()) {
      String why =
          most < 2
              ? "there is only one image"
              : "3 %% of the forwards of %d steps do not allow for it; --progress_every_n_steps N measures all the same"
                  .formatted(plan.totalSteps());
      if (config.stopWhenLearnt()) {
        throw new InputException(
            "--stop_when_learnt: this run cannot measure its progress (%s)".formatted(why));
      }
      return new ProgressSet(
          List.of(), List.of(), schedule, List.of("progress is not measured: " + why));
    }
    if (calls && storedTexts) {
      notes.add(
          "progress: captions without the trigger word are not measured, as texts come from cache files");
    }
    int images = schedule.get().images();
    boolean without = schedule.get().withoutTrigger();
    List<Subject> training =
        chosen(trained, images).stream()
            .map(image ->
                subject(
                    run,
                    image,
                    without
                        ? triggers.getOrDefault(image.subset(), Optional.empty())
                        : Optional.empty()))
            .toList();
    List<Subject> heldOut =
        holdsOut
            ? chosen(others, images).stream()
                .map(image -> subject(run, image, Optional.empty()))
                .toList()
            : List.of();
    return new ProgressSet(training, heldOut, schedule, notes);
  }

  private static Schedule.Run counted(
      TrainConfig run,
      DatasetGroup data,
      RunPlan plan,
      int images,
      boolean holdsOut,
      boolean triggers) {
    long samplesPerEpoch =
        data.training().stream()
            .flatMap(dataset -> dataset.images().stream())
            .mapToLong(TrainingImage::repeats)
            .sum();
    return new Schedule.Run(
        plan.totalSteps(),
        samplesPerEpoch * plan.totalSteps() / Math.max(1, plan.stepsPerEpoch()),
        images,
        holdsOut ? 2 : 1,
        triggers,
        plan.files(TrainSetup.checkpoints(run, plan)).stream()
            .map(RunPlan.PlannedFile::step)
            .toList(),
        Stream.iterate(1, epoch -> epoch <= plan.epochs(), epoch -> epoch + 1)
            .map(plan::stepsAfterEpoch)
            .toList());
  }

  /// Each file once, no regularisation images.
  private static List<TrainingImage> images(List<Dataset> datasets) {
    Map<Path, TrainingImage> images = new LinkedHashMap<>();
    datasets.stream()
        .flatMap(dataset -> dataset.images().stream())
        .filter(image -> !image.isReg())
        .forEach(image -> images.putIfAbsent(image.found().file(), image));
    return List.copyOf(images.values());
  }

  private static IdentityHashMap<Subset, Optional<TriggerWords>> triggers(
      ProgressConfig config, List<TrainingImage> images) {
    Optional<TriggerWords> given = config.triggerWord().map(TriggerWords::given);
    IdentityHashMap<Subset, Optional<TriggerWords>> triggers = new IdentityHashMap<>();
    for (TrainingImage image : images) {
      triggers.computeIfAbsent(
          image.subset(), subset -> given.isPresent() ? given : TriggerWords.of(subset));
    }
    return triggers;
  }

  /// `count` images, in turn from every subset, spread evenly within it.
  private static List<TrainingImage> chosen(List<TrainingImage> images, int count) {
    List<List<TrainingImage>> subsets = bySubset(images);
    int[] shares = new int[subsets.size()];
    for (int i = 0, left = Math.min(count, images.size()); left > 0; i++) {
      int subset = i % shares.length;
      if (shares[subset] < subsets.get(subset).size()) {
        shares[subset]++;
        left--;
      }
    }
    List<TrainingImage> chosen = new ArrayList<>();
    for (int subset = 0; subset < shares.length; subset++) {
      List<TrainingImage> all = subsets.get(subset);
      for (int i = 0; i < shares[subset]; i++) {
        chosen.add(all.get((int) ((i + 0.5) * all.size() / shares[subset])));
      }
    }
    return chosen;
  }

  private static List<List<TrainingImage>> bySubset(List<TrainingImage> images) {
    IdentityHashMap<Subset, List<TrainingImage>> subsets = new IdentityHashMap<>();
    List<List<TrainingImage>> inOrder = new ArrayList<>();
    for (TrainingImage image : images) {
      subsets
          .computeIfAbsent(
              image.subset(),
              _ -> {
                List<TrainingImage> own = new ArrayList<>();
                inOrder.add(own);
                return own;
              })
          .add(image);
    }
    return inOrder;
  }

  private static Subject subject(
      TrainConfig run, TrainingImage image, Optional<TriggerWords> triggers) {
    String caption = caption(run, image);
    SamplePlan sample =
        new SamplePlan(
            image, Framing.centred(image.choice()), new ColourChange.None(), false, caption, 1);
    return new Subject(
        new BatchPlan(0, sample.target(), List.of(sample)),
        triggers.flatMap(
            words -> words.without(caption, image.subset().spec().caption().captionSeparator())));
  }

  /// The caption as it is trained on, but for what is drawn anew every time.
  private static String caption(TrainConfig run, TrainingImage image) {
    CaptionOptions options = image.subset().spec().caption();
    if (run.cache().text() != Store.NONE) {
      return CaptionProcessor.forCache(image.found().caption(), options);
    }
    boolean rearranged =
        options.shuffleCaption()
            || options.tokenWarmupStep() > 0
            || options.captionTagDropoutRate() > 0;
    CaptionOptions still =
        new CaptionOptions(
            false,
            options.captionSeparator(),
            options.keepTokens(),
            options.keepTokensSeparator(),
            options.secondarySeparator(),
            options.enableWildcard(),
            options.captionPrefix(),
            options.captionSuffix(),
            0,
            0,
            0,
            options.tokenWarmupMin(),
            rearranged ? 1 : 0); // a warm-up that is over: tags are joined as in training
    return CaptionProcessor.process(
        image.found().caption(),
        still,
        new CaptionProcessor.Moment(1, 1, 1),
        new PythonRandom(CAPTION_SEED));
  }

  List<Subject> all() {
    return Stream.concat(training.stream(), heldOut.stream()).toList();
  }

  /// Captions that every measure needs; those without trigger words alone where the others come
  /// under the images' own keys.
  List<String> captions(boolean cached) {
    return all().stream()
        .flatMap(subject ->
            Stream.concat(
                cached ? Stream.empty() : Stream.of(subject.caption()),
                subject.withoutTrigger().stream()))
        .distinct()
        .toList();
  }

  /// What the losses of the base model belong to: a saved state of other images is no use.
  List<String> fingerprint() {
    return all().stream()
        .map(subject ->
            subject.image().key()
                + " "
                + subject.batch().target()
                + " "
                + subject.caption()
                + " | "
                + subject.withoutTrigger().orElse(""))
        .toList();
  }
}
