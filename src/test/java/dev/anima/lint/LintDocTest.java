package dev.anima.lint;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

class LintDocTest {
  @Test
  void theTableIsTheListOfRules() throws IOException {
    List<String> documented =
        Files.readAllLines(Path.of("docs/lint.md")).stream()
            .filter(line -> line.startsWith("| `"))
            .toList();
    List<String> rules =
        Arrays.stream(LintRule.values())
            .map(rule ->
                "| `%s` | %s | %s | %s |"
                    .formatted(
                        rule.id(),
                        rule.severity().label(),
                        rule.explanation().replace("|", "\\|"),
                        rule.fix().text()))
            .toList();
    assertThat(documented).isEqualTo(rules);
  }

  @Test
  void everyRuleSaysWhyInASentence() {
    assertThat(LintRule.values()).allSatisfy(rule -> assertThat(rule.explanation()).contains("."));
  }
}
