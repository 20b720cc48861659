package dev.anima.config;

import dev.anima.io.InputException;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;

/// Which of the processes of one run this is, as launchers say it in the environment: torchrun and
/// the operators of Kubernetes by `RANK`, `WORLD_SIZE`, `LOCAL_RANK`, `MASTER_ADDR` and
/// `MASTER_PORT`; Slurm by its own variables, if `MASTER_ADDR` is there too.
///
/// @param rank number of this process, from 0
/// @param size processes in all
/// @param localRank number of this process on its computer, from 0: the card it takes
/// @param localSize processes on this computer; empty if nobody says
/// @param master host of process 0
/// @param port that process 0 opens
/// @param store prefix of the keys in a store that the launcher serves at that port (torchrun);
///   empty where process 0 serves it
public record Ranks(
    int rank,
    int size,
    int localRank,
    OptionalInt localSize,
    String master,
    int port,
    Optional<String> store) {
  /// One process, which needs to meet nobody.
  public static final Ranks ALONE = planned(1);

  private static final int DEFAULT_PORT = 29500; // as torch

  /// Rank 0 of `size` processes that never meet, to plan with.
  public static Ranks planned(int size) {
    return new Ranks(0, size, 0, OptionalInt.of(size), "", 0, Optional.empty());
  }

  public boolean isAlone() {
    return size == 1;
  }

  /// Reads the environment.
  ///
  /// @throws InputException if its variables do not fit together
  public static Ranks of(Map<String, String> environment) {
    boolean slurm = environment.containsKey("MASTER_ADDR");
    Optional<Entry> rank = first(environment, "RANK", slurm ? "SLURM_PROCID" : "");
    Optional<Entry> size = first(environment, "WORLD_SIZE", slurm ? "SLURM_NTASKS" : "");
    if (rank.isEmpty() || size.isEmpty()) {
      if (rank.isPresent()) {
        throw incomplete(rank.get(), "WORLD_SIZE");
      }
      if (size.isPresent() && size.get().number(1) > 1) {
        throw incomplete(size.get(), "RANK");
      }
      return ALONE;
    }
    int processes = size.get().number(1);
    int own = rank.get().number(0);
    if (own >= processes) {
      throw new InputException(
          "%s is %d, but %s is %d: ranks go from 0 to %d"
              .formatted(rank.get().name(), own, size.get().name(), processes, processes - 1));
    }
    if (processes == 1) {
      return ALONE;
    }
    String master = environment.getOrDefault("MASTER_ADDR", "").strip();
    if (master.isEmpty()) {
      throw new InputException(
          "%s is %d, but MASTER_ADDR is not set\n  -> set it to the host of the process with rank 0"
              .formatted(size.get().name(), processes));
    }
    int port = first(environment, "MASTER_PORT").map(entry -> entry.number(1)).orElse(DEFAULT_PORT);
    if (port > 65535) {
      throw new InputException("MASTER_PORT is %d, expected 1 to 65535".formatted(port));
    }
    return new Ranks(
        own,
        processes,
        first(environment, "LOCAL_RANK", slurm ? "SLURM_LOCALID" : "")
            .map(entry -> entry.number(0))
            .orElse(0),
        first(environment, "LOCAL_WORLD_SIZE")
            .map(entry -> OptionalInt.of(entry.number(1)))
            .orElse(OptionalInt.empty()),
        master,
        port,
        servedStore(environment));
  }

  /// As torch's own processes do it.
  private static Optional<String> servedStore(Map<String, String> environment) {
    return "True".equals(environment.get("TORCHELASTIC_USE_AGENT_STORE"))
        ? Optional.of(
            "/worker/attempt_" + environment.getOrDefault("TORCHELASTIC_RESTART_COUNT", "0"))
        : Optional.empty();
  }

  /// The environment of process `rank` of `size` on this computer.
  public static Map<String, String> local(int rank, int size, int port) {
    return Map.of(
        "RANK",
        Integer.toString(rank),
        "WORLD_SIZE",
        Integer.toString(size),
        "LOCAL_RANK",
        Integer.toString(rank),
        "LOCAL_WORLD_SIZE",
        Integer.toString(size),
        "MASTER_ADDR",
        "127.0.0.1",
        "MASTER_PORT",
        Integer.toString(port));
  }

  private static InputException incomplete(Entry given, String missing) {
    return new InputException(
        "%s is %s, but %s is not set\n  -> a launcher sets RANK, WORLD_SIZE, LOCAL_RANK, MASTER_ADDR and MASTER_PORT; for one process unset %s"
            .formatted(given.name(), given.text(), missing, given.name()));
  }

  /// A variable that is set.
  private record Entry(String name, String text) {
    int number(int least) {
      String digits = text.strip();
      if (!digits.matches("\\d{1,6}") || Integer.parseInt(digits) < least) {
        throw new InputException(
            "%s is \"%s\", expected a whole number from %d on".formatted(name, text, least));
      }
      return Integer.parseInt(digits);
    }
  }

  private static Optional<Entry> first(Map<String, String> environment, String... names) {
    for (String name : names) {
      String text = environment.get(name);
      if (text != null && !text.isBlank()) {
        return Optional.of(new Entry(name, text));
      }
    }
    return Optional.empty();
  }
}
