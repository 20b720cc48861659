package dev.anima.dataset;

import dev.anima.config.DatasetSpec;
import dev.anima.dataset.Dataset.Role;
import dev.anima.dataset.Findings.Finding;
import dev.anima.io.InputException;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;
import java.util.stream.Stream;

/// All datasets of a run, for training and for validation, and the one random stream they share.
public final class DatasetGroup {
  private final List<Arrangement> training;
  private final List<Arrangement> validation;
  private final PythonRandom random;
  private final long seed;
  private final Findings findings;

  private DatasetGroup(
      List<Arrangement> training,
      List<Arrangement> validation,
      PythonRandom random,
      long seed,
      Findings findings) {
    this.training = List.copyOf(training);
    this.validation = List.copyOf(validation);
    this.random = random;
    this.seed = seed;
    this.findings = findings;
  }

  /// Reads all datasets, image sizes from the files' headers.
  ///
  /// @throws InputException with all problems, if there are any or no image at all
  public static DatasetGroup build(List<DatasetSpec> specs, PythonRandom random) {
    return build(specs, random, SizeReader.HEADER);
  }

  /// Reads all datasets.
  ///
  /// @param specs in file order
  /// @param random just seeded with the run's seed; used for everything that follows, in the
  ///   reference's order
  /// @throws InputException with all problems, if there are any or no image at all
  public static DatasetGroup build(List<DatasetSpec> specs, PythonRandom random, SizeReader sizes) {
    DatasetGroup group = inspect(specs, random, sizes);
    group.findings.throwIfProblems();
    return group;
  }

  /// As [#build], but problems are only noted and what is unusable is left out.
  public static DatasetGroup inspect(
      List<DatasetSpec> specs, PythonRandom random, SizeReader sizes) {
    Findings findings = new Findings();
    DatasetReader reader = new DatasetReader(sizes, random, findings);
    List<Dataset> training = new ArrayList<>();
    List<Dataset> validation = new ArrayList<>();
    for (DatasetSpec spec : specs) {
      reader.read(spec, Role.TRAINING).ifPresent(training::add);
    }
    for (DatasetSpec spec : specs) {
      if (reader.wantsValidation(spec)) {
        reader.read(spec, Role.VALIDATION).ifPresent(validation::add);
      }
    }
    if (training.stream().allMatch(dataset -> dataset.images().isEmpty())) {
      findings.problem(
          "no-images",
          "no images found: image_dir must be a folder that holds images"
              + " (with --train_data_dir its parent, with sub-folders such as 10_name)");
    }
    long seed = random.randint(0, 1L << 31);
    return new DatasetGroup(
        arranged(training, seed, random),
        arranged(validation, seed, random),
        random,
        seed,
        findings);
  }

  private static List<Arrangement> arranged(
      List<Dataset> datasets, long seed, PythonRandom random) {
    List<Arrangement> arrangements = new ArrayList<>();
    for (Dataset dataset : datasets) {
      Arrangement arrangement = Arrangement.of(dataset, random);
      arrangement.seed(seed);
      arrangements.add(arrangement);
    }
    return arrangements;
  }

  public List<Dataset> training() {
    return training.stream().map(Arrangement::dataset).toList();
  }

  public List<Dataset> validation() {
    return validation.stream().map(Arrangement::dataset).toList();
  }

  List<Arrangement> arrangements(Role role) {
    return role == Role.TRAINING ? training : validation;
  }

  /// The stream that all decisions come from; the training loop draws the dropout of cached
  /// captions from it too.
  public PythonRandom random() {
    return random;
  }

  /// The number all epoch shuffles are seeded with (plus the epoch).
  public long seed() {
    return seed;
  }

  public Findings findings() {
    return findings;
  }

  /// Micro-batches per epoch.
  public int batchesPerEpoch() {
    return batches(Role.TRAINING);
  }

  int batches(Role role) {
    return arrangements(role).stream().mapToInt(a -> a.slots().size()).sum();
  }

  public int numTrainImages() {
    return training().stream().mapToInt(Dataset::numTrainImages).sum();
  }

  public int numValidationImages() {
    return validation().stream().mapToInt(Dataset::numTrainImages).sum();
  }

  public int numRegImages() {
    return training().stream().mapToInt(Dataset::numRegImages).sum();
  }

  /// Checks that every sample can be made under `caching`.
  ///
  /// @throws InputException with all problems
  public void check(Caching caching) {
    Findings problems = new Findings();
    List<Dataset> all = new ArrayList<>(training());
    all.addAll(validation());
    all.stream()
        .flatMap(dataset -> dataset.problemsWith(caching).stream())
        .distinct()
        .forEach((Finding problem) -> problems.problem(problem.code(), problem.message()));
    problems.throwIfProblems();
  }

  /// Runs `look`, which may draw, announce and so shuffle, and puts everything back as it was.
  <T> T withoutTrace(Supplier<T> look) {
    List<Arrangement> all = Stream.concat(training.stream(), validation.stream()).toList();
    List<Arrangement.Standing> before = all.stream().map(Arrangement::standing).toList();
    PythonRandom.State randomBefore = random.state();
    try {
      return look.get();
    } finally {
      for (int i = 0; i < all.size(); i++) {
        all.get(i).restore(before.get(i));
      }
      random.restore(randomBefore);
    }
  }

  /// Decides batch `index` of all datasets laid end to end.
  BatchPlan plan(Role role, int index, Caching caching, long totalSteps) {
    int position = index;
    List<Arrangement> arrangements = arrangements(role);
    for (int i = 0; i < arrangements.size(); i++) {
      int length = arrangements.get(i).slots().size();
      if (position < length) {
        return arrangements.get(i).plan(position, i, caching, totalSteps);
      }
      position -= length;
    }
    throw new IndexOutOfBoundsException("batch " + index + " of " + batches(role));
  }

  void announce(int epoch, long step) {
    training.forEach(arrangement -> arrangement.announce(epoch, step));
  }

  int announcedEpoch() {
    return training.isEmpty() ? 0 : training.getFirst().epoch();
  }

  long announcedStep() {
    return training.isEmpty() ? 0 : training.getFirst().step();
  }
}
