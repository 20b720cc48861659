package dev.anima.cli;

import dev.anima.config.Ranks;
import dev.anima.io.RunFailedException;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.lang.management.ManagementFactory;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Locale;
import java.util.function.BooleanSupplier;

/// `--nproc N`: starts this program N times on this computer, as torchrun would, and watches.
///
/// Rank 0 is shown as if it were alone. What the others print is kept and shown if one fails.
final class LocalTeam {
  /// Tells a process that this one started it: its standard input says when to stop.
  static final String STARTED_BY_US = "ANIMA_STARTED_BY";

  /// What a process reads on its standard input.
  static final String STOP = "stop";

  /// For the others to save a state and end, once one has failed.
  private static final Duration GRACE = Duration.ofMinutes(3);

  /// As above, where nothing was trained.
  private static final Duration SHORT_GRACE = Duration.ofSeconds(10);

  private static final int LAST_LINES = 15;
  private static final Duration POLL = Duration.ofMillis(50);

  private final Console console;
  private final List<Member> members = new ArrayList<>();

  /// One of the processes.
  private record Member(int rank, Process process, Deque<String> lastLines, List<Thread> readers) {
    void say(String line) {
      try {
        process.getOutputStream().write((line + "\n").getBytes(StandardCharsets.UTF_8));
        process.getOutputStream().flush();
      } catch (IOException _) {
        // it has ended, which is seen elsewhere
      }
    }
  }

  private LocalTeam(Console console) {
    this.console = console;
  }

  /// Runs `anima WORDS` in `count` processes until all have ended.
  ///
  /// @param workingDir theirs
  /// @return the exit code of the whole
  static int run(int count, List<String> words, Path workingDir, Console console) {
    LocalTeam team = new LocalTeam(console);
    try (SignalStop stop = SignalStop.open(console)) {
      try {
        int port = freePort();
        for (int rank = 0; rank < count; rank++) {
          team.start(rank, count, port, words, workingDir);
        }
        return team.watch(stop::requested);
      } catch (IOException e) {
        throw new RunFailedException("the processes could not be started: " + e.getMessage(), e);
      } finally {
        team.members.forEach(member -> member.process.destroyForcibly());
      }
    }
  }

  private static int freePort() throws IOException {
    try (ServerSocket socket = new ServerSocket(0)) {
      return socket.getLocalPort();
    }
  }

  private void start(int rank, int count, int port, List<String> words, Path workingDir)
      throws IOException {
    ProcessBuilder builder = new ProcessBuilder(command(words)).directory(workingDir.toFile());
    builder.environment().putAll(Ranks.local(rank, count, port));
    builder.environment().put(STARTED_BY_US, Long.toString(ProcessHandle.current().pid()));
    Process process = builder.start();
    Deque<String> lastLines = new ArrayDeque<>();
    List<Thread> readers = new ArrayList<>();
    members.add(new Member(rank, process, lastLines, readers));
    if (rank == 0) {
      readers.add(copying(process.getInputStream(), console.out()));
      readers.add(copying(process.getErrorStream(), console.err()));
    } else {
      readers.add(keeping(process.getInputStream(), lastLines));
      readers.add(keeping(process.getErrorStream(), lastLines));
    }
  }

  /// This program, started as it was started.
  static List<String> command(List<String> words) {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    ManagementFactory.getRuntimeMXBean().getInputArguments().stream()
        .filter(LocalTeam::isOurs)
        .forEach(command::add);
    command.addAll(List.of("-cp", System.getProperty("java.class.path"), Main.class.getName()));
    command.addAll(words);
    return command;
  }

  /// Not what belongs to this one process: agents, debuggers.
  private static boolean isOurs(String argument) {
    return !argument
        .toLowerCase(Locale.ROOT)
        .matches("-(javaagent|agentlib|agentpath|xdebug|xrun).*");
  }

  private static Thread copying(InputStream from, PrintStream to) {
    return Thread.ofVirtual()
        .start(() -> {
          byte[] bytes = new byte[8192];
          try (from) {
            for (int n = from.read(bytes); n >= 0; n = from.read(bytes)) {
              to.write(bytes, 0, n);
              to.flush();
            }
          } catch (IOException _) {
            // the process has ended
          }
        });
  }

