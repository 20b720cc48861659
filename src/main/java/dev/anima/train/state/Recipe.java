package dev.anima.train.state;

import dev.anima.config.Flag;
import dev.anima.config.FlagValue;
import dev.anima.config.Flags;
import dev.anima.dataset.Dataset;
import dev.anima.dataset.DatasetGroup;
import dev.anima.dataset.TrainingImage;
import dev.anima.io.InputException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;

/// What a run was told, as far as its result depends on it: a saved place in the data means nothing
/// with other images, an optimizer's state nothing to another optimizer.
///
/// @param seed the resolved seed
/// @param accumulation micro-batches per step
/// @param batchesPerEpoch micro-batches
/// @param optimizer as the reference writes its name
/// @param images SHA-256 over names, buckets and repeats of all images
/// @param flags the set flags that shape the result, by name, as Python text
public record Recipe(
    long seed,
    int accumulation,
    int batchesPerEpoch,
    String optimizer,
    String images,
    Map<String, String> flags) {

  /// Parts of the table whose flags change files, logs or speed but no number.
  private static final Set<String> IDLE_SECTIONS =
      Set.of(
          "Console",
          "Output and checkpoints",
          "Metadata for publishing",
          "Validation and samples",
          "Logging",
          "Flag files",
          "Distributed",
          "This program");

  /// Idle flags elsewhere, and those compared by name.
  private static final Set<String> IDLE =
      Set.of(
          "seed",
          "gradient_accumulation_steps",
          "max_data_loader_n_workers",
          "skip_until_initial_step",
          "skip_cache_check",
          "debug_dataset");

  /// Flags of idle sections that change numbers all the same.
  private static final Set<String> SHAPING = Set.of("fp8_scaled", "int8_base", "fast_matmul");

  /// Name of `--nproc` among the flags: there where several processes train, whoever started them.
  private static final String PROCESSES = "nproc";

  public Recipe {
    flags = Map.copyOf(flags);
  }

  /// Processes that train together.
  public int processes() {
    return Integer.parseInt(flags.getOrDefault(PROCESSES, "1"));
  }

  public static Recipe of(
      Flags flags,
      DatasetGroup data,
      long seed,
      int accumulation,
      String optimizer,
      int processes) {
    Map<String, String> shaping = new TreeMap<>();
    for (FlagValue value : flags.set()) {
      if (shapes(value.flag())) {
        shaping.put(value.flag().name(), flags.pythonText(value.flag().name()));
      }
    }
    if (processes > 1) {
      shaping.put(PROCESSES, Integer.toString(processes));
    }
    return new Recipe(seed, accumulation, data.batchesPerEpoch(), optimizer, digest(data), shaping);
  }

  private static boolean shapes(Flag flag) {
    return (!IDLE_SECTIONS.contains(flag.section()) || SHAPING.contains(flag.name()))
        && !IDLE.contains(flag.name())
        && (flag.status() == Flag.Status.HONOURED || flag.status() == Flag.Status.DATASET_FALLBACK);
  }

  private static String digest(DatasetGroup data) {
    MessageDigest digest;
    try {
      digest = MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
    for (Dataset dataset : data.training()) {
      update(digest, "dataset of " + dataset.spec().batchSize());
      for (TrainingImage image : dataset.images()) {
        update(
            digest,
            image.found().file().getFileName()
                + " "
                + image.choice().bucket()
                + " "
                + image.repeats());
      }
    }
    return HexFormat.of().formatHex(digest.digest());
  }

  private static void update(MessageDigest digest, String line) {
    digest.update((line + "\n").getBytes(StandardCharsets.UTF_8));
  }

  /// Compares the recipe of a saved run with that of the present one.
  ///
  /// @param folder the state's, for the message
  /// @return flags that differ but may, one sentence each
  /// @throws InputException if the state cannot be gone on from
  public List<String> differences(Recipe now, Path folder) {
    List<String> wrong = new ArrayList<>();
    if (seed != now.seed) {
      wrong.add(
          "it was saved with --seed=%d, this run has --seed=%d\n  -> leave --seed out"
              .formatted(seed, now.seed));
    }
    if (accumulation != now.accumulation) {
      wrong.add(
          "it was saved with --gradient_accumulation_steps=%d, this run has %d"
              .formatted(accumulation, now.accumulation));
    }
    if (processes() != now.processes()) {
      wrong.add(
          "it was saved by %s, this run has %d\n  -> go on with as many: %s"
              .formatted(
                  processes() == 1 ? "one process" : processes() + " processes",
                  now.processes(),
                  processes() == 1
                      ? "without --nproc and without a launcher"
                      : "--nproc=%d, or a launcher that starts %d"
                          .formatted(processes(), processes())));
    }
    if (!optimizer.equals(now.optimizer)) {
      wrong.add("it holds the state of %s, this run has %s".formatted(optimizer, now.optimizer));
    }
    if (!images.equals(now.images) || batchesPerEpoch != now.batchesPerEpoch) {
      wrong.add(
          ("the images, their buckets, repeats or batch size have changed since it was saved (%d batches per epoch then, %d now),"
                  + " so its place in the data means nothing\n  -> start a new run from its weights: --network_weights=%s")
              .formatted(
                  batchesPerEpoch, now.batchesPerEpoch, folder.resolve(StateFolder.WEIGHTS)));
    }
    if (!wrong.isEmpty()) {
      throw new InputException(
          String.join(
              "\n", wrong.stream().map(text -> "--resume=" + folder + ": " + text).toList()));
    }
    return changedFlags(now);
  }

  private List<String> changedFlags(Recipe now) {
    Set<String> names = new TreeSet<>(flags.keySet());
    names.addAll(now.flags.keySet());
    List<String> notes = new ArrayList<>();
    for (String name : names) {
      String before = flags.getOrDefault(name, "not given");
      String present = now.flags.getOrDefault(name, "not given");
      if (!before.equals(present)) {
        notes.add(
            "--%s is %s, it was %s when the state was saved; the new value counts from here on"
                .formatted(name, present, before));
      }
    }
    return notes;
  }
}
