package dev.anima.cli.lint;

import dev.anima.captions.CaptionSet;
import dev.anima.captions.CaptionedImage;
import dev.anima.captions.Editor;
import dev.anima.captions.Plan;
import dev.anima.captions.Prefixes;
import dev.anima.captions.Snapshots;
import dev.anima.cli.Console;
import dev.anima.cli.ExitCode;
import dev.anima.cli.captions.EditOptions;
import dev.anima.cli.captions.EditReport;
import dev.anima.cli.captions.RepeatsWriter;
import dev.anima.cli.captions.Selection;
import dev.anima.cli.captions.Surroundings;
import dev.anima.cli.captions.Workplace;
import dev.anima.config.NearestName;
import dev.anima.io.InputException;
import dev.anima.lint.Finding;
import dev.anima.lint.Lint;
import dev.anima.lint.LintOptions;
import dev.anima.lint.LintReport;
import dev.anima.lint.LintRule;
import dev.anima.lint.Severity;
import dev.anima.lint.TokenCounts;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/// `anima lint DATA`: looks for what would stop training or harm it.
@Command(
    name = "lint",
    description = "Looks for what would stop training or harm it: captions, triggers, images.")
public final class LintCommand implements Callable<Integer> {
  private static final String ALL_SAFE = "safe";

  @Mixin private Selection selection = new Selection();

  @Option(
      names = "--rules",
      paramLabel = "ID,...",
      split = ",",
      description = "look for these rules only")
  private List<String> rules = new ArrayList<>();

  @Option(
      names = "--without",
      paramLabel = "ID,...",
      split = ",",
      description = "do not look for these rules")
  private List<String> without = new ArrayList<>();

  @Option(
      names = "--fail-on",
      paramLabel = "SEVERITY",
      description = "exit code 1 from error (default), warn or info on; never")
  private String failOn = "error";

  @Option(names = "--json", description = "print the findings as JSON")
  private boolean json;

  @Option(
      names = "--format",
      paramLabel = "FORMAT",
      description = "text (default), json, html or github")
  private String format = "text";

  @Option(names = "--no-images", description = "do not look into image files")
  private boolean noImages;

  @Option(names = "--no-tokens", description = "do not count tokens")
  private boolean noTokens;

  @Option(
      names = "--no-latent-cache",
      description = "training will not cache latents: without buckets sizes must fit")
  private boolean noLatentCache;

  @Option(
      names = "--distance",
      paramLabel = "N",
      description = "bits in which hashes of similar images may differ (default: 6)")
  private int distance = LintOptions.DISTANCE;

  @Option(
      names = "--deprecated",
      paramLabel = "FILE",
      description = "tags that should not be used, one a line")
  private @Nullable Path deprecated;

  @Option(
      names = "--fix",
      arity = "0..1",
      fallbackValue = ALL_SAFE,
      paramLabel = "ID,...",
      description = "repair: what is safe, or what these rules found")
  private @Nullable String fix;

  @Option(names = "--dry-run", description = "with --fix: show what would change")
  private boolean dryRun;

  @Option(names = "--explain", description = "tell why each rule matters")
  private boolean explain;

  private final Console console;
  private final Surroundings surroundings;

  public LintCommand(Console console) {
    this(console, Surroundings.current());
  }

  public LintCommand(Console console, Surroundings surroundings) {
    this.console = console;
    this.surroundings = surroundings;
  }

  @Override
  public Integer call() {
    LintOptions options = options();
    checkFormat();
    Workplace workplace;
    try {
      workplace = Workplace.of(selection, surroundings);
    } catch (InputException e) {
      return brokenFile(e);
    }
    if (fix != null) {
      return repair(workplace, options, fixedRules(fix));
    }
    LintReport report = look(workplace, workplace.read(), options);
    tell(report);
    return exitCode(report);
  }

  /// A dataset file that cannot be read is a finding too.
  private int brokenFile(InputException e) {
    LintReport report = Lint.ofBrokenFile(String.valueOf(e.getMessage())).orElseThrow(() -> e);
    tell(report);
    return exitCode(report);
  }

  private LintReport look(Workplace workplace, CaptionSet set, LintOptions options) {
    List<String> hints = new ArrayList<>();
    Predicate<CaptionedImage> scope = workplace.scope(set, hints);
    hints.forEach(hint -> console.report("hint: " + hint));
    LintReport report =
        Lint.of(set, workplace.prefixes(set), workplace.vocabulary()).with(options).run();
    if (selection.isWhole()) {
      return report;
    }
    Set<String> names = new HashSet<>();
    set.images().stream().filter(scope).forEach(image -> names.add(image.name()));
    return new LintReport(
        report.findings().stream()
            .map(finding -> within(finding, names))
            .filter(finding -> !finding.images().isEmpty())
            .toList(),
        names.size());
  }

