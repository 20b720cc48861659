package dev.anima.cli.setup;

import dev.anima.io.RunFailedException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.zip.ZipEntry;
import java.util.zip.ZipException;
import java.util.zip.ZipFile;

/// The shared libraries inside a wheel. Only they are unpacked, all into one folder, so that each
/// finds the others beside itself.
final class WheelLibraries {
  private static final Pattern LIBRARY = Pattern.compile("[\\w.+-]+\\.(dll|so(\\.\\d+)*)");

  private WheelLibraries() {}

  /// Bytes that [#unpack] will write.
  static long bytes(Path wheel) throws IOException {
    try (ZipFile zip = open(wheel)) {
      return libraries(wheel, zip).stream().mapToLong(ZipEntry::getSize).sum();
    }
  }

  /// Writes the libraries of `wheel` into `folder`, over those of the same name.
  ///
  /// @throws RunFailedException if the wheel holds no library, or a path that leads elsewhere
  static void unpack(Path wheel, Path folder) throws IOException {
    try (ZipFile zip = open(wheel)) {
      for (ZipEntry entry : libraries(wheel, zip)) {
        try (InputStream in = zip.getInputStream(entry)) {
          Files.copy(in, folder.resolve(fileName(entry)), StandardCopyOption.REPLACE_EXISTING);
        }
      }
    }
  }

  private static ZipFile open(Path wheel) throws IOException {
    try {
      return new ZipFile(wheel.toFile());
    } catch (ZipException e) {
      throw new RunFailedException(
          wheel.getFileName() + ": is no zip file (" + e.getMessage() + ")", e);
    }
  }

  private static List<ZipEntry> libraries(Path wheel, ZipFile zip) {
    List<ZipEntry> libraries = new ArrayList<>();
    Set<String> names = new HashSet<>();
    for (ZipEntry entry : Collections.list(zip.entries())) {
      refuseIf(leadsElsewhere(entry.getName()), wheel, entry, "leads out of its folder");
      if (!entry.isDirectory() && LIBRARY.matcher(fileName(entry)).matches()) {
        refuseIf(!names.add(fileName(entry)), wheel, entry, "is there twice");
        libraries.add(entry);
      }
    }
    if (libraries.isEmpty()) {
      throw new RunFailedException(wheel.getFileName() + ": holds no shared library");
    }
    return libraries;
  }

  private static boolean leadsElsewhere(String name) {
    return name.startsWith("/")
        || name.contains("\\")
        || name.contains(":")
        || List.of(name.split("/", -1)).contains("..");
  }

  private static void refuseIf(boolean bad, Path wheel, ZipEntry entry, String why) {
    if (bad) {
      throw new RunFailedException(
          wheel.getFileName() + ": the path \"" + entry.getName() + "\" in it " + why);
    }
  }

  private static String fileName(ZipEntry entry) {
    return entry.getName().substring(entry.getName().lastIndexOf('/') + 1);
  }
}
