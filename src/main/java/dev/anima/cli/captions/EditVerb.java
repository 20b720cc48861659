package dev.anima.cli.captions;

import dev.anima.captions.CaptionSet;
import dev.anima.captions.CaptionedImage;
import dev.anima.captions.Editor;
import dev.anima.captions.Operation;
import dev.anima.captions.Plan;
import dev.anima.captions.Prefixes;
import dev.anima.captions.Separators;
import dev.anima.captions.Snapshots;
import dev.anima.cli.Console;
import dev.anima.io.InputException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.function.Predicate;
import java.util.function.Supplier;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/// A command that edits captions: preview with `--dry-run`, else write and say how to take it back.
abstract class EditVerb implements Callable<Integer> {
  @Mixin Selection selection = new Selection();
  @Mixin EditOptions options = new EditOptions();

  @Option(
      names = "--keep-empty",
      description = "keep the file of a caption whose last tag goes, with an empty line")
  boolean keepEmpty;

  private final Console console;
  private final Surroundings surroundings;

  EditVerb(Console console, Surroundings surroundings) {
    this.console = console;
    this.surroundings = surroundings;
  }

  /// What is to be done, from the command's own arguments.
  abstract Operation operation(Workplace workplace);

  Surroundings surroundings() {
    return surroundings;
  }

  @Override
  public Integer call() {
    Workplace workplace = Workplace.of(selection, surroundings);
    Operation operation = operation(workplace);
    if (options.dryRun) {
      CaptionSet set = workplace.read();
      return new EditReport(console, options).preview(plan(workplace, set, operation));
    }
    try (Editor editor = Editor.open(workplace.source().root(), workplace.state())) {
      editor.notes().forEach(note -> console.report("note: " + note));
      CaptionSet set = workplace.read();
      Plan plan = plan(workplace, set, operation);
      if (!plan.changes().isEmpty()) {
        new Snapshots(workplace.state()).takeDaily(set);
      }
      return new EditReport(console, options)
          .done(plan, Optional.of(editor.apply(plan)), selection.data);
    }
  }

  private Plan plan(Workplace workplace, CaptionSet set, Operation operation) {
    List<String> hints = new ArrayList<>();
    Predicate<CaptionedImage> scope = workplace.scope(set, hints);
    hints.forEach(hint -> console.report("hint: " + hint));
    Supplier<Prefixes> prefixes = Workplace.remembered(() -> workplace.prefixes(set));
    return Plan.of(
        set,
        scope,
        operation,
        folder -> prefixes.get().of(folder),
        keepEmpty ? Plan.Emptied.KEEP : Plan.Emptied.DELETE);
  }

  /// The tags of a command's arguments.
  ///
  /// @throws InputException if there are none, or one holds a line break
  static List<String> tags(List<String> words) {
    List<String> tags = new ArrayList<>();
    words.forEach(word -> tags.addAll(Separators.COMMA.listed(word)));
    if (tags.isEmpty()) {
      throw new InputException("no tag is given");
    }
    tags.forEach(EditVerb::checkOneLine);
    return tags;
  }

  static void checkOneLine(String text) {
    if (text.chars().anyMatch(c -> c == '\n' || c == '\r')) {
      throw new InputException(
          "\"%s\" holds a line break, which a tag cannot have"
              .formatted(CaptionedImage.shown(text)));
    }
  }
}
