package dev.anima.captions;

import dev.anima.captions.CaptionedImage.Content;
import dev.anima.io.InputException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Clock;
import java.time.LocalDateTime;
import java.time.ZoneId;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;
import java.util.zip.Deflater;
import java.util.zip.ZipEntry;
import java.util.zip.ZipInputStream;
import java.util.zip.ZipOutputStream;

/// Zip files with all captions of a data set as they were at some time.
public final class Snapshots {
  private static final DateTimeFormatter NAME = DateTimeFormatter.ofPattern("yyyyMMdd-HHmmss-SSS");
  private static final int KEPT = 10;
  private static final int KEPT_DAYS = 30;
  private static final int DAY_LETTERS = 8;

  private final Path folder;
  private final Clock clock;

  public Snapshots(CaptionState state) {
    this(state, Clock.systemUTC());
  }

  Snapshots(CaptionState state, Clock clock) {
    this.folder = state.snapshots();
    this.clock = clock;
  }

  /// Names of the snapshots, oldest first.
  public List<String> names() {
    if (!Files.isDirectory(folder)) {
      return List.of();
    }
    try (Stream<Path> files = Files.list(folder)) {
      return files
          .map(file -> String.valueOf(file.getFileName()))
          .filter(name -> name.endsWith(".zip"))
          .map(name -> name.substring(0, name.length() - ".zip".length()))
          .sorted()
          .toList();
    } catch (IOException e) {
      throw new InputException(folder + ": cannot be listed (" + e + ")", e);
    }
  }

  /// Makes a snapshot unless there is one of today.
  public void takeDaily(CaptionSet set) {
    String today = NAME.format(now()).substring(0, DAY_LETTERS);
    if (names().stream().noneMatch(name -> name.startsWith(today))) {
      take(set);
    }
  }

  private LocalDateTime now() {
    return LocalDateTime.ofInstant(clock.instant(), ZoneId.systemDefault());
  }

  /// @return its name
  /// @throws InputException if it cannot be written; edits are not begun without it
  public String take(CaptionSet set) {
    String name = NAME.format(now());
    Path part = folder.resolve(name + ".part");
    try {
      Files.createDirectories(folder);
      try (ZipOutputStream zip = new ZipOutputStream(Files.newOutputStream(part))) {
        zip.setLevel(Deflater.BEST_SPEED);
        Set<String> written = new HashSet<>();
        for (CaptionedImage image : set.images()) {
          if (image.content() instanceof Content.Stored(_, Bytes bytes, _)
              && written.add(key(image))) {
            zip.putNextEntry(new ZipEntry(key(image)));
            zip.write(bytes.data());
            zip.closeEntry();
          }
        }
      }
      Files.move(part, folder.resolve(name + ".zip"), StandardCopyOption.ATOMIC_MOVE);
    } catch (IOException e) {
      throw new InputException(folder + ": no snapshot can be written (" + e + ")", e);
    }
    removeOld();
    return name;
  }

  /// Caption files by the place of their image: the name of the caption file beside it.
  private static String key(CaptionedImage image) {
    String name = image.name();
    String inside = name.substring(0, name.lastIndexOf('/') + 1);
    return inside + image.file().getFileName();
  }

  /// Keeps the last ten, and one a day for thirty days.
  private void removeOld() {
    List<String> names = new ArrayList<>(names().reversed());
    String oldest = NAME.format(now().minusDays(KEPT_DAYS)).substring(0, DAY_LETTERS);
    Set<String> days = new HashSet<>();
    for (int i = 0; i < names.size(); i++) {
      String day = names.get(i).substring(0, Math.min(DAY_LETTERS, names.get(i).length()));
      boolean firstOfDay = days.add(day) && day.compareTo(oldest) >= 0;
      if (i >= KEPT && !firstOfDay) {
        try {
          Files.deleteIfExists(folder.resolve(names.get(i) + ".zip"));
        } catch (IOException _) {
          // it is only too much of a good thing
        }
      }
    }
  }

  /// What would bring the captions back to a snapshot. Captions made since stay.
  ///
  /// @param name of the snapshot, or `last`
  /// @throws InputException if there is none
  public Plan restore(CaptionSet set, String name) {
    List<String> names = names();
    if (names.isEmpty()) {
      throw new InputException("there is no snapshot of this data set");
    }
    String chosen = name.equals("last") ? names.getLast() : name;
    if (!names.contains(chosen)) {
      throw new InputException(
          "there is no snapshot \"%s\"; there are %s".formatted(name, String.join(", ", names)));
    }
    Map<String, Bytes> contents = contents(folder.resolve(chosen + ".zip"));
    List<Plan.Change> changes = new ArrayList<>();
    List<Plan.Refusal> refusals = new ArrayList<>();
    Set<Path> seen = new HashSet<>();
    for (CaptionedImage image : set.images()) {
      Bytes then = contents.get(key(image));
      if (then == null || !seen.add(image.file())) {
        continue;
      }
      String line = CaptionText.of(then.text()).line();
      switch (image.content()) {
        case Content.Stored(CaptionText text, Bytes now, CaptionedImage.Stamp stamp) -> {
          if (!now.equals(then)) {
            changes.add(
                new Plan.Change(
                    image.file(), image.name(), text.line(), line, now, then, Optional.of(stamp)));
          }
        }
        case Content.Missing() ->
            changes.add(
                new Plan.Change(
                    image.file(), image.name(), null, line, null, then, Optional.empty()));
        case Content.Unreadable(String reason, _) ->
            refusals.add(new Plan.Refusal(image.file(), reason));
      }
    }
    return new Plan(
        "restore", "restore the snapshot " + chosen, changes, refusals, set.images().size());
  }

  private static Map<String, Bytes> contents(Path file) {
    Map<String, Bytes> contents = new HashMap<>();
    try (InputStream in = Files.newInputStream(file);
        ZipInputStream zip = new ZipInputStream(in)) {
      for (ZipEntry entry = zip.getNextEntry(); entry != null; entry = zip.getNextEntry()) {
        contents.put(entry.getName(), Bytes.of(zip.readAllBytes()));
      }
    } catch (IOException e) {
      throw new InputException(file + ": cannot be read (" + e + ")", e);
    }
    return contents;
  }
}
