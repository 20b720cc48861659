package dev.anima.cli.captions;

import dev.anima.cli.Console;
import java.util.List;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;

/// `anima captions VERB DATA ...`: everything that is done to caption files.
public final class CaptionsCommand {
  private CaptionsCommand() {}

  /// The command with its verbs, in the order of the help.
  public static CommandLine of(Console console, Surroundings around) {
    CommandSpec spec = CommandSpec.create().name("captions");
    spec.usageMessage()
        .description("Edits, counts and checks the captions of a data set.")
        .synopsisSubcommandLabel("VERB")
        .footer("", "anima captions VERB --help tells about one verb.");
    CommandLine root = withHelp(new CommandLine(spec));
    List<Object> verbs =
        List.of(
            new ReadVerbs.Stats(console, around),
            new ReadVerbs.Find(console, around),
            new ReadVerbs.Show(console, around),
            new TagVerbs.Add(console, around),
            new TagVerbs.Remove(console, around),
            new TagVerbs.Rename(console, around),
            new TagVerbs.MapNames(console, around),
            new TextVerbs.Replace(console, around),
            new TagVerbs.SetPrefix(console, around),
            new TagVerbs.StripPrefix(console, around),
            new TextVerbs.Order(console, around),
            new TagVerbs.Dedup(console, around),
            new TagVerbs.RemoveEmpty(console, around),
            new TagVerbs.PruneImplied(console, around),
            new TagVerbs.DropCategory(console, around),
            new TextVerbs.Underscores(console, around),
            new TextVerbs.LowerCase(console, around),
            new TextVerbs.Unescape(console, around),
            new TextVerbs.Escape(console, around),
            new TextVerbs.StripWeights(console, around),
            new TagVerbs.Clear(console, around),
            new HistoryVerbs.ShowHistory(console, around),
            new HistoryVerbs.Undo(console, around),
            new HistoryVerbs.Redo(console, around),
            new HistoryVerbs.Snapshot(console, around),
            new HistoryVerbs.Restore(console, around),
            new BalanceVerb(console, around));
    for (Object verb : verbs) {
      Command command = verb.getClass().getAnnotation(Command.class);
      root.addSubcommand(command.name(), withHelp(new CommandLine(verb)));
    }
    root.addSubcommand(
        "preview",
        new PreviewVerb()
            .asSubcommand(console, "The very captions that a training run will see, with tokens."));
    return root;
  }

  private static CommandLine withHelp(CommandLine command) {
    command
        .getCommandSpec()
        .addOption(
            OptionSpec.builder("-h", "--help")
                .usageHelp(true)
                .description("show this help")
                .build());
    return command;
  }
}
