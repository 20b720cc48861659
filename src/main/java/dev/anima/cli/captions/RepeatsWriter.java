package dev.anima.cli.captions;

import dev.anima.captions.CaptionFolder;
import dev.anima.captions.CaptionSet;
import dev.anima.captions.CaptionSource;
import dev.anima.config.RepeatsInToml;
import dev.anima.io.AtomicFiles;
import dev.anima.io.InputException;
import dev.anima.lint.Balance;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.ToIntFunction;

/// Writes repeats into a dataset file.
public final class RepeatsWriter {
  private RepeatsWriter() {}

  /// @param folders all of the file, in order
  /// @return whether anything changed
  static boolean write(
      Path file,
      List<CaptionFolder> folders,
      ToIntFunction<CaptionFolder> repeats,
      boolean dryRun) {
    if (!String.valueOf(file.getFileName()).endsWith(".toml")) {
      throw InputException.inFile(file, "repeats are written into .toml files only");
    }
    try {
      String before = Files.readString(file);
      List<Integer> numbers = new ArrayList<>();
      folders.forEach(folder -> numbers.add(repeats.applyAsInt(folder)));
      String after = RepeatsInToml.with(before, numbers, file);
      if (!after.equals(before) && !dryRun) {
        AtomicFiles.writeString(file, after);
      }
      return !after.equals(before);
    } catch (IOException e) {
      throw new InputException(file + ": cannot be read (" + e + ")", e);
    }
  }

  /// Balances the repeats of a dataset file, the largest folder once.
  ///
  /// @return what was done, or would be
  public static String balance(CaptionSource source, CaptionSet set, boolean dryRun) {
    Path file =
        source
            .file()
            .orElseThrow(() ->
                new InputException(
                    "subset-unbalanced: repeats are written into a dataset file, not a folder"));
    Map<CaptionFolder, Integer> images = new LinkedHashMap<>();
    set.images().forEach(image -> images.merge(image.folder(), 1, Integer::sum));
    List<CaptionFolder> counted =
        source.folders().stream()
            .filter(folder -> images.containsKey(folder) && !folder.spec().isReg())
            .toList();
    List<Balance.Folder> folders =
        counted.stream()
            .map(folder -> new Balance.Folder(folder.name(), images.getOrDefault(folder, 0), 1, 1))
            .toList();
    Balance balance = Balance.of(folders, 1);
    boolean changes =
        write(
            file,
            source.folders(),
            folder -> {
              int at = counted.indexOf(folder);
              return at < 0 ? folder.spec().numRepeats() : balance.rows().get(at).repeats();
            },
            dryRun);
    String repeats =
        String.join(
            ",", balance.rows().stream().map(row -> Integer.toString(row.repeats())).toList());
    return !changes
        ? file + " has balanced num_repeats already"
        : "%s num_repeats %s into %s".formatted(dryRun ? "would write" : "wrote", repeats, file);
  }
}
