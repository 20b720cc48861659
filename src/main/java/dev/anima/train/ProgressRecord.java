package dev.anima.train;

import dev.anima.train.progress.Measure;
import dev.anima.train.progress.PictureLosses;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.PropertyNamingStrategies;
import tools.jackson.databind.json.JsonMapper;

/// What a saved state keeps of a run's progress, as JSON.
///
/// @param images [ProgressSet#fingerprint] that the measures belong to
/// @param base losses of the base model, none before the first measure
/// @param best the best file until now
/// @param losses of the pictures
record ProgressRecord(
    List<String> images,
    Optional<Base> base,
    List<Measure> measures,
    Optional<Best> best,
    PictureLosses.State losses) {
  private static final JsonMapper MAPPER =
      JsonMapper.builder().propertyNamingStrategy(PropertyNamingStrategies.SNAKE_CASE).build();

  /// For each image its loss in each noise band.
  ///
  /// @param heldOut empty without held-out images
  /// @param withoutTrigger empty where no caption has a trigger word
  record Base(
      List<List<Double>> training, List<List<Double>> heldOut, List<List<Double>> withoutTrigger) {}

  /// @param file where it is now
  record Best(String file, int step, int epoch) {
    Path path() {
      return Path.of(file);
    }
  }

  String json() {
    return MAPPER.writeValueAsString(this) + System.lineSeparator();
  }

  static Optional<ProgressRecord> read(String json) {
    try {
      return Optional.of(MAPPER.readValue(json, ProgressRecord.class));
    } catch (JacksonException _) {
      return Optional.empty();
    }
  }

  /// `progress.json` of the run's folder: for people and programs that look at a run.
  ///
  /// @param verdict of the last measure
  record Summary(String verdict, Optional<Best> best, List<TrainEvent.Measured> measures) {
    String json() {
      return MAPPER.writerWithDefaultPrettyPrinter().writeValueAsString(this)
          + System.lineSeparator();
    }
  }
}
