package dev.anima.cli;

import dev.anima.cli.doctor.CudaLibraries;
import dev.anima.cli.doctor.Surroundings;
import dev.anima.config.NearestName;
import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import picocli.CommandLine;
import picocli.CommandLine.ExecutionException;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ParseResult;
import picocli.CommandLine.UnmatchedArgumentException;

/// Entry point: finds the command, runs it, turns whatever it throws into a sentence and an exit
/// code.
public final class Main {
  static final String VERBOSE = "--verbose";

  private Main() {}

  static void main(String[] arguments) {
    if (Build.current().isGpuBuild()) {
      CudaLibraries.search(Surroundings.current()).makeFindable();
    }
    Console console = Console.system();
    int exitCode = run(List.of(arguments), console);
    console.out().flush();
    console.err().flush();
    // Not a plain return: libraries leave threads behind that would keep the process alive.
    System.exit(exitCode);
  }

  /// Runs one command line of the program.
  ///
  /// @return the exit code, see [ExitCode]
  public static int run(List<String> arguments, Console console) {
    return run(arguments, console, Commands.tree(console, arguments));
  }

  static int run(List<String> arguments, Console console, CommandLine commands) {
    List<String> words = new ArrayList<>(arguments);
    boolean verbose = words.removeIf(VERBOSE::equals);
    askForHelpByOption(words);
    console.showTraces(verbose);
    prepare(commands, console);
    try {
      return commands.execute(words.toArray(String[]::new));
    } catch (Throwable e) { // an Error: picocli catches exceptions only
      return Failures.report(e, console);
    }
  }

  /// `anima`, `anima help` and `anima help COMMAND` mean `--help` and `COMMAND --help`.
  private static void askForHelpByOption(List<String> words) {
    boolean helpWord = !words.isEmpty() && words.getFirst().equals("help");
    if (helpWord) {
      words.removeFirst();
    }
    if (helpWord || words.isEmpty()) {
      words.add("--help");
    }
  }

  private static void prepare(CommandLine commands, Console console) {
    commands
        .setExpandAtFiles(false) // "@" is an ordinary character in captions and paths
        .setOut(new PrintWriter(console.out(), true, console.out().charset()))
        .setErr(new PrintWriter(console.err(), true, console.err().charset()))
        .setExecutionStrategy(Main::execute)
        .setExecutionExceptionHandler((e, _, _) -> Failures.report(e, console))
        .setParameterExceptionHandler((e, _) -> {
          console.report(mistake(e));
          return ExitCode.WRONG_INPUT;
        });
  }

  private static int execute(ParseResult parsed) {
    Integer helpShown = CommandLine.executeHelpRequest(parsed);
    if (helpShown != null) {
      return helpShown;
    }
    ParseResult innermost = parsed;
    while (innermost.hasSubcommand()) {
      innermost = innermost.subcommand();
    }
    if (innermost.commandSpec().userObject() instanceof RawCommand.Call raw) {
      try {
        return raw.run(innermost);
      } catch (RuntimeException e) { // what picocli does for its own commands
        throw new ExecutionException(
            innermost.commandSpec().commandLine(), "the command failed", e);
      }
    }
    return new CommandLine.RunLast().execute(parsed);
  }

  /// The sentence about a command line that cannot be understood.
  private static String mistake(ParameterException e) {
    CommandLine where = e.getCommandLine();
    String help = where.getCommandSpec().qualifiedName() + " --help";
    if (!(e instanceof UnmatchedArgumentException unmatched)
        || unmatched.getUnmatched().isEmpty()) {
      return e.getMessage() + " (" + help + " tells more)";
    }
    String word = unmatched.getUnmatched().getFirst();
    Set<String> commandNames = where.getSubcommands().keySet();
    if (unmatched.isUnknownOption()) {
      return unknown("option", word, where.getCommandSpec().optionsMap().keySet(), help);
    }
    return commandNames.isEmpty()
        ? "unexpected argument \"" + word + "\" (" + help + " tells what it takes)"
        : unknown("command", word, commandNames, help);
  }

  private static String unknown(String kind, String word, Set<String> names, String help) {
    String near =
        NearestName.of(word, names).map(name -> "; did you mean \"" + name + "\"?").orElse("");
    return "unknown " + kind + " \"" + word + "\"" + near + " (" + help + " lists what there is)";
  }
}
