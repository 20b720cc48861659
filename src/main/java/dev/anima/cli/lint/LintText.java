package dev.anima.cli.lint;

import dev.anima.captions.CaptionedImage;
import dev.anima.cli.captions.EditReport;
import dev.anima.lint.Finding;
import dev.anima.lint.LintReport;
import dev.anima.lint.LintRule;
import dev.anima.lint.Severity;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/// A report of lint, to be read by people and programs.
record LintText(LintReport report, boolean explain) {
  private static final int NAMED = 5;

  /// Each finding once, the images it concerns behind it; errors first.
  List<String> plain() {
    List<String> lines = new ArrayList<>();
    Set<LintRule> explained = EnumSet.noneOf(LintRule.class);
    for (Finding finding : report.findings()) {
      lines.add(
          "%-5s %s: %s%s"
              .formatted(
                  finding.severity().label(),
                  finding.rule().id(),
                  CaptionedImage.shown(finding.message()),
                  images(finding)));
      if (explain && explained.add(finding.rule())) {
        lines.add("      " + finding.rule().explanation());
        if (finding.rule().fix() != LintRule.Fix.NONE) {
          lines.add(
              "      --fix %s: %s".formatted(finding.rule().id(), finding.rule().fix().text()));
        }
      }
    }
    lines.add(summary());
    return lines;
  }

  private String summary() {
    return "%d images: %d errors, %d warnings, %d infos"
        .formatted(
            report.images(),
            report.count(Severity.ERROR),
            report.count(Severity.WARN),
            report.count(Severity.INFO));
  }

  private static String images(Finding finding) {
    List<String> images = finding.images();
    if (images.isEmpty()) {
      return "";
    }
    String named =
        String.join(", ", images.stream().limit(NAMED).map(CaptionedImage::shown).toList());
    return images.size() == 1
        ? " (%s)".formatted(named)
        : " (%d images: %s%s)"
            .formatted(images.size(), named, images.size() > NAMED ? ", ..." : "");
  }

  String json() {
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("images", report.images());
    json.put("errors", report.count(Severity.ERROR));
    json.put("warnings", report.count(Severity.WARN));
    json.put("infos", report.count(Severity.INFO));
    Map<String, Integer> totals = new LinkedHashMap<>();
    report.totals().forEach((rule, count) -> totals.put(rule.id(), count));
    json.put("totals", totals);
    List<Map<String, Object>> rows = new ArrayList<>();
    for (Finding finding : report.findings()) {
      Map<String, Object> row = new LinkedHashMap<>();
      row.put("rule", finding.rule().id());
      row.put("severity", finding.severity().label());
      row.put("message", finding.message());
      row.put("images", finding.images());
      row.put("folder", finding.folder());
      row.put("tag", finding.tag());
      row.put("fix", finding.rule().fix().text());
      row.put("explanation", finding.rule().explanation());
      rows.add(row);
    }
    json.put("findings", rows);
    return EditReport.MAPPER.writeValueAsString(json);
  }

  /// Annotations for continuous integration.
  List<String> github() {
    List<String> lines = new ArrayList<>();
    for (Finding finding : report.findings()) {
      String kind =
          switch (finding.severity()) {
            case ERROR -> "error";
            case WARN -> "warning";
            case INFO -> "notice";
          };
      List<String> images = finding.images().isEmpty() ? List.of("") : finding.images();
      for (String image : images) {
        String file = image.isEmpty() ? "" : "file=" + escaped(image).replace(",", "%2C") + ",";
        lines.add(
            "::%s %stitle=%s::%s"
                .formatted(kind, file, finding.rule().id(), escaped(finding.message())));
      }
    }
    return lines;
  }

  private static String escaped(String text) {
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A");
  }

  /// A page of its own.
  List<String> html() {
    List<String> lines = new ArrayList<>();
    lines.add("<!doctype html><meta charset=\"utf-8\"><title>anima lint</title>");
    lines.add(
        "<style>body{font:16px sans-serif;margin:2em}td{vertical-align:top;padding:.3em .8em}.error{color:#b00}.warn{color:#850}</style>");
    lines.add("<h1>anima lint</h1><p>" + summary() + "</p><table>");
    for (Finding finding : report.findings()) {
      lines.add(
          "<tr><td class=\"%s\">%s</td><td>%s</td><td>%s<br><small>%s</small></td><td>%s</td></tr>"
              .formatted(
                  finding.severity().label(),
                  finding.severity().label(),
                  finding.rule().id(),
                  plain(finding.message()),
                  plain(finding.rule().explanation()),
                  plain(String.join(", ", finding.images()))));
    }
    lines.add("</table>");
    return lines;
  }

  private static String plain(String text) {
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;");
  }
}
