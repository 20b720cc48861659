package dev.anima.cli.lint;

import dev.anima.captions.BoundedRegex;
import dev.anima.captions.Caption;
import dev.anima.captions.Implications;
import dev.anima.captions.Operation;
import dev.anima.captions.TagKnowledge;
import dev.anima.captions.TagOperations;
import dev.anima.captions.TagPattern;
import dev.anima.captions.TextOperations;
import dev.anima.lint.Finding;
import dev.anima.lint.LintReport;
import dev.anima.lint.LintRule;
import dev.anima.lint.LintRule.Fix;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;

/// Repairs captions: for every image the edits of the rules that found something there.
///
/// @param byImage rules to repair, by the name of the image
/// @param toSpaces whether underscores become spaces, else the reverse
record Fixes(Map<String, Set<LintRule>> byImage, boolean toSpaces) implements Operation {
  /// What `--fix` repairs without being told what: edits that lose nothing.
  static final Set<LintRule> SAFE =
      EnumSet.of(
          LintRule.CAPTION_BOM,
          LintRule.CAPTION_CHARS,
          LintRule.TAG_DUPLICATE,
          LintRule.TAG_EMPTY,
          LintRule.ESCAPED_BRACKET,
          LintRule.WEIGHT_SYNTAX,
          LintRule.PROMPT_SYNTAX);

  static Fixes of(LintReport report, Set<LintRule> rules) {
    Map<String, Set<LintRule>> byImage = new HashMap<>();
    boolean spaces = true;
    for (Finding finding : report.findings()) {
      if (rules.contains(finding.rule()) && finding.rule().fix() != Fix.NONE) {
        finding
            .images()
            .forEach(image ->
                byImage
                    .computeIfAbsent(image, _ -> EnumSet.noneOf(LintRule.class))
                    .add(finding.rule()));
        if (finding.rule() == LintRule.TAG_UNDERSCORE) {
          spaces = finding.tag().contains("_");
        }
      }
    }
    return new Fixes(byImage, spaces);
  }

  @Override
  public String name() {
    return "lint-fix";
  }

  @Override
  public String description() {
    Set<LintRule> all = EnumSet.noneOf(LintRule.class);
    byImage.values().forEach(all::addAll);
    return "repair " + String.join(", ", all.stream().map(LintRule::id).toList());
  }

  @Override
  public boolean removesMark() {
    return byImage.values().stream().anyMatch(rules -> rules.contains(LintRule.CAPTION_BOM));
  }

  @Override
  public String apply(Caption caption) {
    Caption now = caption;
    for (LintRule rule : byImage.getOrDefault(caption.key(), Set.of())) {
      String line = edit(rule).apply(now);
      now = now.withLine(line);
    }
    return now.line();
  }

  private Function<Caption, String> edit(LintRule rule) {
    return switch (rule.fix()) {
      case NONE, REWRITE, BALANCE -> Caption::line;
      case CHARACTERS -> caption -> characters(caption.line());
      case DEDUP -> TagOperations.dedup(true)::apply;
      case REMOVE_EMPTY -> TagOperations.removeEmpty()::apply;
      case PRUNE_IMPLIED ->
          TagOperations.pruneImplied(
                  new Implications(TagKnowledge.shipped()), TagOperations.Keep.SPECIFIC)
              ::apply;
      case UNDERSCORES -> TextOperations.underscores(toSpaces)::apply;
      case LOWER_CASE -> TextOperations.lowerCase()::apply;
      case UNESCAPE -> TextOperations.unescape()::apply;
      case STRIP_WEIGHTS -> TextOperations.stripWeights()::apply;
      case REMOVE_PROMPT ->
          TagOperations.remove(
                  List.of(
                      new TagPattern.Regex(
                          BoundedRegex.compile(
                              "<(lora|lyco|hypernet):[^>]*>|BREAK|AND|embedding:\\S+",
                              false,
                              false))),
                  "prompt syntax")
              ::apply;
      case REMOVE_NO_CONTENT ->
          TagOperations.remove(
                  TagKnowledge.shipped().list("no-content").stream()
                      .<TagPattern>map(TagPattern.Literal::new)
                      .toList(),
                  "tags without content")
              ::apply;
      case SET_PREFIX ->
          caption ->
              caption.prefix().isEmpty()
                  ? caption.line()
                  : TagOperations.setPrefix(caption.prefix()).apply(caption);
    };
  }

  private static String characters(String line) {
    return line.replaceAll("[\\t\\u00a0\\u3000]", " ")
        .replaceAll("[\\p{Cntrl}\\u200b-\\u200f\\u2060\\ufeff]", "")
        .replaceAll("\\s*[\\uff0c\\u3001]\\s*", ", ");
  }
}
