package dev.anima.cli.bench;

import dev.anima.cli.Main;
import dev.anima.cli.demo.DemoFiles;
import dev.anima.io.InputException;
import dev.anima.io.RunFailedException;
import java.io.BufferedReader;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.function.IntConsumer;

/// From the start of a process that runs `anima train` on the demo to its first optimizer step, the
/// latents being cached on disk. The launcher script (about 0.1 s) is not in it.
final class StartupPart {
  private StartupPart() {}

  /// Seconds from the start of the process.
  ///
  /// @param ready models loaded, training begins
  /// @param firstStep the first optimizer step is done
  /// @param end of the process, after two steps and the LoRA
  record Times(double ready, double firstStep, double end) {}

  /// @param images of the dataset
  /// @param runs one a round
  record Report(double loadBefore, double loadAfter, int images, List<Times> runs)
      implements PartReport {
    @Override
    public List<String> table() {
      List<String> lines = new ArrayList<>();
      lines.add(
          String.format(
              Locale.ROOT,
              "anima train on the demo, %d images, latents cached; load %.1f to %.1f",
              images,
              loadBefore,
              loadAfter));
      lines.add("");
      lines.add(
          String.format(
              Locale.ROOT,
              "%-26s %9s %9s %9s",
              "seconds from the start",
              "ready",
              "1st step",
              "end"));
      for (int i = 0; i < runs.size(); i++) {
        Times run = runs.get(i);
        lines.add(
            String.format(
                Locale.ROOT,
                "%-26s %9.2f %9.2f %9.2f",
                "run " + (i + 1),
                run.ready,
                run.firstStep,
                run.end));
      }
      return lines;
    }
  }

  /// One run to fill the caches, then `rounds` that count.
  ///
  /// @param parent where a folder for the demo is made and deleted again
  /// @param images at least; the demo's are copied, captions and caches with them
  static Report measure(Path parent, int rounds, int images, IntConsumer progress) {
    double loadBefore = PartReport.load();
    Path folder = folder(parent);
    try {
      DemoFiles demo = new DemoFiles(folder);
      demo.unpack();
      List<Times> runs = new ArrayList<>();
      int counted = 0;
      for (int round = 0; round <= rounds; round++) {
        Times times = run(demo);
        if (round > 0) {
          runs.add(times);
        } else {
          counted = Copies.make(demo.folder().resolve("dataset"), images);
        }
        progress.accept(round + 1);
      }
      return new Report(loadBefore, PartReport.load(), counted, runs);
    } finally {
      delete(folder);
    }
  }

  private static Times run(DemoFiles demo) {
    ProcessBuilder builder = new ProcessBuilder(command(demo)).directory(demo.folder().toFile());
    builder.redirectErrorStream(true);
    long start = System.nanoTime();
    double ready = 0;
    double firstStep = 0;
    List<String> said = new ArrayList<>();
    try {
      Process process = builder.start();
      try (BufferedReader lines = process.inputReader()) {
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
          said.add(line);
          double now = (System.nanoTime() - start) / 1e9;
          if (line.startsWith("training: 1/")) {
            firstStep = now;
          } else if (line.startsWith("training: ")) {
            ready = ready == 0 ? now : ready;
          }
        }
      } catch (IOException e) {
        process.destroy();
        throw e;
      }
      if (process.waitFor() != 0 || firstStep == 0) {
        throw new RunFailedException(
            "anima train on the demo did not work: " + String.join("\n", said));
      }
      return new Times(ready, firstStep, (System.nanoTime() - start) / 1e9);
    } catch (IOException e) {
      throw new RunFailedException("no process can be started (" + e.getMessage() + ")", e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new RunFailedException("interrupted", e);
    }
  }

  /// Java as it runs now, with the same options.
  private static List<String> command(DemoFiles demo) {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(ManagementFactory.getRuntimeMXBean().getInputArguments());
    command.add("-Danima.columns=0"); // plain lines
    command.add("-cp");
    command.add(System.getProperty("java.class.path"));
    command.add(Main.class.getName());
    command.add("train");
    command.addAll(demo.trainFlags());
    command.addAll(List.of("--cache_latents_to_disk", "--max_train_steps=2", "--device=cpu"));
    return command;
  }

  private static Path folder(Path parent) {
    try {
      return Files.createTempDirectory(parent, "anima-bench").toRealPath();
    } catch (IOException e) {
      throw new InputException("--folder=" + parent + ": no folder can be made here", e);
    }
  }

  private static void delete(Path folder) {
    try {
      Files.walkFileTree(
          folder,
          new SimpleFileVisitor<>() {
            @Override
            public FileVisitResult visitFile(Path file, BasicFileAttributes attributes)
                throws IOException {
              Files.delete(file);
              return FileVisitResult.CONTINUE;
            }

            @Override
            public FileVisitResult postVisitDirectory(
                Path visited, @org.jspecify.annotations.Nullable IOException problem)
                throws IOException {
              Files.delete(visited);
              return FileVisitResult.CONTINUE;
            }
          });
    } catch (IOException e) {
      throw new RunFailedException(folder + ": cannot be deleted", e);
    }
  }
}
