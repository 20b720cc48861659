package dev.anima.captions;

import dev.anima.config.DatasetConfig;
import dev.anima.config.DatasetSpec;
import dev.anima.config.FlagsReader;
import dev.anima.config.Size;
import dev.anima.config.SubsetSpec;
import dev.anima.io.InputException;
import java.io.IOException;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import org.jspecify.annotations.Nullable;

/// What a user means by a data set: a folder (with all folders in it) or a dataset file of
/// sd-scripts.
///
/// @param root common folder of all images; the history of edits is kept by it
/// @param folders image folders, in order
/// @param file the dataset file, empty for a folder
public record CaptionSource(Path root, List<CaptionFolder> folders, Optional<Path> file) {
  public CaptionSource {
    folders = List.copyOf(folders);
  }

  /// Used for a folder, where no dataset file says otherwise: bucketed 1024 x 1024, `.txt`.
  private static final int SIDE = 1024;

  /// @param data folder, or a `.toml` or `.json` file
  /// @param extension of caption files, null for what the file says, else `.txt` and `.caption`
  /// @param workingDir that relative paths are meant from
  /// @throws InputException if it does not exist or cannot be understood
  public static CaptionSource of(Path data, @Nullable String extension, Path workingDir) {
    Path path = workingDir.resolve(data);
    if (!Files.exists(path)) {
      throw InputException.inFile(data, "there is no such folder or dataset file");
    }
    return Files.isDirectory(path)
        ? ofFolder(path, extension)
        : ofFile(path, extension, workingDir);
  }

  private static CaptionSource ofFile(Path file, @Nullable String extension, Path workingDir) {
    String name = String.valueOf(file.getFileName());
    if (!name.endsWith(".toml") && !name.endsWith(".json")) {
      throw InputException.inFile(
          file, "is neither a folder nor a dataset file (.toml or .json) of sd-scripts");
    }
    DatasetConfig config =
        DatasetConfig.of(
            FlagsReader.read(List.of("--dataset_config", file.toString()), workingDir).flags(),
            workingDir);
    return of(config.datasets(), extension, file);
  }

  /// The image folders of datasets that were read already.
  ///
  /// @param file they come from
  public static CaptionSource of(
      List<DatasetSpec> datasets, @Nullable String extension, Path file) {
    List<CaptionFolder> folders = new ArrayList<>();
    for (DatasetSpec dataset : datasets) {
      for (SubsetSpec subset : dataset.subsets()) {
        Path folder = subset.paths().imageDir();
        if (folder != null && dataset.style() != DatasetSpec.Style.FINE_TUNING) {
          String own = extension == null ? subset.captionExtension() : extension;
          folders.add(folder(folder, subset, dataset, List.of(dotted(own))));
        }
      }
    }
    if (folders.isEmpty()) {
      throw InputException.inFile(file, "names no folder with caption files");
    }
    return new CaptionSource(root(folders, file), folders, Optional.of(file));
  }

  private static CaptionFolder folder(
      Path path, SubsetSpec spec, DatasetSpec dataset, List<String> extensions) {
    Path name = path.toAbsolutePath().normalize().getFileName();
    return new CaptionFolder(path, String.valueOf(name), spec, dataset, extensions);
  }

  private static Path root(List<CaptionFolder> folders, Path file) {
    Path root = real(folders.getFirst().path());
    for (CaptionFolder folder : folders) {
      Path path = real(folder.path());
      while (root != null && !path.startsWith(root)) {
        root = root.getParent();
      }
    }
    // Folders from all over the disk have nothing in common but their file.
    Path parent = real(file).getParent();
    return root == null || root.getNameCount() == 0 ? parent == null ? real(file) : parent : root;
  }

  static Path real(Path path) {
    try {
      return path.toRealPath();
    } catch (IOException _) {
      return path.toAbsolutePath().normalize();
    }
  }

  private static CaptionSource ofFolder(Path folder, @Nullable String extension) {
    List<String> extensions =
        extension == null ? List.of(".txt", ".caption") : List.of(dotted(extension));
    List<CaptionFolder> folders = new ArrayList<>();
    for (Path path : withSubfolders(folder)) {
      SubsetSpec subset = defaults(path, extensions.getFirst());
      folders.add(folder(path, subset, defaults(subset), extensions));
    }
    return new CaptionSource(real(folder), folders, Optional.empty());
  }

  /// The folder and all in it; links to folders are not followed, hidden folders are left out.
  private static List<Path> withSubfolders(Path folder) {
    List<Path> found = new ArrayList<>();
    try {
      Path start = Files.isSymbolicLink(folder) ? folder.toRealPath() : folder;
      Files.walkFileTree(
          start,
          new SimpleFileVisitor<>() {
            @Override
            public FileVisitResult preVisitDirectory(Path dir, BasicFileAttributes attributes) {
              Path name = dir.getFileName();
              if (!dir.equals(start) && name != null && name.toString().startsWith(".")) {
                return FileVisitResult.SKIP_SUBTREE;
              }
              found.add(dir);
              return FileVisitResult.CONTINUE;
            }

            @Override
            public FileVisitResult visitFileFailed(Path file, IOException e) {
              return FileVisitResult.CONTINUE; // a folder that may not be read holds no images
            }
          });
    } catch (IOException e) {
      throw new InputException(folder + ": cannot be listed (" + e.getMessage() + ")", e);
    }
    found.sort((a, b) -> NaturalOrder.compare(a.toString(), b.toString()));
    return found;
  }

  private static SubsetSpec defaults(Path folder, String extension) {
    return new SubsetSpec(
        folder.toString(),
        null,
        null,
        false,
        null,
        extension,
        false,
        false,
        1,
        new SubsetSpec.CaptionOptions(true, ",", 0, "", null, false, null, null, 0, 0, 0, 1, 0),
        new SubsetSpec.AugmentOptions(false, false, false, null),
        null,
        0,
        folder.toString());
  }

  private static DatasetSpec defaults(SubsetSpec subset) {
    return new DatasetSpec(
        DatasetSpec.Style.DREAMBOOTH,
        new Size(SIDE, SIDE),
        1,
        true,
        256,
        2048,
        64,
        true,
        0,
        OptionalInt.empty(),
        1,
        null,
        1,
        List.of(subset));
  }

  private static String dotted(String extension) {
    return extension.isEmpty() || extension.startsWith(".") ? extension : "." + extension;
  }
}
