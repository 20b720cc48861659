package dev.anima.cli.doctor;

import dev.anima.cli.Console;
import dev.anima.cli.ExitCode;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import tools.jackson.databind.SerializationFeature;
import tools.jackson.databind.json.JsonMapper;

/// `anima doctor [--json]`. Exit code 1 only when the program cannot run here at all.
@Command(
    name = "doctor",
    description = "Shows this machine, the libraries and model files, and what is missing.")
public final class DoctorCommand implements Callable<Integer> {
  @Option(names = "--json", description = "print the same as JSON")
  private boolean json;

  private final Console console;

  public DoctorCommand(Console console) {
    this.console = console;
  }

  @Override
  public Integer call() {
    Report report = Examination.examine(Surroundings.current());
    if (json) {
      JsonMapper mapper = JsonMapper.builder().enable(SerializationFeature.INDENT_OUTPUT).build();
      console.print(mapper.writeValueAsString(report));
    } else {
      ReportText.of(report).forEach(console::print);
    }
    return report.libtorch().error().isEmpty() ? ExitCode.OK : ExitCode.FAILED;
  }
}
