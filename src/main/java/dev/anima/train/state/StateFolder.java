package dev.anima.train.state;

import dev.anima.io.AtomicFiles;
import dev.anima.io.AtomicFolder;
import dev.anima.io.InputException;
import dev.anima.io.RunFailedException;
import dev.anima.io.SafetensorsFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Set;
import java.util.function.Consumer;
import java.util.stream.Stream;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.DeserializationFeature;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.PropertyNamingStrategies;
import tools.jackson.databind.json.JsonMapper;

/// The state folder on disk: `model.safetensors` (the LoRA in fp32), `optimizer.safetensors` and
/// `train_state.json`. Tensors and text only, nothing in it can run.
public final class StateFolder {
  public static final String WEIGHTS = "model.safetensors";
  public static final String OPTIMIZER = "optimizer.safetensors";
  static final String PLACE = "train_state.json";

  /// Measures of progress and losses of pictures; states of older versions have none.
  public static final String PROGRESS = "progress.json";

  /// Files of a state, the reference's included.
  private static final Set<String> KNOWN =
      Set.of(WEIGHTS, OPTIMIZER, PLACE, PROGRESS, "optimizer.bin", "scheduler.bin", "scaler.pt");

  private static final String REFERENCE_RANDOM = "random_states_";

  private static final JsonMapper MAPPER =
      JsonMapper.builder()
          .propertyNamingStrategy(PropertyNamingStrategies.SNAKE_CASE)
          .enable(DeserializationFeature.FAIL_ON_MISSING_CREATOR_PROPERTIES)
          .enable(DeserializationFeature.FAIL_ON_NULL_CREATOR_PROPERTIES)
          .disable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
          .build();

  private StateFolder() {}

  /// Writes a state, replacing an older one of that name only when the new one is whole.
  ///
  /// @param weights writes the LoRA to the path it is given
  /// @param optimizer writes the optimizer's state there
  /// @param progress text of [#PROGRESS]
  /// @throws RunFailedException if `folder` holds something that is not a state
  public static void write(
      Path folder,
      Consumer<Path> weights,
      Consumer<Path> optimizer,
      String progress,
      RunState run) {
    if (Files.exists(folder) && !holdsOnlyAState(folder)) {
      throw new RunFailedException(
          folder + ": holds other files than a state, so no state is written in its place");
    }
    AtomicFolder.write(
        folder,
        fresh -> {
          weights.accept(fresh.resolve(WEIGHTS));
          optimizer.accept(fresh.resolve(OPTIMIZER));
          AtomicFiles.writeString(fresh.resolve(PROGRESS), progress);
          AtomicFiles.writeString(
              fresh.resolve(PLACE), MAPPER.writeValueAsString(run) + System.lineSeparator());
        });
  }

  /// Deletes an old state; anything else of that name stays.
  ///
  /// @return whether a state was deleted
  public static boolean remove(Path folder) {
    return Files.isDirectory(folder) && holdsOnlyAState(folder) && AtomicFolder.discard(folder);
  }

  private static boolean holdsOnlyAState(Path folder) {
    try (Stream<Path> files = Files.list(folder)) {
      return files.allMatch(file -> {
        String name = String.valueOf(file.getFileName());
        return Files.isRegularFile(file)
            && (KNOWN.contains(name) || name.startsWith(REFERENCE_RANDOM));
      });
    } catch (IOException _) {
      return false;
    }
  }

  /// Reads a state's place and the headers of its tensors.
  ///
  /// @throws InputException if it is no state, or damaged
  public static SavedState read(Path folder) {
    if (Files.isRegularFile(folder)) {
      throw problem(folder, "is a file; a state is a folder that holds " + PLACE);
    }
    Path place = folder.resolve(PLACE);
    if (!Files.isRegularFile(place)) {
      throw problem(
          folder,
          Files.isDirectory(folder)
              ? "is not a state: there is no %s in it (a state is written by --save_state)"
                  .formatted(PLACE)
              : "there is no such folder");
    }
    JsonNode json = json(folder, place);
    if (!Files.isRegularFile(folder.resolve(WEIGHTS))) {
      throw problem(folder, "is incomplete: %s is missing".formatted(WEIGHTS));
    }
    SafetensorsFile.open(folder.resolve(WEIGHTS)).close();
    return json.has("format") ? whole(folder, json) : weightsOnly(folder, json);
  }

  private static JsonNode json(Path folder, Path place) {
    try {
      JsonNode json = MAPPER.readTree(Files.readString(place));
      if (json.isObject()) {
        return json;
      }
      throw problem(folder, PLACE + " is damaged: it holds no JSON object");
    } catch (IOException | JacksonException e) {
      throw new InputException(
          "--resume=%s: %s is damaged and cannot be read as JSON\n  -> resume from another state"
              .formatted(folder, PLACE),
          e);
    }
  }

  private static SavedState whole(Path folder, JsonNode json) {
    String format = json.get("format").asString("");
    int version = json.path("version").asInt(0);
    if (!format.equals(RunState.FORMAT) || version != RunState.VERSION) {
      throw problem(
          folder,
          "is a state of format \"%s\" version %d; this program reads \"%s\" version %d"
              .formatted(format, version, RunState.FORMAT, RunState.VERSION));
    }
    if (!Files.isRegularFile(folder.resolve(OPTIMIZER))) {
      throw problem(folder, "is incomplete: %s is missing".formatted(OPTIMIZER));
    }
    SafetensorsFile.open(folder.resolve(OPTIMIZER)).close();
    try {
      return new SavedState.Whole(folder, MAPPER.treeToValue(json, RunState.class));
    } catch (JacksonException e) {
      throw new InputException(
          "--resume=%s: %s is damaged (%s)\n  -> resume from another state"
              .formatted(folder, PLACE, firstLine(e)),
          e);
    }
  }

  private static String firstLine(JacksonException e) {
    return e.getOriginalMessage().lines().findFirst().orElse("unreadable");
  }

  private static SavedState weightsOnly(Path folder, JsonNode json) {
    JsonNode epoch = json.path("current_epoch");
    JsonNode step = json.path("current_step");
    if (!epoch.isInt() || !step.isInt() || epoch.intValue() < 0 || step.intValue() < 0) {
      throw problem(folder, PLACE + " is damaged: current_epoch or current_step is missing");
    }
    return new SavedState.WeightsOnly(folder, epoch.intValue(), step.intValue());
  }

  private static InputException problem(Path folder, String what) {
    return new InputException("--resume=%s: %s".formatted(folder, what));
  }
}
