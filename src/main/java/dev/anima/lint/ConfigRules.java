package dev.anima.lint;

import dev.anima.captions.CaptionFolder;
import dev.anima.captions.CaptionedImage;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;

/// Rules about the dataset file.
final class ConfigRules {
  private static final Pattern UNKNOWN =
      Pattern.compile("unknown key|not a key|is not allowed here");
  private static final Pattern PATH = Pattern.compile("Windows path|line break or tab|escape");
  private static final Pattern FOLDER = Pattern.compile("does not exist|not a folder");

  private final LintContext context;

  ConfigRules(LintContext context) {
    this.context = context;
  }

  void check() {
    if (context.set().source().file().isEmpty()) {
      return;
    }
    Map<Path, CaptionFolder> seen = new HashMap<>();
    context
        .folders()
        .forEach((folder, images) -> {
          if (images.isEmpty()) {
            context.in(
                folder,
                LintRule.CONFIG_DIR,
                "%s: %s holds no image that is trained"
                    .formatted(folder.spec().where(), folder.path()));
          }
          if (folder.spec().numRepeats() < 1) {
            context.in(
                folder,
                LintRule.CONFIG_DUP,
                "%s: num_repeats is %d, so %s is not used"
                    .formatted(folder.spec().where(), folder.spec().numRepeats(), folder.name()));
          }
          CaptionFolder other = seen.putIfAbsent(real(folder.path()), folder);
          if (other != null) {
            boolean sameDataset = other.dataset().equals(folder.dataset());
            context.in(
                folder,
                sameDataset ? LintRule.CONFIG_DUP : LintRule.CONFIG_OVERLAP,
                sameDataset
                    ? "%s: %s is named twice; the second is ignored"
                        .formatted(folder.spec().where(), folder.path())
                    : "%s: %s is in another dataset too, its images are trained twice"
                        .formatted(folder.spec().where(), folder.path()));
          }
        });
    linkedTwice(seen);
  }

  /// One image through two folders, by links.
  private void linkedTwice(Map<Path, CaptionFolder> folders) {
    Map<Path, CaptionedImage> images = new HashMap<>();
    Set<Path> done = new HashSet<>();
    for (CaptionedImage image : context.set().images()) {
      boolean first = image.folder().equals(folders.get(real(image.folder().path())));
      CaptionedImage other = first ? images.putIfAbsent(real(image.image()), image) : null;
      if (other != null && !other.folder().equals(image.folder()) && done.add(image.image())) {
        context.at(
            image,
            LintRule.CONFIG_OVERLAP,
            "is the same file as one in %s".formatted(other.folder().name()));
      }
    }
  }

  private static Path real(Path path) {
    try {
      return path.toRealPath();
    } catch (IOException _) {
      return path.toAbsolutePath().normalize();
    }
  }

  /// What keeps a dataset file from being read, as findings; empty if it is something else.
  ///
  /// @param message as [dev.anima.config.DatasetConfig] tells it: problems one a line, hints
  ///   indented below
  static Optional<List<Finding>> ofProblems(String message) {
    ArrayList<Finding> findings = new ArrayList<>();
    for (String line : message.lines().toList()) {
      if (line.startsWith(" ") && !findings.isEmpty()) {
        Finding last = findings.removeLast();
        findings.add(finding(last.rule(), last.message() + " " + line.strip()));
        continue;
      }
      LintRule rule =
          UNKNOWN.matcher(line).find()
              ? LintRule.CONFIG_UNKNOWN
              : PATH.matcher(line).find()
                  ? LintRule.CONFIG_PATH
                  : FOLDER.matcher(line).find() ? LintRule.CONFIG_DIR : null;
      if (rule == null) {
        return Optional.empty();
      }
      findings.add(finding(rule, line));
    }
    return findings.isEmpty() ? Optional.empty() : Optional.of(findings);
  }

  private static Finding finding(LintRule rule, String message) {
    return new Finding(rule, rule.severity(), message, List.of(), "", "");
  }
}
