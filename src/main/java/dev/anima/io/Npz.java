package dev.anima.io;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.zip.CRC32;
import java.util.zip.ZipEntry;
import java.util.zip.ZipException;
import java.util.zip.ZipFile;

/// Numpy archives: a zip file of `.npy` members. Written as `numpy.savez` does (uncompressed), read
/// with stored or deflated members.
public final class Npz {
  private static final String MEMBER_SUFFIX = ".npy";

  /// No cache array comes near this; a larger one is a damaged or hostile file.
  private static final long MAX_MEMBER_BYTES = 1L << 30;

  private Npz() {}

  /// Names of the arrays, in file order; reads the directory at the end of the file only.
  ///
  /// @throws InputException if there is no such file or it is not an archive
  public static Set<String> names(Path file) {
    return withZip(
        file,
        zip -> {
          Set<String> names = new LinkedHashSet<>();
          for (ZipEntry entry : members(zip)) {
            names.add(arrayName(entry));
          }
          return names;
        });
  }

  /// All arrays, in file order.
  ///
  /// @throws InputException if there is no such file, it is damaged, or an array has a type that
  ///   [NpyType] does not name
  public static Map<String, NpyArray> read(Path file) {
    return withZip(
        file,
        zip -> {
          Map<String, NpyArray> arrays = new LinkedHashMap<>();
          for (ZipEntry entry : members(zip)) {
            arrays.put(arrayName(entry), decode(file, entry, bytes(file, zip, entry)));
          }
          return arrays;
        });
  }

  /// The arrays named in `names` that the file has; the others are not looked at.
  public static Map<String, NpyArray> read(Path file, Collection<String> names) {
    return withZip(
        file,
        zip -> {
          Map<String, NpyArray> arrays = new LinkedHashMap<>();
          for (String name : names) {
            ZipEntry entry = zip.getEntry(name + MEMBER_SUFFIX);
            if (entry != null) {
              arrays.put(name, decode(file, entry, bytes(file, zip, entry)));
            }
          }
          return arrays;
        });
  }

  /// Writes the arrays in the order of the map, atomically.
  public static void write(Path file, Map<String, NpyArray> arrays) {
    writeMembers(file, encode(arrays));
  }

  /// Adds the arrays to the file, replacing those of the same name and keeping all others as they
  /// are, of whatever type; without a file this is [#write].
  public static void update(Path file, Map<String, NpyArray> arrays) {
    Map<String, byte[]> members = new LinkedHashMap<>();
    if (Files.exists(file)) {
      members.putAll(
          withZip(
              file,
              zip -> {
                Map<String, byte[]> kept = new LinkedHashMap<>();
                for (ZipEntry entry : members(zip)) {
                  // a replaced array keeps its place, as in a Python dictionary
                  boolean replaced = arrays.containsKey(arrayName(entry));
                  kept.put(entry.getName(), replaced ? new byte[0] : bytes(file, zip, entry));
                }
                return kept;
              }));
    }
    members.putAll(encode(arrays));
    writeMembers(file, members);
  }

  private static Map<String, byte[]> encode(Map<String, NpyArray> arrays) {
    Map<String, byte[]> members = new LinkedHashMap<>();
    arrays.forEach((name, array) -> members.put(name + MEMBER_SUFFIX, NpyFormat.encode(array)));
    return members;
  }

  private static void writeMembers(Path file, Map<String, byte[]> members) {
    AtomicFiles.write(file, channel -> StoredZip.write(channel, members));
  }

  @FunctionalInterface
  private interface ZipReader<T> {
    T read(ZipFile zip) throws IOException;
  }

  private static <T> T withZip(Path file, ZipReader<T> reader) {
    if (Files.isDirectory(file)) {
      throw InputException.inFile(file, "is a folder, expected an .npz file");
    }
    try (ZipFile zip = new ZipFile(file.toFile(), StandardCharsets.UTF_8)) {
      return reader.read(zip);
    } catch (NoSuchFileException e) {
      throw new InputException(file + ": there is no such file", e);
    } catch (ZipException e) {
      throw new InputException(
          file + ": is not a whole .npz file (" + e.getMessage() + "); delete it to rebuild it", e);
    } catch (IOException e) {
      throw new InputException(file + ": cannot be read (" + e.getMessage() + ")", e);
    }
  }

  private static List<ZipEntry> members(ZipFile zip) {
    return zip.stream()
        .filter(entry -> entry.getName().endsWith(MEMBER_SUFFIX))
        .<ZipEntry>map(entry -> entry)
        .toList();
  }

  private static String arrayName(ZipEntry entry) {
    String name = entry.getName();
    return name.substring(0, name.length() - MEMBER_SUFFIX.length());
  }

  /// ZipFile itself does not compare check sums of members it is asked for.
  private static byte[] bytes(Path file, ZipFile zip, ZipEntry entry) throws IOException {
    if (entry.getSize() > MAX_MEMBER_BYTES) {
      throw InputException.inFile(
          file, "array " + arrayName(entry) + " claims " + entry.getSize() + " bytes (damaged?)");
    }
    byte[] bytes;
    try (InputStream in = zip.getInputStream(entry)) {
      bytes = in.readNBytes((int) entry.getSize());
    }
    CRC32 crc = new CRC32();
    crc.update(bytes);
    if (bytes.length != entry.getSize() || crc.getValue() != entry.getCrc()) {
      throw InputException.inFile(
          file, "array " + arrayName(entry) + " is damaged (check sum); delete it to rebuild it");
    }
    return bytes;
  }

  private static NpyArray decode(Path file, ZipEntry entry, byte[] bytes) {
    try {
      return NpyFormat.decode(bytes);
    } catch (NpyFormat.MalformedArrayException e) {
      throw new InputException(file + ": array " + arrayName(entry) + " " + e.getMessage(), e);
    }
  }
}