  private static Thread keeping(InputStream from, Deque<String> lastLines) {
    return Thread.ofVirtual()
        .start(() -> {
          try (BufferedReader reader =
              new BufferedReader(new InputStreamReader(from, StandardCharsets.UTF_8))) {
            for (String line = reader.readLine(); line != null; line = reader.readLine()) {
              synchronized (lastLines) {
                lastLines.add(line);
                if (lastLines.size() > LAST_LINES) {
                  lastLines.remove();
                }
              }
            }
          } catch (IOException _) {
            // the process has ended
          }
        });
  }

  // ---- watching -------------------------------------------------------------------------------

  private int watch(BooleanSupplier stopRequested) {
    boolean told = false;
    long end = Long.MAX_VALUE;
    List<Member> failed = new ArrayList<>();
    try {
      while (members.stream().anyMatch(member -> member.process.isAlive())) {
        if (!told && stopRequested.getAsBoolean()) {
          told = true;
          members.forEach(member -> member.say(STOP));
        }
        for (Member member : members) {
          if (!failed.contains(member) && hasFailed(member)) {
            failed.add(member);
            boolean began = member.process.exitValue() != ExitCode.WRONG_INPUT;
            end = Math.min(end, System.nanoTime() + (began ? GRACE : SHORT_GRACE).toNanos());
          }
        }
        if (System.nanoTime() > end) {
          members.forEach(member -> member.process.destroyForcibly());
        }
        Thread.sleep(POLL);
      }
      for (Member member : members) {
        for (Thread reader : member.readers) {
          reader.join(POLL.multipliedBy(40));
        }
        if (!failed.contains(member) && hasFailed(member)) {
          failed.add(member);
        }
      }
    } catch (InterruptedException _) {
      Thread.currentThread().interrupt();
    }
    failed.stream().filter(this::isNews).findFirst().ifPresent(this::show);
    return exitCode();
  }

  private static boolean hasFailed(Member member) {
    return !member.process.isAlive()
        && member.process.exitValue() != ExitCode.OK
        && member.process.exitValue() != ExitCode.STOPPED;
  }

  /// Whether rank 0, which the user sees, has not said all there is to say of it.
  private boolean isNews(Member member) {
    return member.rank > 0 && !(hasSpoken(members.getFirst()) && hasSpoken(member));
  }

  /// Whether it ended by itself, with a sentence.
  private static boolean hasSpoken(Member member) {
    int code = member.process.exitValue();
    return code == ExitCode.FAILED || code == ExitCode.WRONG_INPUT;
  }

  private void show(Member member) {
    console.report(
        "rank %d (process %d) ended with exit code %d%s"
            .formatted(
                member.rank,
                member.process.pid(),
                member.process.exitValue(),
                member.lastLines.isEmpty() ? "" : "; its last lines:"));
    synchronized (member.lastLines) {
      member.lastLines.forEach(line -> console.report("  " + line));
    }
  }

  /// Wrong input outweighs a failure, a failure a stop.
  private int exitCode() {
    List<Integer> codes = new ArrayList<>();
    members.forEach(member ->
        codes.add(member.process.isAlive() ? ExitCode.FAILED : member.process.exitValue()));
    if (codes.contains(ExitCode.WRONG_INPUT)) {
      return ExitCode.WRONG_INPUT;
    }
    if (codes.stream().anyMatch(code -> code != ExitCode.OK && code != ExitCode.STOPPED)) {
      return ExitCode.FAILED;
    }
    return codes.contains(ExitCode.STOPPED) ? ExitCode.STOPPED : ExitCode.OK;
  }

  // ---- the other end --------------------------------------------------------------------------

  /// Whether `--nproc` of another process of this program started this one.
  static boolean startedThis() {
    return System.getenv(STARTED_BY_US) != null;
  }

  /// Calls `stop` when the process that started this one says so, or is gone.
  static void listen(Runnable stop) {
    Thread.ofPlatform()
        .daemon()
        .name("stop-line")
        .start(() -> {
          try {
            BufferedReader reader =
                new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
            String line = reader.readLine();
            while (line != null && !line.equals(STOP)) {
              line = reader.readLine();
            }
          } catch (IOException _) {
            // as its end
          }
          stop.run();
        });
  }
}
