package dev.anima.cli;

import dev.anima.cli.bench.BenchCommand;
import dev.anima.cli.check.CheckCommand;
import dev.anima.cli.demo.DemoCommand;
import dev.anima.cli.doctor.DoctorCommand;
import dev.anima.cli.run.RunCommand;
import dev.anima.cli.setup.SetupCommand;
import picocli.CommandLine;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;

/// The command tree. A command appears here on the day it works.
final class Commands {
  private Commands() {}

  /// All commands, printing to `console`.
  static CommandLine tree(Console console) {
    return root()
        .addSubcommand(withHelp(new CommandLine(new DemoCommand(console))))
        .addSubcommand(
            "train",
            new TrainCommand().asSubcommand(console, "Trains a LoRA; the flags of sd-scripts."))
        .addSubcommand(
            "check",
            new CheckCommand()
                .asSubcommand(console, "Tells what a training run would do, before it starts."))
        .addSubcommand(withHelp(new CommandLine(new RunCommand(console))))
        .addSubcommand(withHelp(new CommandLine(new DoctorCommand(console))))
        .addSubcommand(withHelp(new CommandLine(new SetupCommand(console))))
        .addSubcommand(withHelp(new CommandLine(new BenchCommand(console))));
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
