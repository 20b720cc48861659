package dev.anima;

import static org.assertj.core.api.Assertions.assertThat;

import dev.anima.config.CommandLine;
import dev.anima.config.Flags;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// The commands in README and in the guides are ones that the program takes.
class DocsCommandsTest {
  private static final Set<String> OTHERS =
      Set.of("demo", "test", "doctor", "resume", "run", "setup", "bench");

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

  private static List<String> words(String command) {
    List<String> words = Arrays.asList(command.strip().split("\\s+"));
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
    } else {
      assertThat(OTHERS).contains(name);
    }
  }

  @Test
  void thereAreSome() throws IOException {
    assertThat(commands().filter(each -> each.file().equals("docs/training.md")))
        .hasSizeGreaterThan(5);
    assertThat(commands().filter(each -> each.file().equals("README.md"))).hasSizeGreaterThan(3);
  }
}