  private static Finding within(Finding finding, Set<String> names) {
    return new Finding(
        finding.rule(),
        finding.severity(),
        finding.message(),
        finding.images().stream().filter(names::contains).toList(),
        finding.folder(),
        finding.tag());
  }

  private LintOptions options() {
    Set<LintRule> wanted = new HashSet<>(rules.isEmpty() ? LintOptions.usual() : of(rules));
    wanted.removeAll(of(without));
    boolean images = !noImages && wanted.stream().anyMatch(LintRule::isAboutImages);
    boolean tokens =
        !noTokens
            && (wanted.contains(LintRule.CAPTION_TOKENS)
                || wanted.contains(LintRule.TRIGGER_COLLISION));
    if (distance < 0 || distance > 32) {
      throw new InputException("--distance: expected 0 to 32, got " + distance);
    }
    Path list = deprecated;
    return new LintOptions(
        wanted,
        images,
        distance,
        tokens ? Optional.of(TokenCounts.load()) : Optional.empty(),
        list == null
            ? Set.of()
            : Set.copyOf(Workplace.lines(surroundings.workingDir().resolve(list))),
        !noLatentCache);
  }

  private static Set<LintRule> of(List<String> ids) {
    Set<LintRule> found = EnumSet.noneOf(LintRule.class);
    for (String id : ids) {
      found.add(
          LintRule.of(id.strip())
              .orElseThrow(() ->
                  new InputException(
                      "there is no rule \"%s\"%s"
                          .formatted(id, NearestName.hint(id, LintRule.ids())))));
    }
    return found;
  }

  private void checkFormat() {
    List<String> formats = List.of("text", "json", "html", "github");
    if (!formats.contains(format)) {
      throw new InputException(
          "--format: expected text, json, html or github, got \"%s\"%s"
              .formatted(format, NearestName.hint(format, formats)));
    }
    List<String> levels = List.of("error", "warn", "info", "never");
    if (!levels.contains(failOn)) {
      throw new InputException(
          "--fail-on: expected error, warn, info or never, got \"%s\"%s"
              .formatted(failOn, NearestName.hint(failOn, levels)));
    }
  }

  private void tell(LintReport report) {
    String chosen = json ? "json" : format;
    LintText text = new LintText(report, explain);
    switch (chosen) {
      case "json" -> console.print(text.json());
      case "html" -> text.html().forEach(console::print);
      case "github" -> text.github().forEach(console::print);
      default -> text.plain().forEach(console::print);
    }
  }

  private int exitCode(LintReport report) {
    boolean fails =
        !failOn.equals("never")
            && report
                .worst()
                .map(worst -> worst.isAtLeast(Severity.valueOf(failOn.toUpperCase(Locale.ROOT))))
                .orElse(false);
    return fails ? ExitCode.FAILED : ExitCode.OK;
  }

  private static Set<LintRule> fixedRules(String ids) {
    if (ids.equals(ALL_SAFE)) {
      return Fixes.SAFE;
    }
    Set<LintRule> wanted = of(List.of(ids.split(",")));
    for (LintRule rule : wanted) {
      if (rule.fix() == LintRule.Fix.NONE) {
        throw new InputException("--fix: nothing can repair %s by itself".formatted(rule.id()));
      }
    }
    return wanted;
  }

  private int repair(Workplace workplace, LintOptions options, Set<LintRule> wanted) {
    EditOptions edit = new EditOptions();
    edit.dryRun = dryRun;
    edit.json = json;
    EditReport told = new EditReport(console, edit);
    if (wanted.contains(LintRule.SUBSET_UNBALANCED)) {
      balance(workplace);
    }
    if (dryRun) {
      return told.preview(plan(workplace, workplace.read(), options, wanted));
    }
    try (Editor editor = Editor.open(workplace.source().root(), workplace.state())) {
      editor.notes().forEach(note -> console.report("note: " + note));
      CaptionSet set = workplace.read();
      Plan plan = plan(workplace, set, options, wanted);
      if (!plan.changes().isEmpty()) {
        new Snapshots(workplace.state()).takeDaily(set);
      }
      return told.done(plan, Optional.of(editor.apply(plan)), selection.data());
    }
  }

  private Plan plan(
      Workplace workplace, CaptionSet set, LintOptions options, Set<LintRule> wanted) {
    Set<LintRule> looked = new HashSet<>(options.rules());
    looked.addAll(wanted);
    LintOptions only =
        new LintOptions(looked, false, distance, Optional.empty(), options.deprecated(), true);
    LintReport report = look(workplace, set, only);
    Prefixes prefixes = workplace.prefixes(set);
    return Plan.of(
        set, image -> true, Fixes.of(report, wanted), prefixes::given, Plan.Emptied.DELETE);
  }

  private void balance(Workplace workplace) {
    String told = RepeatsWriter.balance(workplace.source(), workplace.read(), dryRun);
    console.report(told);
  }
}
