package dev.anima.train.progress;

import static org.assertj.core.api.Assertions.assertThat;

import dev.anima.config.Size;
import dev.anima.config.SubsetSpec;
import dev.anima.config.SubsetSpec.AugmentOptions;
import dev.anima.config.SubsetSpec.CaptionOptions;
import dev.anima.dataset.FoundImage;
import dev.anima.dataset.Subset;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

class TriggerWordsTest {
  private static Subset subset(
      int keepTokens, String keepSeparator, @Nullable String classTokens, String... captions) {
    CaptionOptions options =
        new CaptionOptions(
            true, ",", keepTokens, keepSeparator, null, false, null, null, 0, 0, 0, 1, 0);
    SubsetSpec spec =
        new SubsetSpec(
            "10_x",
            null,
            null,
            false,
            classTokens,
            ".txt",
            false,
            false,
            1,
            options,
            new AugmentOptions(false, false, false, null),
            null,
            0,
            "here");
    List<FoundImage> images =
        Arrays.stream(captions)
            .map(caption ->
                new FoundImage(
                    caption,
                    Path.of("x.png"),
                    caption,
                    caption,
                    FoundImage.CaptionSource.FILE,
                    new Size(64, 64),
                    null))
            .toList();
    return new Subset(spec, "x", 1, images);
  }

  private static Optional<List<String>> derived(Subset subset) {
    return TriggerWords.of(subset).map(TriggerWords::tags);
  }

  @Test
  void keptTagsThatAllCaptionsShareComeFirst() {
    assertThat(derived(subset(2, "", "may", "nami, may, hat", "nami, may, sea")))
        .contains(List.of("nami", "may"));
    assertThat(derived(subset(0, "|||", null, "nami, 1girl ||| hat", "nami, 1boy ||| sea")))
        .contains(List.of("nami"));
    assertThat(derived(subset(2, "", null, "nami, red, hat", "nami, blue, hat")))
        .contains(List.of("nami"));
  }

  @Test
  void thenClassTokensThenTheFirstSharedTag() {
    assertThat(derived(subset(0, "", "may", "hat, may", "hat, may"))).contains(List.of("may"));
    assertThat(derived(subset(0, "", "may", "1girl, solo, hat, sea", "solo, 1girl, sea, hat")))
        .contains(List.of("hat"));
  }

  @Test
  void nothingIsSharedOrThereIsOneCaption() {
    assertThat(derived(subset(1, "", "may", "hat", "sea"))).isEmpty();
    assertThat(derived(subset(0, "", "may", "1girl, hat", "1girl, sea"))).isEmpty();
    assertThat(derived(subset(0, "", null, "nami, hat"))).isEmpty();
  }

  @Test
  void captionsWithoutTheWords() {
    TriggerWords words = TriggerWords.given("nami, may ");

    assertThat(words.without("1girl, may, hat,nami", ",")).contains("1girl, hat");
    assertThat(words.without("nami", ",")).contains("");
    assertThat(words.without("A photo of Nami on the sea", ",")).contains("A photo of on the sea");
    assertThat(words.without("tsunami, maybe", ",")).isEmpty();
  }
}
