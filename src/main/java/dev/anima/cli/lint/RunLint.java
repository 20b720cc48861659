package dev.anima.cli.lint;

import dev.anima.captions.CaptionSet;
import dev.anima.captions.CaptionSource;
import dev.anima.captions.Prefixes;
import dev.anima.captions.TagKnowledge;
import dev.anima.captions.Vocabulary;
import dev.anima.config.DatasetConfig;
import dev.anima.config.DatasetSpec;
import dev.anima.io.InputException;
import dev.anima.lint.Finding;
import dev.anima.lint.Lint;
import dev.anima.lint.LintOptions;
import dev.anima.lint.LintRule;
import dev.anima.lint.Severity;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/// The errors of lint for a run that is checked or begins: of the rules that reading the datasets
/// does not tell already.
public final class RunLint {
  private static final Set<LintRule> RULES =
      Set.of(LintRule.TRIGGER_MISSING, LintRule.TRIGGER_POSITION, LintRule.CAPTION_EXTENSION);
  private static final int NAMED = 3;

  /// @param code id of the rule
  public record Problem(String code, String message) {}

  private RunLint() {}

  /// @param workingDir that stands for the dataset file where there is none
  public static List<Problem> errors(DatasetConfig config, Path workingDir) {
    boolean folders =
        config.datasets().stream()
            .anyMatch(dataset -> dataset.style() != DatasetSpec.Style.FINE_TUNING);
    if (!folders) {
      return List.of();
    }
    try {
      CaptionSet set =
          CaptionSet.read(
              CaptionSource.of(config.datasets(), null, config.file().orElse(workingDir)),
              CaptionSet.Options.DEFAULT);
      Prefixes prefixes = Prefixes.of(set, Map.of(), TagKnowledge.shipped());
      return Lint.of(set, prefixes, Vocabulary.empty())
          .with(
              new LintOptions(RULES, false, LintOptions.DISTANCE, Optional.empty(), Set.of(), true))
          .run()
          .findings()
          .stream()
          .filter(finding -> finding.severity() == Severity.ERROR)
          .map(finding -> new Problem(finding.rule().id(), message(finding)))
          .toList();
    } catch (InputException _) {
      return List.of(); // what is wrong with a folder is told where the datasets are read
    }
  }

  private static String message(Finding finding) {
    List<String> images = finding.images();
    if (images.isEmpty()) {
      return "lint: " + finding.message();
    }
    List<String> named = new ArrayList<>(images.subList(0, Math.min(NAMED, images.size())));
    int more = images.size() - named.size();
    return "lint: %s: %s%s"
        .formatted(
            finding.message(), String.join(", ", named), more == 0 ? "" : " and " + more + " more");
  }
}
