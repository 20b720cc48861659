package dev.anima.lint;

import java.util.Arrays;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;

/// How lint looks.
///
/// @param rules that are looked for
/// @param images whether images are decoded, which takes a while
/// @param distance of two perceptual hashes up to which images are similar, of 64
/// @param tokens to count tokens with, empty to leave that out
/// @param deprecated tags that should no longer be used
/// @param latentsCached whether latents will be cached, as far as that is known
public record LintOptions(
    Set<LintRule> rules,
    boolean images,
    int distance,
    Optional<TokenCounts> tokens,
    Set<String> deprecated,
    boolean latentsCached) {
  public static final int DISTANCE = 6;

  public LintOptions {
    rules = Set.copyOf(rules);
    deprecated = Set.copyOf(deprecated);
  }

  /// The usual rules, without looking into images and without counting tokens.
  public static LintOptions captionsOnly() {
    return new LintOptions(usual(), false, DISTANCE, Optional.empty(), Set.of(), true);
  }

  /// Rules that are looked for unless told otherwise.
  public static Set<LintRule> usual() {
    return Arrays.stream(LintRule.values())
        .filter(LintRule::isUsual)
        .collect(Collectors.toUnmodifiableSet());
  }
}
