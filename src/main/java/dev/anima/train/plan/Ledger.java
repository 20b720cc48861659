package dev.anima.train.plan;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Supplier;

/// Bytes on one device as tensors come and go, and the moment of the most. Nothing is allocated:
/// scopes and owners are those of [dev.anima.engine.Scope], so that code can be followed line by
/// line.
final class Ledger {
  private static final int NOT_WANTED = -1;

  private final Deque<List<Held>> scopes = new ArrayDeque<>();
  private final Set<Held> alive = new LinkedHashSet<>();

  /// At which booking the tensors are to be listed.
  private final int listAt;

  private int bookings;
  private long live;
  private long peak;
  private int peakBooking;
  private String moment = "";
  private String peakMoment = "";
  private List<Peak.Part> listed = List.of();

  private Ledger(int listAt) {
    this.listAt = listAt;
  }

  /// A tensor, or several of one name together.
  final class Held implements AutoCloseable {
    private final String name;
    private final long bytes;
    private boolean open = true;
    private boolean retained;

    private Held(String name, long bytes) {
      this.name = name;
      this.bytes = bytes;
    }

    long bytes() {
      return bytes;
    }

    /// From here on it outlives its scope and must be closed.
    Held retain() {
      retained = true;
      return this;
    }

    /// Freed; a second call does nothing.
    @Override
    public void close() {
      if (open) {
        open = false;
        live -= bytes;
        alive.remove(this);
      }
    }
  }

  /// A rehearsal that may be played more than once.
  @FunctionalInterface
  interface Rehearsal {
    void play(Ledger ledger);
  }

  /// The most bytes that are alive at once.
  static long peakBytes(Rehearsal rehearsal) {
    Ledger ledger = new Ledger(NOT_WANTED);
    ledger.scoped(() -> rehearsal.play(ledger));
    return ledger.peak;
  }

  /// What still is there when all scopes have ended.
  static long leftBytes(Rehearsal rehearsal) {
    Ledger ledger = new Ledger(NOT_WANTED);
    ledger.scoped(() -> rehearsal.play(ledger));
    return ledger.live;
  }

  /// [#peakBytes] with moment and tensors; plays twice.
  static Peak peak(Rehearsal rehearsal) {
    Ledger first = new Ledger(NOT_WANTED);
    first.scoped(() -> rehearsal.play(first));
    Ledger second = new Ledger(first.peakBooking);
    second.scoped(() -> rehearsal.play(second));
    return new Peak(second.peak, second.peakMoment, second.listed);
  }

  /// A new tensor of the innermost scope.
  Held take(String name, long bytes) {
    if (bytes < 0) {
      throw new IllegalArgumentException(name + " of " + bytes + " bytes");
    }
    Held held = new Held(name, bytes);
    alive.add(held);
    if (!scopes.isEmpty()) {
      scopes.getFirst().add(held);
    }
    live += bytes;
    bookings++;
    if (live > peak) {
      peak = live;
      peakBooking = bookings;
      peakMoment = moment;
    }
    if (bookings == listAt) {
      listed = parts();
    }
    return held;
  }

  /// Inside an operation only.
  void brief(String name, long bytes) {
    take(name, bytes).close();
  }

  /// What happens from here on.
  void moment(String words) {
    moment = words;
  }

  /// What `body` takes is freed at its end.
  void scoped(Runnable body) {
    scopes.push(new ArrayList<>());
    body.run();
    scopes.pop().stream().filter(held -> !held.retained).forEach(Held::close);
  }

  /// As above, but the result moves to the scope around.
  Held keep(Supplier<Held> body) {
    return keepAll(() -> List.of(body.get())).getFirst();
  }

  /// As above for several results.
  List<Held> keepAll(Supplier<List<Held>> body) {
    scopes.push(new ArrayList<>());
    List<Held> results = body.get();
    for (Held held : scopes.pop()) {
      if (!results.contains(held) && !held.retained) {
        held.close();
      }
    }
    if (!scopes.isEmpty()) {
      scopes.getFirst().addAll(results);
    }
    return results;
  }

  private List<Peak.Part> parts() {
    Map<String, Long> byName = new LinkedHashMap<>();
    alive.forEach(held -> byName.merge(held.name, held.bytes, Long::sum));
    return byName.entrySet().stream()
        .filter(entry -> entry.getValue() > 0)
        .map(entry -> new Peak.Part(entry.getKey(), entry.getValue()))
        .sorted(Comparator.comparingLong(Peak.Part::bytes).reversed())
        .toList();
  }
}
