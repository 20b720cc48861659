package dev.anima.tag;

import dev.anima.io.InputException;
import java.util.Arrays;
import java.util.List;

/// Whose way of preparing pictures and choosing tags is followed. A profile is how pictures are
/// prepared ([Picture]) and what holds where a flag is not given.
public enum Profile {
  /// `tag_images_by_wd14_tagger.py`: white behind transparency, area or Lanczos, tags in the
  /// model's order.
  SD_SCRIPTS("sd-scripts", 0.35f, TagOrder.USUAL, 0),
  /// TagGUI: turned by EXIF, white behind transparency, bicubic, the 30 likeliest tags.
  TAGGUI("taggui", 0.4f, TagOrder.PROBABILITY, 30),
  /// BooruDatasetTagManager: transparency dropped, Lanczos, edges drawn out instead of white.
  BDTM("bdtm", 0.35f, TagOrder.PROBABILITY, 0);

  private final String flag;
  private final float threshold;
  private final TagOrder order;
  private final int maxTags;

  Profile(String flag, float threshold, TagOrder order, int maxTags) {
    this.flag = flag;
    this.threshold = threshold;
    this.order = order;
    this.maxTags = maxTags;
  }

  /// The profile of one of the names that `--profile` takes.
  public static Profile of(String flag) {
    List<String> names = Arrays.stream(values()).map(profile -> profile.flag).toList();
    return Arrays.stream(values())
        .filter(profile -> profile.flag.equals(flag))
        .findFirst()
        .orElseThrow(() ->
            new InputException(
                "--profile: \"%s\" is not one of %s".formatted(flag, String.join(", ", names))));
  }

  /// As `--profile` takes it.
  public String flag() {
    return flag;
  }

  float threshold() {
    return threshold;
  }

  TagOrder order() {
    return order;
  }

  /// 0 for no limit.
  int maxTags() {
    return maxTags;
  }

  /// Whether a new caption ends with a newline.
  public boolean endsWithNewline() {
    return this == SD_SCRIPTS;
  }
}
