package dev.anima.cli.captions;

import dev.anima.cli.Console;
import dev.anima.cli.ExitCode;
import dev.anima.cli.RawCommand;
import dev.anima.cli.captions.ReadVerbs.TokenLines;
import dev.anima.config.FlagsReader;
import dev.anima.dataset.SamplePlan;
import dev.anima.dataset.TrainingImage;
import dev.anima.engine.Libtorch;
import dev.anima.io.InputException;
import dev.anima.lint.TokenCounts;
import dev.anima.train.CaptionRehearsal;
import dev.anima.train.TrainSetup;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// `anima captions preview FLAGS [--image NAME] [--epoch N]`: the captions of a run before it
/// starts: shuffled, dropped, with prefix and chosen wildcards, as the text encoders will get them.
public final class PreviewVerb implements RawCommand {
  private static final String HELP =
      """
      Usage: anima captions preview FLAGS [--image NAME]... [--epoch N | --all-epochs] [--pieces] [--json]

      Tells the captions that "anima train FLAGS" will train on, from the run's own data feed and
      random streams, without training: the very strings, batch by batch, with their tokens.

        --image NAME   only images whose path ends with NAME (may be repeated)
        --epoch N      only this epoch, from 1 on (default: 1)
        --all-epochs   every epoch of the run
        --pieces       the pieces that the tokenizers make of each caption
        --json         print as JSON

      The flags are those of anima train (anima train --help); give --seed, or it is another run.\
      """;

  private final Path workingDir;

  public PreviewVerb() {
    this(Path.of("").toAbsolutePath());
  }

  /// @param workingDir that relative paths are meant from
  public PreviewVerb(Path workingDir) {
    this.workingDir = workingDir;
  }

  /// What our own options ask for.
  private record Wish(
      List<String> images, int epoch, boolean allEpochs, boolean pieces, boolean json) {}

  /// A caption as it will be trained on.
  private record Line(
      int epoch, int batch, int step, TrainingImage image, String stored, String caption) {}

  @Override
  public int run(List<String> arguments, Console console) {
    List<String> words = new ArrayList<>(arguments);
    if (words.isEmpty() || words.contains("--help") || words.contains("-h")) {
      HELP.lines().forEach(console::print);
      return ExitCode.OK;
    }
    Wish wish = wish(words);
    FlagsReader.Command command = FlagsReader.read(words, workingDir);
    command.warnings().forEach(warning -> console.report("warning: " + warning));
    Libtorch.load();
    TrainSetup setup = TrainSetup.of(command.flags(), workingDir);
    if (!command.flags().isSet("seed")) {
      console.report(
          "hint: without --seed every run has another seed; this preview has " + setup.seed());
    }
    if (wish.epoch() > setup.plan().epochs()) {
      throw new InputException(
          "--epoch: the run has %d epochs, got %d".formatted(setup.plan().epochs(), wish.epoch()));
    }
    CaptionRehearsal rehearsal = new CaptionRehearsal(setup);
    int last = wish.allEpochs() ? setup.plan().epochs() : wish.epoch();
    if (last > 1) {
      rehearsal.doubt().ifPresent(doubt -> console.report("hint: " + doubt));
    }
    List<Line> lines = new ArrayList<>();
    rehearsal.run(
        last,
        seen -> {
          for (int i = 0; i < seen.captions().size(); i++) {
            SamplePlan sample = seen.batch().samples().get(i);
            if (isWanted(sample.image(), seen.epoch(), wish)) {
              lines.add(
                  new Line(
                      seen.epoch(),
                      seen.index(),
                      seen.step(),
                      sample.image(),
                      sample.image().found().caption(),
                      seen.captions().get(i)));
            }
          }
        });
    tell(lines, wish, setup, console);
    return ExitCode.OK;
  }

  private static boolean isWanted(TrainingImage image, int epoch, Wish wish) {
    String path = image.found().file().toString().replace('\\', '/');
    return (wish.allEpochs() || epoch == wish.epoch())
        && (wish.images().isEmpty() || wish.images().stream().anyMatch(path::endsWith));
  }

  /// Takes our own options out of `words`.
  private static Wish wish(List<String> words) {
    List<String> images = new ArrayList<>();
    int epoch = 1;
    for (int i = 0; i < words.size(); ) {
      String word = words.get(i);
      if (word.equals("--image") || word.equals("--epoch")) {
        if (i + 1 >= words.size()) {
          throw new InputException(word + " needs a value");
        }
        String value = words.remove(i + 1);
        words.remove(i);
        if (word.equals("--image")) {
          images.add(value.replace('\\', '/'));
        } else if (value.matches("[1-9]\\d{0,8}")) {
          epoch = Integer.parseInt(value);
        } else {
          throw new InputException("--epoch: expected a number from 1 on, got \"" + value + "\"");
        }
      } else {
        i++;
      }
    }
    boolean all = words.removeIf("--all-epochs"::equals);
    boolean pieces = words.removeIf("--pieces"::equals);
    boolean json = words.removeIf("--json"::equals);
    return new Wish(images, epoch, all, pieces, json);
  }

  private static void tell(List<Line> lines, Wish wish, TrainSetup setup, Console console) {
    if (lines.isEmpty()) {
      throw new InputException(
          "no image of the run ends with %s in this epoch"
              .formatted(String.join(", ", wish.images())));
    }
    TokenCounts tokens = TokenCounts.load();
    if (wish.json()) {
      List<Map<String, @Nullable Object>> rows = new ArrayList<>();
      for (Line line : lines) {
        Map<String, @Nullable Object> row = new LinkedHashMap<>();
        row.put("epoch", line.epoch());
        row.put("batch", line.batch());
        row.put("step", line.step());
        row.put("image", line.image().found().file().toString());
        row.put("stored", line.stored());
        row.put("caption", line.caption());
        row.putAll(TokenLines.json(line.caption(), tokens, wish.pieces()));
        rows.add(row);
      }
      console.print(
          EditReport.MAPPER.writeValueAsString(Map.of("seed", setup.seed(), "captions", rows)));
      return;
    }
    for (Line line : lines) {
      console.print(
          "epoch %d, batch %d, step %d: %s"
              .formatted(
                  line.epoch(),
                  line.batch() + 1,
                  line.step() + 1,
                  EditReport.shown(line.image().found().file().toString())));
      console.print(
          line.caption().isEmpty() ? "  (empty)" : "  " + EditReport.shown(line.caption()));
      console.print(TokenLines.counts(line.caption(), tokens));
      if (wish.pieces()) {
        TokenLines.pieces(line.caption(), tokens).forEach(console::print);
      }
    }
  }
}
