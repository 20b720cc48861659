package dev.anima.cli.check;

import com.fasterxml.jackson.annotation.JsonInclude;
import dev.anima.cli.Console;
import dev.anima.cli.ExitCode;
import dev.anima.cli.RawCommand;
import dev.anima.config.FlagHelp;
import dev.anima.config.FlagTable;
import dev.anima.config.FlagsReader;
import dev.anima.io.InputException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import tools.jackson.databind.PropertyNamingStrategies;
import tools.jackson.databind.SerializationFeature;
import tools.jackson.databind.json.JsonMapper;

/// `anima check FLAGS [--json] [--measure]`: what `anima train FLAGS` would do. Exit code 0 when
/// the run could start, 2 with all problems when it could not.
public final class CheckCommand implements RawCommand {
  private static final String JSON = "--json";
  private static final String MEASURE = "--measure";
  private static final int COLUMNS = 80;
  private static final JsonMapper MAPPER =
      JsonMapper.builder()
          .propertyNamingStrategy(PropertyNamingStrategies.SNAKE_CASE)
          .changeDefaultPropertyInclusion(
              now -> now.withValueInclusion(JsonInclude.Include.NON_ABSENT))
          .enable(SerializationFeature.INDENT_OUTPUT)
          .build();

  private final Path workingDir;
  private final Speed measured;

  /// The command in the process's working directory.
  public CheckCommand() {
    this(Path.of(""), Speed.MEASURED);
  }

  /// @param workingDir that relative paths are meant from
  public CheckCommand(Path workingDir) {
    this(workingDir, Speed.MEASURED);
  }

  /// @param measured asked with `--measure` only
  CheckCommand(Path workingDir, Speed measured) {
    this.workingDir = workingDir;
    this.measured = measured;
  }

  @Override
  public int run(List<String> arguments, Console console) {
    List<String> words = new ArrayList<>(arguments);
    boolean json = words.removeIf(JSON::equals);
    Speed speed = words.removeIf(MEASURE::equals) ? measured : Speed.UNKNOWN;
    FlagsReader.Command command;
    try {
      command = FlagsReader.read(words, workingDir);
    } catch (InputException e) {
      if (json) {
        Problems problems = new Problems();
        problems.add(String.valueOf(e.getMessage()));
        console.print(MAPPER.writeValueAsString(Map.of("errors", problems.list())));
      }
      throw e;
    }
    if (command.flags().helpWanted()) {
      help(console);
      return ExitCode.OK;
    }
    if (command.written().isPresent()) {
      console.report("--output_config: the flags were written to " + command.written().get());
      return ExitCode.OK;
    }
    Preview preview = Inspection.of(command.flags(), command.warnings(), workingDir, speed);
    if (json) {
      console.print(MAPPER.writeValueAsString(preview));
    }
    if (!preview.errors().isEmpty()) {
      preview.errors().forEach(console::report);
      return ExitCode.WRONG_INPUT;
    }
    if (!json) {
      PreviewText.of(preview, COLUMNS).forEach(console::print);
    }
    return ExitCode.OK;
  }

  private static void help(Console console) {
    console.print("Usage: anima check FLAGS [--json] [--measure]");
    console.print("");
    console.print(
        "Tells what \"anima train FLAGS\" would do, without loading any weights: images,");
    console.print("buckets, steps, what every flag does, files it would write, warnings.");
    console.print("--json prints the same as JSON; --measure loads libtorch and times a matrix");
    console.print("product, to guess how long the run takes. The flags are those of anima train:");
    console.print("");
    FlagHelp.text(FlagTable.train(), COLUMNS).lines().forEach(console::print);
  }
}
