package dev.anima.runs;

import dev.anima.io.AtomicFiles;
import dev.anima.io.InputException;
import dev.anima.train.TrainSetup;
import dev.anima.train.state.Recipe;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.DeserializationFeature;
import tools.jackson.databind.PropertyNamingStrategies;
import tools.jackson.databind.SerializationFeature;
import tools.jackson.databind.json.JsonMapper;

/// What a run was told and with what it ran: enough to start it again. It stays on this computer,
/// so it may name folders.
///
/// @param format [#FORMAT]
/// @param version [#VERSION]
/// @param command the resolved flags as words: flag files and presets are already in them
/// @param workingDir what relative paths in `command` start from
/// @param recipe seed, fingerprint of the data, and the flags that shape the result
/// @param device that computed
/// @param program name and version of this program
/// @param java version that ran it
/// @param system operating system and processor
/// @param started first start, in UTC
public record RunRecord(
    String format,
    int version,
    List<String> command,
    String workingDir,
    Recipe recipe,
    String device,
    String program,
    String java,
    String system,
    String started) {
  static final String FORMAT = "anima-run";
  static final int VERSION = 1;
  static final String FILE = "run.json";

  private static final JsonMapper MAPPER =
      JsonMapper.builder()
          .propertyNamingStrategy(PropertyNamingStrategies.SNAKE_CASE)
          .enable(SerializationFeature.INDENT_OUTPUT)
          .enable(DeserializationFeature.FAIL_ON_MISSING_CREATOR_PROPERTIES)
          .enable(DeserializationFeature.FAIL_ON_NULL_CREATOR_PROPERTIES)
          .disable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
          .build();

  public RunRecord {
    command = List.copyOf(command);
  }

  static RunRecord of(TrainSetup setup, Path workingDir, String program) {
    return new RunRecord(
        FORMAT,
        VERSION,
        setup.flags().words(),
        workingDir.toString(),
        setup.recipe(),
        setup.device().toString(),
        program,
        Runtime.version().toString(),
        System.getProperty("os.name") + " " + System.getProperty("os.arch"),
        Instant.now().truncatedTo(ChronoUnit.SECONDS).toString());
  }

  void write(Path folder) {
    AtomicFiles.writeString(
        folder.resolve(FILE), MAPPER.writeValueAsString(this) + System.lineSeparator());
  }

  /// @throws InputException if there is no readable record in `folder`
  static RunRecord read(Path folder) {
    Path file = folder.resolve(FILE);
    try {
      RunRecord record = MAPPER.readValue(Files.readString(file), RunRecord.class);
      if (!record.format.equals(FORMAT) || record.version != VERSION) {
        throw new InputException(
            "%s: is of format \"%s\" version %d; this program reads \"%s\" version %d"
                .formatted(file, record.format, record.version, FORMAT, VERSION));
      }
      return record;
    } catch (IOException | JacksonException e) {
      throw new InputException(file + ": cannot be read as the record of a run", e);
    }
  }

  /// The command that does the whole run again with the numbers it had.
  List<String> fromTheStart() {
    List<String> words = new ArrayList<>(command);
    words.add("--seed=" + recipe.seed());
    return words;
  }
}
