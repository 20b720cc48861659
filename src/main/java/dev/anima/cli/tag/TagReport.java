package dev.anima.cli.tag;

import dev.anima.cli.Console;
import dev.anima.cli.ExitCode;
import dev.anima.cli.Progress;
import dev.anima.io.InputException;
import dev.anima.tag.CaptionWriter;
import dev.anima.tag.JsonCaptions;
import dev.anima.tag.Outcome;
import dev.anima.tag.PictureTags;
import dev.anima.tag.TagChoice;
import dev.anima.tag.TaggingRun;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;

/// What a person reads about a tagging run, and what its answers become.
final class TagReport {
  private static final int MOST_NAMED = 20;

  private final Console console;
  private final Wanted wanted;
  private final JsonCaptions json = new JsonCaptions();
  private final Map<String, Integer> frequencies = new LinkedHashMap<>();
  private final List<String> problems = new ArrayList<>();
  private int done;
  private int remembered;
  private int fresh;
  private int changed;
  private int same;

  /// What is to be shown.
  ///
  /// @param jsonFile where captions go instead of caption files
  /// @param images all pictures found
  record Wanted(
      boolean details, boolean frequencies, boolean dryRun, Optional<Path> jsonFile, int images) {}

  TagReport(Console console, Wanted wanted) {
    this.console = console;
    this.wanted = wanted;
  }

  /// Listens to a run, with a progress bar.
  Counting counting(TagChoice choice, CaptionWriter writer, int total) {
    return new Counting(choice, writer, console.progress("tagging", total, "pictures"));
  }

  /// Takes the outcomes of a run.
  final class Counting implements TaggingRun.Listener, AutoCloseable {
    private final TagChoice choice;
    private final CaptionWriter writer;
    private final Progress progress;
    private final long start = System.nanoTime();

    Counting(TagChoice choice, CaptionWriter writer, Progress progress) {
      this.choice = choice;
      this.writer = writer;
      this.progress = progress;
    }

    @Override
    public void on(List<Outcome> outcomes) {
      List<CaptionWriter.Tagged> tagged = new ArrayList<>();
      for (Outcome outcome : outcomes) {
        switch (outcome) {
          case Outcome.Unreadable(Path _, String message) -> problem(message);
          case Outcome.Answered answer -> {
            PictureTags tags = choice.of(answer.probabilities());
            count(tags);
            if (wanted.details()) {
              details(answer.image(), tags);
            }
            remembered += answer.remembered() ? 1 : 0;
            CaptionWriter.Tagged picture = new CaptionWriter.Tagged(answer.image(), tags.caption());
            if (wanted.jsonFile().isPresent()) {
              addToJson(picture, answer);
            } else {
              tagged.add(picture);
            }
          }
        }
      }
      writer.write(tagged).forEach(TagReport.this::result);
      done += outcomes.size();
      double seconds = Math.max(1e-9, (System.nanoTime() - start) / 1e9);
      progress.at(done, String.format(Locale.ROOT, "%.1f pictures/s", done / seconds));
    }

    private void addToJson(CaptionWriter.Tagged picture, Outcome.Answered answer) {
      try {
        json.add(picture.image(), writer.text(picture), answer.width(), answer.height());
      } catch (InputException e) {
        problem(String.valueOf(e.getMessage()));
      }
    }

    @Override
    public void close() {
      progress.close();
    }
  }

  private void count(PictureTags tags) {
    Stream.of(tags.general(), tags.characters(), tags.others())
        .flatMap(List::stream)
        .forEach(tag -> frequencies.merge(tag, 1, Integer::sum));
    tags.quality().ifPresent(tag -> frequencies.merge(tag, 1, Integer::sum));
    tags.rating().ifPresent(tag -> frequencies.merge(tag, 1, Integer::sum));
  }

  private void details(Path image, PictureTags tags) {
    console.print(image + ":");
    console.print("  rating: " + tags.rating().orElse("(not asked for)"));
    console.print("  characters: " + String.join(", ", tags.characters()));
    console.print("  general: " + String.join(", ", tags.general()));
    if (!tags.others().isEmpty()) {
      console.print("  others: " + String.join(", ", tags.others()));
    }
  }

  private void problem(String message) {
    problems.add(message);
    if (problems.size() <= MOST_NAMED) {
      console.report(message);
    }
  }

  private void result(CaptionWriter.Result result) {
    switch (result.kind()) {
      case NEW -> fresh++;
      case CHANGED -> changed++;
      case SAME -> same++;
      case REFUSED -> problem(result.problem().orElse(""));
    }
    boolean differs =
        result.kind() == CaptionWriter.Result.Kind.NEW
            || result.kind() == CaptionWriter.Result.Kind.CHANGED;
    if (wanted.dryRun() && differs) {
      console.print(
          result.file() + (result.kind() == CaptionWriter.Result.Kind.NEW ? " (new)" : ""));
      line("  - ", result.lost());
      line("  + ", result.gained());
      if (result.lost().isEmpty() && result.gained().isEmpty()) {
        console.print("  (the same tags in another order or spelling)");
      }
    }
  }

  private void line(String sign, List<String> tags) {
    if (!tags.isEmpty()) {
      console.print(sign + String.join(", ", tags));
    }
  }

  /// Tells how it ended.
  ///
  /// @param finished whether it went to the end
  /// @param backup where overwritten captions are kept, if any were
  /// @return the exit code
  int end(boolean finished, Optional<Path> backup) {
    if (wanted.jsonFile().isPresent() && finished && !wanted.dryRun()) {
      json.write(wanted.jsonFile().get());
    }
    if (wanted.frequencies()) {
      console.print("Tag frequencies:");
      frequencies.entrySet().stream()
          .sorted(Comparator.comparing(Map.Entry<String, Integer>::getValue).reversed())
          .forEach(entry -> console.print(entry.getKey() + ": " + entry.getValue()));
    }
    console.report(summary(finished));
    backup.ifPresent(file -> console.report("to undo this: anima tag --restore " + file));
    if (problems.size() > MOST_NAMED) {
      console.report("... and %d more problems".formatted(problems.size() - MOST_NAMED));
    }
    if (!finished) {
      console.report("stopped; the same command goes on from here");
      return ExitCode.STOPPED;
    }
    if (!problems.isEmpty()) {
      console.report("%d of %d pictures could not be tagged".formatted(problems.size(), done));
      return ExitCode.FAILED;
    }
    return ExitCode.OK;
  }

  private String summary(boolean finished) {
    String known = remembered > 0 ? " (%d of them known from before)".formatted(remembered) : "";
    String skipped =
        finished && wanted.images() > done
            ? ", %d had a caption".formatted(wanted.images() - done)
            : "";
    if (wanted.jsonFile().isPresent()) {
      String where =
          finished && !wanted.dryRun()
              ? "written to " + wanted.jsonFile().get()
              : "nothing was written";
      return "%d pictures%s: %s".formatted(done - problems.size(), known, where);
    }
    return "%d pictures%s%s: captions %s: %d new, %d changed, %d unchanged"
        .formatted(
            done,
            known,
            skipped,
            wanted.dryRun() ? "that a run would write (dry run)" : "written",
            fresh,
            changed,
            same);
  }
}
