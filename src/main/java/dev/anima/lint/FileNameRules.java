package dev.anima.lint;

import dev.anima.captions.CaptionFolder;
import dev.anima.captions.CaptionedImage;
import dev.anima.dataset.CaptionFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/// Rules about the names of files in image folders, of those too that training does not see.
final class FileNameRules {
  private static final Pattern RESERVED =
      Pattern.compile("(?i)(con|prn|aux|nul|com[0-9]|lpt[0-9])(\\..*)?");
  private static final Set<String> PICTURES =
      Set.of(
          "png", "jpg", "jpeg", "webp", "bmp", "gif", "tif", "tiff", "avif", "jxl", "heic", "psd");
  private static final int LONG_NAME = 200;

  private final LintContext context;

  FileNameRules(LintContext context) {
    this.context = context;
  }

  void check() {
    Set<Path> subsets = new HashSet<>();
    context.folders().keySet().forEach(folder -> subsets.add(normal(folder.path())));
    context
        .folders()
        .forEach((folder, images) -> {
          Set<Path> known = new HashSet<>();
          images.forEach(image -> known.add(image.image()));
          Map<String, String> lower = new HashMap<>();
          List<Path> caches = new ArrayList<>();
          for (Path file : list(folder.path())) {
            String name = String.valueOf(file.getFileName());
            if (Files.isDirectory(file)) {
              nested(folder, subsets, file);
              continue;
            }
            if (name.endsWith(".npz")) {
              caches.add(file);
            }
            if (PICTURES.contains(extension(name))
                && !known.contains(file)
                && !name.startsWith(".")) {
              context.in(
                  folder,
                  LintRule.IMAGE_TYPE,
                  "%s/%s is not trained".formatted(folder.name(), CaptionedImage.shown(name)));
            }
            String other = lower.putIfAbsent(name.toLowerCase(Locale.ROOT), name);
            risk(folder, name, other);
          }
          images.forEach(image -> stale(image, caches));
        });
  }

  private static Path normal(Path path) {
    return path.toAbsolutePath().normalize();
  }

  private static List<Path> list(Path folder) {
    try (Stream<Path> files = Files.list(folder)) {
      return files.sorted().toList();
    } catch (IOException _) {
      return List.of(); // told by config-dir
    }
  }

  private static String extension(String name) {
    String stem = CaptionFile.stem(name);
    return name.substring(Math.min(name.length(), stem.length() + 1)).toLowerCase(Locale.ROOT);
  }

  /// Images in folders inside a subset of a dataset file. Of a plain folder, all are looked at.
  private void nested(CaptionFolder folder, Set<Path> subsets, Path inside) {
    if (context.set().source().file().isEmpty() || subsets.contains(normal(inside))) {
      return;
    }
    long images =
        list(inside).stream()
            .filter(file -> PICTURES.contains(extension(String.valueOf(file.getFileName()))))
            .count();
    if (images > 0) {
      context.in(
          folder,
          LintRule.IMAGE_NESTED,
          "%s/%s holds %d images that are not trained"
              .formatted(
                  folder.name(),
                  CaptionedImage.shown(String.valueOf(inside.getFileName())),
                  images));
    }
  }

  private void risk(CaptionFolder folder, String name, @Nullable String other) {
    String shown = folder.name() + "/" + CaptionedImage.shown(name);
    if (other != null) {
      context.in(
          folder,
          LintRule.NAME_RISK,
          "%s and %s differ in upper and lower case only"
              .formatted(shown, CaptionedImage.shown(other)));
    }
    String stem = CaptionFile.stem(name);
    boolean trailing = stem.endsWith(" ") || stem.endsWith(".") || name.endsWith(" ");
    String reason =
        RESERVED.matcher(name).matches()
            ? "is reserved on Windows"
            : trailing
                ? "ends with a dot or space"
                : name.length() > LONG_NAME
                    ? "is longer than 200 letters"
                    : name.matches("(?s).*[<>:\"|?*\\\\\\p{Cntrl}].*")
                        ? "holds a character that Windows does not allow"
                        : "";
    if (!reason.isEmpty()) {
      context.in(folder, LintRule.NAME_RISK, "%s %s".formatted(shown, reason));
    }
  }

  private void stale(CaptionedImage image, List<Path> caches) {
    String stem = CaptionFile.stem(image.fileName());
    for (Path cache : caches) {
      String name = String.valueOf(cache.getFileName());
      boolean own =
          name.startsWith(stem + "_")
              && name.substring(stem.length()).matches("_\\d+x\\d+_anima\\.npz");
      try {
        if (own
            && Files.getLastModifiedTime(cache).compareTo(Files.getLastModifiedTime(image.image()))
                < 0) {
          context.at(
              image,
              LintRule.CACHE_STALE,
              "%s is older than the image".formatted(CaptionedImage.shown(name)));
        }
      } catch (IOException _) {
        // it went away
      }
    }
  }
}
