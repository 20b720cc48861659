package dev.anima.lint;

import dev.anima.captions.CaptionSet;
import dev.anima.captions.CaptionedImage;
import dev.anima.captions.Prefixes;
import dev.anima.captions.Vocabulary;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/// Runs the rules over a data set. Writes nothing.
public final class Lint {
  private final CaptionSet set;
  private final Prefixes prefixes;
  private final Vocabulary vocabulary;
  private final LintOptions options;

  private Lint(CaptionSet set, Prefixes prefixes, Vocabulary vocabulary, LintOptions options) {
    this.set = set;
    this.prefixes = prefixes;
    this.vocabulary = vocabulary;
    this.options = options;
  }

  /// With the usual rules, on captions only.
  public static Lint of(CaptionSet set, Prefixes prefixes, Vocabulary vocabulary) {
    return new Lint(set, prefixes, vocabulary, LintOptions.captionsOnly());
  }

  public Lint with(LintOptions other) {
    return new Lint(set, prefixes, vocabulary, other);
  }

  /// A dataset file that cannot be read, as findings; empty if its problems are none of lint's.
  ///
  /// @param message what reading it told
  public static Optional<LintReport> ofBrokenFile(String message) {
    return ConfigRules.ofProblems(message).map(findings -> new LintReport(findings, 0));
  }

  public LintReport run() {
    LintContext context = new LintContext(set, prefixes, vocabulary, options);
    new ConfigRules(context).check();
    new CaptionRules(context).check();
    new TagRules(context).check();
    new ContradictionRules(context).check();
    new PrefixRules(context).check();
    new DistributionRules(context).check();
    if (options.images()) {
      new ImageRules(context).check();
    }
    return new LintReport(context.findings(), set.images().size());
  }

  /// The findings, by image, for filters. Rules about images are looked for too.
  public Lookup lookup() {
    Lint everything =
        with(
            new LintOptions(
                Set.copyOf(Arrays.asList(LintRule.values())),
                true,
                options.distance(),
                Optional.of(TokenCounts.load()),
                options.deprecated(),
                options.latentsCached()));
    return new Lookup(everything.run());
  }

  /// Which findings an image has.
  public static final class Lookup {
    private final Map<String, Set<String>> byImage = new HashMap<>();

    Lookup(LintReport report) {
      for (Finding finding : report.findings()) {
        for (String image : finding.images()) {
          Set<String> words = byImage.computeIfAbsent(image, _ -> new HashSet<>());
          words.add(finding.rule().id());
          if (finding.rule().isUsual()) {
            words.add(finding.severity().label());
            words.add("any");
          }
        }
      }
    }

    /// @param what `any`, a severity, or the id of a rule
    public boolean finds(CaptionedImage image, String what) {
      return byImage.getOrDefault(image.name(), Set.of()).contains(what);
    }
  }
}
