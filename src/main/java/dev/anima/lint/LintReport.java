package dev.anima.lint;

import java.util.Comparator;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// What lint found: errors first; among equals what concerns few images before what concerns many.
///
/// @param images that were looked at
public record LintReport(List<Finding> findings, int images) {
  private static final Comparator<Finding> ORDER =
      Comparator.comparing(Finding::severity)
          .thenComparingInt(finding -> finding.images().size())
          .thenComparing(Finding::rule);

  public LintReport {
    findings = findings.stream().sorted(ORDER).toList();
  }

  public long count(Severity severity) {
    return findings.stream().filter(finding -> finding.severity() == severity).count();
  }

  /// Findings by rule, in the order of the rules.
  public Map<LintRule, Integer> totals() {
    Map<LintRule, Integer> totals = new EnumMap<>(LintRule.class);
    findings.forEach(finding -> totals.merge(finding.rule(), 1, Integer::sum));
    return totals;
  }

  /// The worst severity, empty if nothing was found.
  public Optional<Severity> worst() {
    return findings.stream().map(Finding::severity).min(Comparator.naturalOrder());
  }
}
