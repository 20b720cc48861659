package dev.anima.lint;

import java.util.Arrays;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;

/// Everything that lint looks for. The table in `docs/lint.md` is compared with this list by a
/// test.
public enum LintRule {
  CAPTION_MISSING(
      Severity.WARN,
      "An image has no caption file. Without class_tokens it trains on an empty caption (an error), with them on the same words as all others without."),
  CAPTION_EMPTY(
      Severity.ERROR, "A caption file of 0 bytes stops sd-scripts in the middle of loading."),
  CAPTION_BLANK(Severity.WARN, "A caption file holds nothing but spaces, separators or line ends."),
  CAPTION_ENCODING(
      Severity.ERROR,
      "A caption file is not UTF-8: training stops, and other editors replace the letters they do not know for good. Give --encoding once to read it."),
  CAPTION_BOM(
      Severity.WARN,
      "A byte order mark at the start of the file sticks to the first tag, which is usually the trigger.",
      Fix.REWRITE),
  CAPTION_MULTILINE(
      Severity.WARN,
      "A caption has several lines while enable_wildcard is off: all but the first are ignored."),
  CAPTION_CHARS(
      Severity.WARN,
      "Control characters, no-break or zero-width spaces, tabs, or another mark than the separator between tags: they become part of tags.",
      Fix.CHARACTERS),
  CAPTION_BRACES(
      Severity.WARN,
      "Braces that do not match with enable_wildcard on; or {a|b} with it off, which is then trained literally."),
  CAPTION_ORPHAN(Severity.INFO, "A caption file has no image."),
  CAPTION_EXTENSION(
      Severity.ERROR,
      "The captions have another extension than caption_extension says: none of them is read."),
  CAPTION_SHARED(Severity.WARN, "Two images of the same name share one caption file."),
  CAPTION_FALLBACK(
      Severity.INFO,
      "The caption comes from a file with a shorter name (the rule for face positions, NAME_x_y_w_h)."),
  CAPTION_TOKENS(
      Severity.WARN,
      "A caption has more tokens than the text encoders read (512 of Qwen3 and of T5): the rest is cut."),
  CAPTION_SAME(Severity.INFO, "Different images have the same caption beyond the prefix."),
  CAPTION_LENGTH(
      Severity.INFO,
      "Fewer than 3 or more than 60 tags, or far from what the other captions have."),
  CAPTION_SENTENCE(
      Severity.WARN,
      "A sentence with commas inside while captions are shuffled: it will be torn apart. Set keep_tokens_separator or secondary_separator."),

  TAG_DUPLICATE(Severity.WARN, "The same tag twice, upper and lower case and _ aside.", Fix.DEDUP),
  TAG_EMPTY(Severity.INFO, "Nothing between two separators, or after the last.", Fix.REMOVE_EMPTY),
  TAG_IMPLIED(
      Severity.INFO,
      "A tag that another one says already, such as bikini beside pink bikini.",
      Fix.PRUNE_IMPLIED),
  TAG_ALIAS(Severity.INFO, "The vocabulary has another name for this tag."),
  TAG_DEPRECATED(Severity.WARN, "The tag is in the list of deprecated tags (--deprecated)."),
  TAG_UNKNOWN(
      Severity.INFO, "A tag that is in no vocabulary, no prefix, and on fewer than 3 images."),
  TAG_MISSPELLED(Severity.WARN, "A rare tag that is nearly a frequent or known one."),
  TAG_UNDERSCORE(
      Severity.WARN,
      "A tag with _ where the data set has spaces, or the reverse: two tags for one thing.",
      Fix.UNDERSCORES),
  TAG_CASE(Severity.WARN, "Capitals in a known tag, or two spellings of one tag.", Fix.LOWER_CASE),
  WEIGHT_SYNTAX(
      Severity.WARN,
      "A weight such as (smile:1.2): training takes the brackets and the number literally.",
      Fix.STRIP_WEIGHTS),
  ESCAPED_BRACKET(
      Severity.WARN, "A backslash before a bracket: training takes it literally.", Fix.UNESCAPE),
  PROMPT_SYNTAX(
      Severity.WARN,
      "<lora:...>, BREAK, AND or embedding: belong to prompts; in captions they are plain text.",
      Fix.REMOVE_PROMPT),
  TAG_CONTRADICTION(Severity.WARN, "Tags that cannot both be true."),
  TAG_NO_CONTENT(
      Severity.INFO,
      "A tag that says nothing about the picture, such as highres.",
      Fix.REMOVE_NO_CONTENT),
  TAG_UNWANTED_CONTENT(
      Severity.INFO,
      "Watermarks, signatures, text and the like: the LoRA may learn them. Keep the tag so that it can be controlled, or better crop the image."),
  TAG_ARTIST(Severity.INFO, "An artist tag in the captions; Anima writes artists as @name."),
  ORDER_CATEGORY(
      Severity.INFO,
      "Another order than quality, people, character, series, artist, general. Only looked for when asked (--rules order-category).",
      false),

