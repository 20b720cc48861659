package dev.anima.runs;

import dev.anima.train.Requests;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.EnumSet;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.BooleanSupplier;
import java.util.function.LongSupplier;

/// Files by which a run is asked for something, on every system alike: `sample`, `save` and `stop`
/// in the run's folder. Each is removed when the run takes it; what is in it does not matter.
///
/// A file manager that only makes text files will do: `sample.txt` counts too.
public final class RequestFiles implements Requests {
  private static final String SAMPLE = "sample";
  private static final String SAVE = "save";
  private static final String STOP = "stop";
  private static final List<String> NAMES = List.of(SAMPLE, SAVE, STOP);
  private static final List<String> ENDINGS = List.of("", ".txt");

  /// How often the folder is looked at: a few files, five times a second, whatever a step takes.
  static final long NANOS_BETWEEN_LOOKS = 200_000_000;

  private final Path folder;
  private final LongSupplier nanoTime;
  private final Set<Path> undeletable = new HashSet<>();
  private final EnumSet<Kind> waiting = EnumSet.noneOf(Kind.class);
  private long lookedAt;
  private boolean stop;

  private RequestFiles(Path folder, LongSupplier nanoTime) {
    this.folder = folder;
    this.nanoTime = nanoTime;
    this.lookedAt = nanoTime.getAsLong();
  }

  /// Watches `folder` from now on: what lies there already was meant for another run and is
  /// removed.
  static RequestFiles in(Path folder) {
    return in(folder, System::nanoTime);
  }

  static RequestFiles in(Path folder, LongSupplier nanoTime) {
    RequestFiles requests = new RequestFiles(folder, nanoTime);
    NAMES.forEach(requests::isAsked);
    return requests;
  }

  /// Whether the run was asked to save and end; stays so.
  public boolean stop() {
    look();
    return stop;
  }

  @Override
  public Set<Kind> take() {
    look();
    Set<Kind> taken = EnumSet.copyOf(waiting);
    waiting.clear();
    return taken;
  }

  /// These requests, and pictures whenever `pictures` says so (once).
  public Requests or(BooleanSupplier pictures) {
    return () -> {
      Set<Kind> taken = take();
      if (pictures.getAsBoolean()) {
        taken.add(Kind.SAMPLE);
      }
      return taken;
    };
  }

  private void look() {
    long now = nanoTime.getAsLong();
    if (now - lookedAt < NANOS_BETWEEN_LOOKS) {
      return;
    }
    lookedAt = now;
    stop |= isAsked(STOP);
    if (isAsked(SAMPLE)) {
      waiting.add(Kind.SAMPLE);
    }
    if (isAsked(SAVE)) {
      waiting.add(Kind.SAVE);
    }
  }

  private boolean isAsked(String name) {
    boolean asked = false;
    for (String ending : ENDINGS) {
      asked |= removed(folder.resolve(name + ending));
    }
    return asked;
  }

  /// A file that cannot be removed is not asked about twice.
  private boolean removed(Path file) {
    if (!Files.exists(file) || undeletable.contains(file)) {
      return false;
    }
    try {
      return Files.deleteIfExists(file);
    } catch (IOException e) {
      undeletable.add(file);
      return true;
    }
  }
}
