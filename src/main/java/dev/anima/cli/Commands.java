package dev.anima.cli;

import dev.anima.cli.bench.BenchCommand;
import dev.anima.cli.captions.CaptionsCommand;
import dev.anima.cli.captions.Surroundings;
import dev.anima.cli.check.CheckCommand;
import dev.anima.cli.demo.DemoCommand;
import dev.anima.cli.doctor.DoctorCommand;
import dev.anima.cli.lint.LintCommand;
import dev.anima.cli.run.RunCommand;
import dev.anima.cli.setup.SetupCommand;
import dev.anima.cli.tag.TagCommand;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import picocli.CommandLine;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;

/// The command tree. A command appears here on the day it works.
final class Commands {
  private Commands() {}

  /// In the order of the help; made when they are asked for.
  private static Map<String, Function<Console, CommandLine>> commands() {
    Map<String, Function<Console, CommandLine>> commands = new LinkedHashMap<>();
    commands.put("demo", console -> withHelp(new CommandLine(new DemoCommand(console))));
    commands.put(
        "tag",
        console ->
            new TagCommand()
                .asSubcommand(console, "Writes captions for pictures, by a WD tagger."));
    commands.put(
        "train",
        console ->
            new TrainCommand().asSubcommand(console, "Trains a LoRA; the flags of sd-scripts."));
    commands.put("resume", console -> withHelp(new CommandLine(new ResumeCommand(console))));
    commands.put(
        "check",
        console ->
            new CheckCommand()
                .asSubcommand(console, "Tells what a training run would do, before it starts."));
    commands.put("captions", console -> CaptionsCommand.of(console, Surroundings.current()));
    commands.put("lint", console -> withHelp(new CommandLine(new LintCommand(console))));
    commands.put("run", console -> withHelp(new CommandLine(new RunCommand(console))));
    commands.put("doctor", console -> withHelp(new CommandLine(new DoctorCommand(console))));
    commands.put("setup", console -> withHelp(new CommandLine(new SetupCommand(console))));
    commands.put("bench", console -> withHelp(new CommandLine(new BenchCommand(console))));
    return commands;
  }

  /// All commands, printing to `console`.
  static CommandLine tree(Console console) {
    CommandLine root = root();
    commands().forEach((name, command) -> root.addSubcommand(name, command.apply(console)));
    return root;
  }

  /// What is needed to understand `words`: a single command where they begin with its name (to look
  /// all of them over takes a quarter of a second), else all.
  static CommandLine tree(Console console, List<String> words) {
    Function<Console, CommandLine> command =
        words.isEmpty() ? null : commands().get(words.getFirst());
    return command == null
        ? tree(console)
        : root().addSubcommand(words.getFirst(), command.apply(console));
  }

  /// The program without its commands.
  static CommandLine root() {
    CommandSpec spec = CommandSpec.create().name("anima");
    spec.usageMessage()
        .description("From a folder of images to a LoRA for the Anima image model.")
        .synopsisSubcommandLabel("COMMAND")
        .footer("", "anima COMMAND --help tells about one command.");
    spec.versionProvider(() -> new String[] {"anima " + Build.current().version()});
    spec.addOption(
        OptionSpec.builder("-V", "--version")
            .versionHelp(true)
            .description("show the version")
            .build());
    // Only for the help: Main takes it out of the arguments, so that it works with every command.
    spec.addOption(
        OptionSpec.builder(Main.VERBOSE)
            .description("with an error, show the stack trace too")
            .build());
    return withHelp(new CommandLine(spec));
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
