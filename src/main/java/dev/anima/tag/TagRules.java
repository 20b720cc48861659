package dev.anima.tag;

import java.util.List;
import java.util.Set;

/// Which tags a picture gets from its probabilities, and in which order.
///
/// @param inclusive whether a probability equal to the threshold passes
/// @param undesired names that are left out, as they are spelt in captions
/// @param order of general tags and characters
/// @param maxTags of the likeliest general tags and characters; 0 for no limit
/// @param alwaysFirst names that move to the front if they were found
/// @param prefix tags that a caption begins with, found or not
/// @param separator between tags
/// @param faults whether sd-scripts' mistakes are repeated: characters and always-first tags in
///   reverse order, replacements that do nothing
record TagRules(
    Thresholds thresholds,
    boolean inclusive,
    TagNames.Underscores underscores,
    boolean expandCharacters,
    List<Replacement> replacements,
    Set<String> undesired,
    TagOrder order,
    int maxTags,
    boolean charactersFirst,
    Place rating,
    Place quality,
    List<String> alwaysFirst,
    List<String> prefix,
    String separator,
    boolean faults) {

  /// Where the likeliest rating or quality goes.
  enum Place {
    NOWHERE,
    FIRST,
    LAST;

    /// @param first,last the two flags
    /// @param lastWins if both are given
    static Place of(boolean first, boolean last, boolean lastWins) {
      if (first && last) {
        return lastWins ? LAST : FIRST;
      }
      return first ? FIRST : last ? LAST : NOWHERE;
    }
  }

  TagRules {
    replacements = List.copyOf(replacements);
    undesired = Set.copyOf(undesired);
    alwaysFirst = List.copyOf(alwaysFirst);
    prefix = List.copyOf(prefix);
  }
}
