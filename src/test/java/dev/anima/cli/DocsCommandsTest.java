package dev.anima.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.anima.config.CommandLine;
import dev.anima.config.FlagTable;
import dev.anima.config.Flags;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// The commands in README and in the guides are ones that the program takes.
class DocsCommandsTest {
  private static final Pattern WORD = Pattern.compile("'([^']*)'|\"([^\"]*)\"|(\\S+)");

  private final Screen screen = new Screen();

  /// A command of a fenced block, without `./anima`.
  record Quoted(String file, List<String> words) {
    @Override
    public String toString() {
      return file + ": " + String.join(" ", words);
    }
  }

  static Stream<Quoted> commands() throws IOException {
    List<Quoted> commands = new ArrayList<>();
    for (String file : List.of("README.md", "docs/training.md", "docs/run.md")) {
      boolean fenced = false;
      String command = "";
      for (String line : Files.readAllLines(Path.of(file))) {
        if (line.startsWith("```")) {
          fenced = !fenced;
        } else if (fenced && (line.startsWith("./anima ") || !command.isEmpty())) {
          command += line.replaceFirst(" # .*", "").strip();
          if (command.endsWith("\\")) {
            command = command.substring(0, command.length() - 1);
          } else {
            commands.add(new Quoted(file, words(command)));
            command = "";
          }
        }
      }
      assertThat(fenced).as("an open block in " + file).isFalse();
    }
    return commands.stream();
  }

  /// As a shell splits them, without `./anima`.
  private static List<String> words(String command) {
    List<String> words =
        WORD.matcher(command)
            .results()
            .map(word ->
                IntStream.rangeClosed(1, 3)
                    .mapToObj(word::group)
                    .filter(Objects::nonNull)
                    .findFirst()
                    .orElseThrow())
            .toList();
    return words.subList(1, words.size());
  }

  @ParameterizedTest
  @MethodSource("commands")
  void everyCommandIsTaken(Quoted command) {
    String name = command.words().getFirst();
    List<String> rest = command.words().subList(1, command.words().size());
    if (name.equals("train") || name.equals("check")) {
      Flags flags =
          CommandLine.parse(rest); // throws for an unknown flag, or a value of a wrong kind
      assertThat(flags.given("pretrained_model_name_or_path")).isTrue();
      for (var value : flags.set()) {
        assertThat(rest).as("written out").anyMatch(word -> word.startsWith(value.flag().dashed()));
      }
    } else if (name.equals("tag")) {
      assertThat(CommandLine.parse(FlagTable.tag(), rest).plainWords()).isNotEmpty();
    } else if (!name.equals("test")) {
      String[] words = command.words().toArray(String[]::new);
      assertThat(Commands.tree(screen.console, command.words()).parseArgs(words).subcommands())
          .hasSize(1);
    }
  }

  @Test
  void thereAreSome() throws IOException {
    assertThat(commands().filter(each -> each.file().equals("docs/training.md")))
        .hasSizeGreaterThan(5);
    assertThat(commands().filter(each -> each.file().equals("README.md"))).hasSizeGreaterThan(3);
  }
}
