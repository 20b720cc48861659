package dev.anima.cli.setup;

import dev.anima.cli.Console;
import dev.anima.cli.ExitCode;
import dev.anima.cli.Progress;
import dev.anima.cli.doctor.CudaLibraries;
import dev.anima.cli.doctor.Surroundings;
import dev.anima.io.InputException;
import java.nio.file.Path;
import java.util.List;
import java.util.TreeSet;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/// `anima setup --cuda`: the libraries of the GPU build, from an index or folder the user names.
@Command(
    name = "setup",
    description = "Fetches the CUDA libraries that training on an NVIDIA card needs.")
public final class SetupCommand implements Callable<Integer> {
  private static final long MEGABYTE = 1_000_000;

  @Option(
      names = "--cuda",
      description = "the CUDA 13 libraries; alone it looks whether they are there already")
  private boolean cuda;

  @Option(
      names = "--index",
      paramLabel = "URL|FOLDER",
      description =
          "where the wheels are: a package index, as pip's --index-url takes, or a folder")
  private @Nullable String index;

  @Option(
      names = "--to",
      paramLabel = "DIR",
      description = "where the libraries go (default: .anima/cuda in your home folder)")
  private @Nullable Path to;

  private final Console console;
  private final Surroundings surroundings;
  private final Machine machine;

  /// @param osName as Java's `os.name`
  /// @param architecture as Java's `os.arch`
  /// @param wheels null for the pinned ones
  record Machine(String osName, String architecture, @Nullable List<Wheel> wheels) {}

  public SetupCommand(Console console) {
    this(
        console,
        Surroundings.current(),
        new Machine(System.getProperty("os.name"), System.getProperty("os.arch"), null));
  }

  SetupCommand(Console console, Surroundings surroundings, Machine machine) {
    this.console = console;
    this.surroundings = surroundings;
    this.machine = machine;
  }

  @Override
  public Integer call() {
    if (!cuda) {
      throw new InputException("setup: say what to set up; there is --cuda");
    }
    List<Wheel> pinned = Wheel.pinnedFor(machine.osName(), machine.architecture());
    List<Wheel> wheels = machine.wheels() == null ? pinned : machine.wheels();
    return index == null ? look(wheels) : fetch(wheels, index);
  }

  private int look(List<Wheel> wheels) {
    CudaLibraries libraries = CudaLibraries.search(surroundings);
    if (libraries.missing().isEmpty()) {
      console.print("All CUDA libraries are there; nothing to fetch. They are in");
      new TreeSet<>(libraries.found().values()).forEach(folder -> console.print("  " + folder));
      return ExitCode.OK;
    }
    long bytes = wheels.stream().mapToLong(Wheel::bytes).sum();
    throw new InputException(
        "CUDA libraries are missing: "
            + String.join(", ", libraries.missing())
            + ". Give --index with the address of a package index for Python (what pip's --index-url"
            + " takes) or a folder of wheels; "
            + Console.bytes(bytes)
            + " will be fetched:"
            + wheels.stream().map(wheel -> "\n  " + wheel.file()).reduce("", String::concat));
  }

  private int fetch(List<Wheel> wheels, String from) {
    Path folder =
        to == null
            ? CudaLibraries.ownFolder(surroundings)
            : surroundings.workingFolder().resolve(to).normalize();
    LibraryFolder libraries = new LibraryFolder(folder, LibraryFolder::freeBytesOf);
    if (libraries.holds(wheels)) {
      console.print("Already there: " + libraries.contents() + " in " + folder);
      return ExitCode.OK;
    }
    long total = wheels.stream().mapToLong(Wheel::bytes).sum() / MEGABYTE;
    WheelSource source = WheelSource.of(from, surroundings.workingFolder());
    try (Progress progress = console.progress("CUDA libraries", total, "MB")) {
      libraries.fill(wheels, source, (bytes, project) -> progress.at(bytes / MEGABYTE, project));
    }
    console.print("Done: " + libraries.contents() + " in " + folder);
    console.print(
        to == null
            ? "The program finds them there; anima doctor shows it."
            : "Set ANIMA_CUDA=" + folder + " so that the program finds them.");
    return ExitCode.OK;
  }
}
