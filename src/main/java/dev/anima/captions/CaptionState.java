package dev.anima.captions;

import dev.anima.io.AtomicFiles;
import dev.anima.io.InputException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// Where history, snapshots and trash of a data set are kept: not in the data set, where trainers
/// and other programs would find them, but under the user's application data.
///
/// @param folder of one data set, named after its root
public record CaptionState(Path folder) {
  private static final int HASH_DIGITS = 16;

  /// @param appData see [#appData]
  /// @param root real path of the data set
  public static CaptionState of(Path appData, Path root) {
    String name = root.getFileName() == null ? "root" : root.getFileName().toString();
    String plain = name.replaceAll("[^\\p{L}\\p{N}._-]", "_");
    String shortName = plain.substring(0, Math.min(40, plain.length()));
    return new CaptionState(
        appData.resolve("captions").resolve(shortName + "-" + hash(root.toString())));
  }

  private static String hash(String path) {
    try {
      byte[] digest =
          MessageDigest.getInstance("SHA-256").digest(path.getBytes(StandardCharsets.UTF_8));
      return HexFormat.of().formatHex(digest).substring(0, HASH_DIGITS);
    } catch (NoSuchAlgorithmException e) {
      throw new AssertionError("every Java platform has SHA-256", e);
    }
  }

  /// The folder of the program's own data: `ANIMA_DATA`, else what the system uses.
  public static Path appData(Map<String, String> environment) {
    @Nullable String own = environment.get("ANIMA_DATA");
    if (own != null && !own.isBlank()) {
      return Path.of(own);
    }
    Path home = Path.of(System.getProperty("user.home", "."));
    String system = System.getProperty("os.name", "").toLowerCase(Locale.ROOT);
    if (system.contains("win")) {
      @Nullable String local = environment.get("LOCALAPPDATA");
      return local == null
          ? home.resolve("AppData").resolve("Local").resolve("anima")
          : Path.of(local).resolve("anima");
    }
    if (system.contains("mac")) {
      return home.resolve("Library").resolve("Application Support").resolve("anima");
    }
    @Nullable String data = environment.get("XDG_DATA_HOME");
    return (data == null || data.isBlank()
            ? home.resolve(".local").resolve("share")
            : Path.of(data))
        .resolve("anima");
  }

  /// Makes the folder, with a note of which data set it belongs to.
  ///
  /// @throws InputException if that cannot be done
  void create(Path root) {
    try {
      Files.createDirectories(folder);
      Path note = folder.resolve("dataset.txt");
      if (!Files.exists(note)) {
        AtomicFiles.writeString(note, root + "\n");
      }
    } catch (IOException e) {
      throw new InputException(
          folder
              + ": the history of edits cannot be kept here ("
              + e
              + "); set ANIMA_DATA to a folder that may be written to",
          e);
    }
  }

  Path journal() {
    return folder.resolve("journal");
  }

  Path lock() {
    return folder.resolve("lock");
  }

  Path trash() {
    return folder.resolve("trash");
  }

  Path snapshots() {
    return folder.resolve("snapshots");
  }
}