  TRIGGER_MISSING(
      Severity.ERROR,
      "A tag of the prefix is missing: the image does not train the trigger.",
      Fix.SET_PREFIX),
  TRIGGER_POSITION(
      Severity.WARN,
      "The prefix is there but not in front in its order; with shuffle_caption an error: keep_tokens keeps other tags in place.",
      Fix.SET_PREFIX),
  TRIGGER_TYPO(Severity.WARN, "An unknown tag that is nearly a trigger."),
  PREFIX_VARIES(
      Severity.WARN, "The first keep_tokens tags are not the same in all captions of a folder."),
  KEEP_TOKENS(
      Severity.WARN,
      "keep_tokens is not the length of the prefix. Smaller: a trigger is shuffled and may be dropped. Larger: a random tag is pinned."),
  TRIGGER_LEAK(Severity.WARN, "The trigger of one folder stands in the captions of another."),
  TRIGGER_COLLISION(
      Severity.INFO,
      "The trigger is a common word or a known tag: the base model has a meaning for it already."),
  CLASS_TOKENS(
      Severity.INFO, "Captions are missing and class_tokens does not contain the trigger."),

  TAG_UNIVERSAL(
      Severity.INFO,
      "A tag on at least 90 % of the images that is not in the prefix. Removed: baked into the trigger, always appears. Kept: can be changed by the prompt."),
  TAG_ALMOST(
      Severity.INFO,
      "A tag on at least 80 % of a folder's images but not on all: probably missing on the others."),
  TAG_RARE(Severity.INFO, "A tag on exactly one image that no vocabulary knows well."),
  OUTFIT_INCONSISTENT(
      Severity.WARN,
      "Within a folder two tags for the same piece of clothing differ in colour or kind, or a piece is typical of another folder."),
  SUBSET_UNBALANCED(
      Severity.WARN,
      "Images times repeats differ by more than a quarter between folders: the larger one is learned first. anima captions balance finds repeats.",
      Fix.BALANCE),
  SUBSET_SMALL(
      Severity.INFO,
      "Few images: a character wants 20 to 30, an outfit 10 to 20, a style 60 to 150."),
  STYLE_TAG(
      Severity.INFO,
      "Some images of a folder carry anime screenshot or anime coloring, others do not."),
  BACKGROUND_MONOTONE(
      Severity.INFO,
      "One background on at least 80 % of a folder: it is learned as part of the subject unless tagged."),
  VIEW_MONOTONE(
      Severity.INFO,
      "One framing on at least 80 % of a folder: it is learned as part of the subject unless tagged."),
  FLIP_ASYMMETRIC(
      Severity.WARN, "flip_aug mirrors images whose tags name a side or something asymmetrical."),

