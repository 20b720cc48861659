package dev.anima.sample;

import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.Collectors;

/// What can be said about a sample picture: by an option of a text line, or by a key of a table.
enum PromptKey {
  PROMPT("", "prompt", Kind.TEXT, ""),
  NEGATIVE("n", "negative_prompt", Kind.TEXT, "", "negative", "neg_prompt"),
  WIDTH("w", "width", Kind.INTEGER, ""),
  HEIGHT("h", "height", Kind.INTEGER, ""),
  SEED("d", "seed", Kind.INTEGER, ""),
  STEPS("s", "sample_steps", Kind.INTEGER, "", "steps", "num_inference_steps"),
  SCALE("l", "scale", Kind.NUMBER, "", "cfg", "cfg_scale", "guidance"),
  SHIFT("fs", "flow_shift", Kind.TEXT, "", "shift", "discrete_flow_shift"),

  // Of other model families: part of files that people have.
  GUIDANCE("g", "guidance_scale", Kind.TEXT, "guidance is --l (scale)"),
  SAMPLER("ss", "sample_sampler", Kind.TEXT, "Anima is sampled by Euler steps", "sampler"),
  CONTROL_IMAGE("cn", "controlnet_image", Kind.TEXT, "Anima has no control images"),
  CFG_TRUNCATION("ctr", "cfg_trunc_ratio", Kind.TEXT, "guidance is never cut off"),
  CFG_RENORM("rcfg", "renorm_cfg", Kind.TEXT, "guidance is never renormalised"),
  MULTIPLIERS("am", "additional_network_multiplier", Kind.TEXT, "the LoRA is drawn as trained"),
  INIT_IMAGE("i", "init_image", Kind.TEXT, "pictures start from noise"),
  MASK("mk", "mask_image", Kind.TEXT, "pictures start from noise");

  /// How an option's value is read.
  enum Kind {
    /// All of it.
    TEXT,
    /// The digits it begins with.
    INTEGER,
    /// The digits and points it begins with.
    NUMBER
  }

  /// Beginnings shorter than this say too little to suggest a name.
  private static final int SHORTEST_LIKENESS = 3;

  private final String option;
  private final String key;
  private final Kind kind;
  private final String reasonIgnored;

  /// What people write instead, separated by blanks.
  private final String otherNames;

  PromptKey(String option, String key, Kind kind, String reasonIgnored, String... otherNames) {
    this.option = option;
    this.key = key;
    this.kind = kind;
    this.reasonIgnored = reasonIgnored;
    this.otherNames = String.join(" ", otherNames);
  }

  String key() {
    return key;
  }

  Kind kind() {
    return kind;
  }

  /// Why it has no effect; empty if it has one.
  Optional<String> reasonIgnored() {
    return reasonIgnored.isEmpty() ? Optional.empty() : Optional.of(reasonIgnored);
  }

  /// The key with this name in a TOML or JSON table.
  static Optional<PromptKey> ofKey(String name) {
    return Arrays.stream(values()).filter(key -> key.key.equals(name)).findFirst();
  }

  /// The key with this option in a text line, without dashes, in any case.
  static Optional<PromptKey> ofOption(String name) {
    return Arrays.stream(values())
        .filter(key -> !key.option.isEmpty() && key.option.equalsIgnoreCase(name))
        .findFirst();
  }

  /// The option that an unknown one was probably meant to be, or all there are, as a hint below a
  /// message.
  static String optionHint(String typed) {
    return nearest(typed)
        .filter(key -> !key.option.isEmpty())
        .map(key -> "\n  -> did you mean --" + key.option + "?")
        .orElseGet(() ->
            Arrays.stream(values())
                .filter(key -> !key.option.isEmpty() && key.reasonIgnored.isEmpty())
                .map(key -> "--%s (%s)".formatted(key.option, key.key))
                .collect(Collectors.joining(", ", "\n  -> options are ", "")));
  }

  /// The same for the key of a table.
  static String keyHint(String typed) {
    return nearest(typed)
        .map(key -> "\n  -> did you mean " + key.key + "?")
        .orElseGet(() ->
            Arrays.stream(values())
                .filter(key -> key.reasonIgnored.isEmpty())
                .map(PromptKey::key)
                .collect(Collectors.joining(", ", "\n  -> keys are ", "")));
  }

  // The key one of whose names shares the longest beginning with what was typed: people write
  // --steps, --heigth or negativeprompt. Spellings decide better here than counted edits, as an
  // option of one letter is an edit away from every other.
  private static Optional<PromptKey> nearest(String typed) {
    Optional<PromptKey> best = Optional.empty();
    int longest = SHORTEST_LIKENESS - 1;
    for (PromptKey key : values()) {
      for (String name : key.names()) {
        int shared = sharedBeginning(bare(typed), bare(name));
        if (key.reasonIgnored.isEmpty() && shared > longest) {
          best = Optional.of(key);
          longest = shared;
        }
      }
    }
    return best;
  }

  private List<String> names() {
    return List.of((key + " " + otherNames).split(" "));
  }

  private static String bare(String name) {
    return name.toLowerCase(Locale.ROOT).replaceAll("[^a-z]", "");
  }

  private static int sharedBeginning(String a, String b) {
    int length = 0;
    while (length < Math.min(a.length(), b.length()) && a.charAt(length) == b.charAt(length)) {
      length++;
    }
    return length;
  }
}
