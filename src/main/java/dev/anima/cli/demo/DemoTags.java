package dev.anima.cli.demo;

import dev.anima.config.CommandLine;
import dev.anima.config.FlagTable;
import dev.anima.tag.ImageList;
import dev.anima.tag.JsonCaptions;
import dev.anima.tag.ModelFiles;
import dev.anima.tag.Outcome;
import dev.anima.tag.TagChoice;
import dev.anima.tag.TagDevice;
import dev.anima.tag.TagSettings;
import dev.anima.tag.TaggerModel;
import dev.anima.tag.TaggingRun;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalInt;

/// The tagger's part of the tour: the demo's own tagger looks at the demo's pictures. Their
/// captions stay as they are: a training is to follow that gives the recorded numbers.
final class DemoTags {
  private DemoTags() {}

  /// Writes [DemoFiles#tags].
  ///
  /// @return what a person reads about it
  static String write(DemoFiles files) {
    TagSettings settings =
        TagSettings.of(CommandLine.parse(FlagTable.tag(), List.of("--profile=taggui")).flags());
    List<Path> images =
        ImageList.of(List.of(java.util.Objects.requireNonNull(files.dataset().getParent())), true)
            .images();
    JsonCaptions captions = new JsonCaptions();
    long start = System.nanoTime();
    try (TaggerModel model =
        TaggerModel.open(
            ModelFiles.in(files.tagger(), "--out"), TagDevice.CPU, OptionalInt.empty())) {
      TagChoice choice = TagChoice.of(model, settings);
      var _ =
          TaggingRun.run(
              model,
              images,
              settings,
              Optional.empty(),
              outcomes -> outcomes.forEach(outcome -> add(outcome, choice, captions)),
              () -> false);
    }
    captions.write(files.tags());
    return String.format(
        Locale.ROOT,
        "tagged %d pictures in %.1f s with the demo's tagger, a network of 1.4 MB",
        images.size(),
        (System.nanoTime() - start) / 1e9);
  }

  private static void add(Outcome outcome, TagChoice choice, JsonCaptions captions) {
    if (outcome instanceof Outcome.Answered answer) {
      captions.add(
          answer.image(),
          String.join(", ", choice.of(answer.probabilities()).caption()),
          answer.width(),
          answer.height());
    }
  }
}
