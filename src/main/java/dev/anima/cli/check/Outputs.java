package dev.anima.cli.check;

import dev.anima.config.CacheConfig;
import dev.anima.config.TrainConfig;
import dev.anima.io.InputException;
import dev.anima.train.CheckpointRules;
import dev.anima.train.RunPlan;
import dev.anima.train.TrainSetup;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.Set;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/// The files a run will write, and whether they can be written. Nothing is made or touched.
final class Outputs {
  private static final String EXTENSION = "safetensors";

  private final TrainConfig config;
  private final RunPlan plan;
  private final long loraBytes;
  private final long stateBytes;
  private final List<Preview.Output> outputs = new ArrayList<>();

  /// @param loraBytes of one saved LoRA, 0 while it is not known
  /// @param stateBytes of one saved state
  Outputs(TrainConfig config, RunPlan plan, long loraBytes, long stateBytes) {
    this.config = config;
    this.plan = plan;
    this.loraBytes = loraBytes;
    this.stateBytes = stateBytes;
  }

  /// LoRA files and state folders in the order they are written.
  List<Preview.Output> planned() {
    CheckpointRules rules = TrainSetup.checkpoints(config, plan);
    Set<String> deleted = deleted(rules);
    Set<String> deletedStates =
        deleted(
            withRetention(
                rules, config.output().keep().stepStates(), config.output().keep().epochStates()));
    for (RunPlan.PlannedFile file : plan.files(rules)) {
      boolean last = file.name().equals(rules.finalFile());
      boolean state =
          config.output().saveState() || (last && config.output().saveStateOnTrainEnd());
      if (state && last) { // at the end the state comes first
        addState(file, deletedStates);
      }
      add(file.name(), "lora", file.step(), loraBytes, !deleted.contains(file.name()));
      if (state && !last) {
        addState(file, deletedStates);
      }
    }
    return List.copyOf(outputs);
  }

  private void addState(RunPlan.PlannedFile file, Set<String> deleted) {
    String name = file.name().substring(0, file.name().length() - EXTENSION.length() - 1);
    add(name + "-state", "state", file.step(), stateBytes, !deleted.contains(file.name()));
  }

  private void add(String name, String kind, int step, long bytes, boolean kept) {
    Path path = config.output().dir().resolve(name);
    outputs.add(new Preview.Output(path.toString(), kind, step, bytes, kept, Files.exists(path)));
  }

  private static CheckpointRules withRetention(
      CheckpointRules rules, OptionalInt steps, OptionalInt epochs) {
    return new CheckpointRules(
        rules.outputName(),
        rules.extension(),
        rules.everySteps(),
        rules.everyEpochs(),
        steps,
        epochs);
  }

  /// Names of checkpoints that retention deletes during the run.
  private Set<String> deleted(CheckpointRules rules) {
    Set<String> deleted = new HashSet<>();
    for (int step = 1; step <= plan.totalSteps(); step++) {
      if (rules.savesAtStep(step)) {
        rules.stepToRemove(step).ifPresent(old -> deleted.add(rules.stepFile(old)));
      }
    }
    for (int epoch = 1; epoch <= plan.epochs(); epoch++) {
      if (rules.savesAtEpoch(epoch, plan.epochs())) {
        rules.epochToRemove(epoch).ifPresent(old -> deleted.add(rules.epochFile(old)));
      }
    }
    return deleted;
  }

  /// What a run writes beside its checkpoints.
  static List<String> others(TrainConfig config, int images) {
    List<String> others = new ArrayList<>();
    if (config.cache().latents() == CacheConfig.Store.DISK) {
      others.add("latent caches beside the images, up to %d files".formatted(images));
    }
    if (config.cache().text() == CacheConfig.Store.DISK) {
      others.add("text caches beside the images, up to %d files".formatted(images));
    }
    config.logging().dir().ifPresent(dir -> others.add("TensorBoard events below " + dir));
    config
        .samples()
        .prompts()
        .ifPresent(_ -> others.add("sample images in " + config.output().dir().resolve("sample")));
    return others;
  }

  /// @throws InputException if the folder can neither be written to nor be made
  static void checkWritable(Path folder) {
    checkWritable(folder, Files::isWritable);
  }

  /// As above, asking `writable` about the nearest folder that exists.
  static void checkWritable(Path folder, Predicate<Path> writable) {
    Path there = existing(folder);
    if (there == null) {
      return; // a drive that cannot be seen from here
    }
    if (!Files.isDirectory(there)) {
      throw new InputException(
          "--output_dir: %s cannot be made, %s is a file".formatted(folder, there));
    }
    if (!writable.test(there)) {
      throw new InputException(
          there.equals(folder.toAbsolutePath())
              ? "--output_dir: %s is not writable for you".formatted(folder)
              : "--output_dir: %s cannot be made, %s is not writable for you"
                  .formatted(folder, there));
    }
  }

  /// Space left where the run writes; empty where that cannot be known.
  static OptionalLong freeBytes(Path folder) {
    Path there = existing(folder);
    try {
      return there == null
          ? OptionalLong.empty()
          : OptionalLong.of(Files.getFileStore(there).getUsableSpace());
    } catch (IOException _) {
      return OptionalLong.empty();
    }
  }

  /// The folder itself or the nearest of its parents that exists.
  private static @Nullable Path existing(Path folder) {
    Path there = folder.toAbsolutePath();
    while (there != null && !Files.exists(there)) {
      there = there.getParent();
    }
    return there;
  }
}