  IMAGE_CORRUPT(
      Severity.ERROR,
      "An image cannot be decoded fully: sd-scripts stops in the middle of the run."),
  IMAGE_TINY(
      Severity.ERROR,
      "A side is shorter than the bucket step: sd-scripts stops with a division by zero."),
  IMAGE_TYPE(
      Severity.WARN,
      "A file that training does not see (gif, tif, .Png), or whose extension does not match its content."),
  IMAGE_NESTED(Severity.WARN, "An image in a folder inside a subset: training does not see it."),
  IMAGE_SMALL(
      Severity.WARN, "Fewer than half of the pixels of the resolution, or enlarged by a quarter."),
  IMAGE_CROP_LOSS(Severity.WARN, "More than 8 % of the resized image is cut away by its bucket."),
  IMAGE_RATIO(Severity.WARN, "Wider than 3:1 or higher than 1:3."),
  IMAGE_EXIF(
      Severity.WARN,
      "The EXIF orientation turns the image in viewers; training sees it as it is stored."),
  IMAGE_ALPHA(
      Severity.WARN,
      "Pixels are transparent: training drops alpha, and hidden colours appear (not with alpha_mask)."),
  IMAGE_MODE(
      Severity.WARN, "CMYK, 16 bits, grey or palette; or a colour profile, which is ignored."),
  IMAGE_ANIMATED(Severity.WARN, "More than one frame: only the first is trained."),
  IMAGE_DUPLICATE(
      Severity.WARN,
      "The same image twice, by its bytes or its pixels; between folders of different triggers an error."),
  IMAGE_SIMILAR(Severity.INFO, "Nearly the same image, by two perceptual hashes."),
  IMAGE_MIRRORED(
      Severity.INFO,
      "The mirror image of another one, nearly; with flip_aug both are trained twice."),
  IMAGE_LETTERBOX(Severity.INFO, "Uniform bars at two opposite sides."),
  IMAGE_JPEG(Severity.INFO, "Strong JPEG compression (quality below about 60)."),
  IMAGE_BLUR(
      Severity.INFO,
      "Hardly any sharp edge. Only looked for when asked (--rules image-blur).",
      false),
  NAME_RISK(
      Severity.INFO,
      "A file name that makes trouble elsewhere: equal but for case, reserved on Windows, a dot or space at its end, longer than 200."),
  SIZE_MIXED(
      Severity.ERROR,
      "Without buckets and without cached latents all images must have the resolution's size."),
  BUCKET_WASTE(Severity.INFO, "A bucket has fewer images times repeats than the batch size."),
  CACHE_STALE(Severity.INFO, "A latent cache (.npz) is older than its image or of another size."),

  CONFIG_DIR(
      Severity.ERROR,
      "A folder of the dataset file is missing or holds no image; sd-scripts only warns and trains the rest."),
  CONFIG_PATH(
      Severity.ERROR,
      "A Windows path in double quotes: its backslashes are escapes. Write it in single quotes or with /."),
  CONFIG_DUP(
      Severity.WARN, "The same folder twice (the second is ignored), or num_repeats below 1."),
  CONFIG_UNKNOWN(Severity.ERROR, "A key that does not exist."),
  CONFIG_OVERLAP(Severity.WARN, "One image is reached through two subsets.");

  /// What `--fix` does about a rule.
  public enum Fix {
    NONE(""),
    REWRITE("rewrite without the mark"),
    CHARACTERS("replace by spaces and separators"),
    DEDUP("dedup --loose"),
    REMOVE_EMPTY("remove-empty"),
    PRUNE_IMPLIED("prune-implied"),
    UNDERSCORES("underscores"),
    LOWER_CASE("case"),
    UNESCAPE("unescape"),
    STRIP_WEIGHTS("strip-weights"),
    REMOVE_PROMPT("remove"),
    REMOVE_NO_CONTENT("remove"),
    SET_PREFIX("set-prefix"),
    BALANCE("balance --write");

    private final String text;

    Fix(String text) {
      this.text = text;
    }

    /// The edit, as on the command line.
    public String text() {
      return text;
    }
  }

  private final Severity severity;
  private final String explanation;
  private final Fix fix;
  private final boolean usual;

  LintRule(Severity severity, String explanation) {
    this(severity, explanation, Fix.NONE, true);
  }

  LintRule(Severity severity, String explanation, boolean usual) {
    this(severity, explanation, Fix.NONE, usual);
  }

  LintRule(Severity severity, String explanation, Fix fix) {
    this(severity, explanation, fix, true);
  }

  LintRule(Severity severity, String explanation, Fix fix, boolean usual) {
    this.severity = severity;
    this.explanation = explanation;
    this.fix = fix;
    this.usual = usual;
  }

  /// Such as `caption-missing`.
  public String id() {
    return name().toLowerCase(Locale.ROOT).replace('_', '-');
  }

  public Severity severity() {
    return severity;
  }

  /// Why it matters, in plain words.
  public String explanation() {
    return explanation;
  }

  public Fix fix() {
    return fix;
  }

  /// Whether it is looked for unless told otherwise.
  public boolean isUsual() {
    return usual;
  }

  public boolean isAboutImages() {
    return compareTo(IMAGE_CORRUPT) >= 0 && compareTo(CACHE_STALE) <= 0;
  }

  public static Optional<LintRule> of(String id) {
    return Arrays.stream(values()).filter(rule -> rule.id().equals(id)).findFirst();
  }

  /// All ids.
  public static Set<String> ids() {
    Set<String> ids = new TreeSet<>();
    Arrays.stream(values()).forEach(rule -> ids.add(rule.id()));
    return ids;
  }
}
