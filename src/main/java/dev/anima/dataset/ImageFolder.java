package dev.anima.dataset;

import dev.anima.io.InputException;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.stream.Stream;

/// The image files of one folder, not of its sub-folders.
///
/// @param keys paths as text, `imageDir` joined with the file name, by code point
/// @param overlooked names with an image extension in mixed case, which the reference does not find
public record ImageFolder(List<String> keys, List<String> overlooked) {
  static final Set<String> EXTENSIONS = Set.of(".png", ".jpg", ".jpeg", ".webp", ".bmp");

  /// Lists a folder.
  ///
  /// @param imageDir an existing folder
  /// @throws InputException if it cannot be listed
  public static ImageFolder list(String imageDir) {
    List<String> keys = new ArrayList<>();
    List<String> overlooked = new ArrayList<>();
    try (Stream<Path> files = Files.list(Path.of(imageDir))) {
      for (String name : (Iterable<String>) files.map(ImageFolder::nameOf)::iterator) {
        String extension = name.substring(CaptionFile.stem(name).length());
        if (name.startsWith(".") || !EXTENSIONS.contains(extension.toLowerCase(Locale.ROOT))) {
          continue;
        }
        boolean oneCase =
            extension.equals(extension.toLowerCase(Locale.ROOT))
                || extension.equals(extension.toUpperCase(Locale.ROOT));
        if (oneCase) {
          keys.add(join(imageDir, name));
        } else {
          overlooked.add(name);
        }
      }
    } catch (IOException e) {
      throw new InputException(imageDir + ": cannot be listed (" + e.getMessage() + ")", e);
    }
    keys.sort(PythonStrings.CODE_POINT_ORDER);
    overlooked.sort(PythonStrings.CODE_POINT_ORDER);
    return new ImageFolder(keys, overlooked);
  }

  private static String nameOf(Path file) {
    return String.valueOf(file.getFileName());
  }

  /// `folder/name` with exactly one separator.
  static String join(String folder, String name) {
    int end = folder.length();
    while (end > 1 && isSeparator(folder.charAt(end - 1))) {
      end--;
    }
    String trimmed = folder.substring(0, end);
    return trimmed.isEmpty() || isSeparator(trimmed.charAt(trimmed.length() - 1))
        ? trimmed + name
        : trimmed + File.separator + name;
  }

  private static boolean isSeparator(char c) {
    return c == '/' || c == File.separatorChar;
  }
}
