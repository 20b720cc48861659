package dev.anima.dataset;

import dev.anima.config.SubsetSpec;
import java.util.ArrayList;
import java.util.List;

/// Options that cannot be combined with caching, because they change what would be cached from
/// sample to sample.
final class CacheRules {
  private CacheRules() {}

  /// One sentence for every option of the subset that caching excludes.
  static List<String> check(SubsetSpec subset, Caching caching) {
    List<String> excluded = new ArrayList<>();
    if (caching.latents()) {
      String with = "--cache_latents";
      addIf(excluded, subset.augment().colorAug(), subset, "color_aug", with);
      addIf(excluded, subset.augment().randomCrop(), subset, "random_crop", with);
    }
    if (caching.text()) {
      String with = "--cache_text_encoder_outputs";
      SubsetSpec.CaptionOptions caption = subset.caption();
      addIf(excluded, caption.shuffleCaption(), subset, "shuffle_caption", with);
      addIf(excluded, caption.tokenWarmupStep() > 0, subset, "token_warmup_step", with);
      addIf(
          excluded, caption.captionTagDropoutRate() > 0, subset, "caption_tag_dropout_rate", with);
      // The reference would silently encode the braces and all lines.
      addIf(excluded, caption.enableWildcard(), subset, "enable_wildcard", with);
      // The reference silently ignores this one.
      addIf(
          excluded,
          caption.captionDropoutEveryNEpochs() > 0,
          subset,
          "caption_dropout_every_n_epochs",
          with);
    }
    return excluded;
  }

  private static void addIf(
      List<String> excluded, boolean set, SubsetSpec subset, String option, String with) {
    if (set) {
      excluded.add(
          "%s: %s cannot be used with %s; remove one of them"
              .formatted(subset.where(), option, with));
    }
  }
}
