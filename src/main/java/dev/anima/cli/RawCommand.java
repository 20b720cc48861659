package dev.anima.cli;

import java.util.List;
import picocli.CommandLine;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.PositionalParamSpec;

/// A command with a grammar of its own (the reference's argparse flags): picocli lists it in the
/// help and hands it everything after its name, untouched, `--help` and `--` included.
@FunctionalInterface
public interface RawCommand {
  /// @param arguments everything after the command's name
  /// @return the exit code, see [ExitCode]
  int run(List<String> arguments, Console console);

  /// The command line of this command, to add under a name.
  ///
  /// @param description its line in the list of commands
  default CommandLine asSubcommand(Console console, String description) {
    CommandSpec spec = CommandSpec.wrapWithoutInspection(new Call(this, console));
    spec.usageMessage().description(description);
    spec.addPositional(
        PositionalParamSpec.builder()
            .paramLabel("FLAG")
            .arity("0..*")
            .type(List.class)
            .auxiliaryTypes(String.class)
            .description("see --help")
            .build());
    // The first word, whatever it looks like, is a positional; all after it are too.
    spec.parser()
        .unmatchedOptionsArePositionalParams(true)
        .stopAtPositional(true)
        .endOfOptionsDelimiter("\u0000");
    return new CommandLine(spec);
  }

  /// What picocli keeps as the command's object.
  record Call(RawCommand command, Console console) {
    int run(CommandLine.ParseResult parsed) {
      return command.run(parsed.matchedPositionalValue(0, List.<String>of()), console);
    }
  }
}
