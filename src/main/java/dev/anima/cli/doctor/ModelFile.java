package dev.anima.cli.doctor;

import dev.anima.io.InputException;
import dev.anima.io.SafetensorsFile;
import java.io.IOException;
import java.nio.file.FileVisitOption;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/// A safetensors file found on this machine.
///
/// @param dtype of its largest tensor, as in the header
/// @param detail what tells it from others of its kind, or why it cannot be used
/// @param fits whether it can be used for the real Anima model
record ModelFile(Path path, ModelRole kind, long bytes, String dtype, String detail, boolean fits) {
  private static final int DEPTH_NAMED = 4;
  private static final int DEPTH_WORKING_FOLDER = 2;
  private static final List<String> COMFYUI_FOLDERS =
      List.of("diffusion_models", "unet", "text_encoders", "clip", "vae");

  /// Looks where people keep models: the working folder, `models` in it, the folders and files in
  /// `ANIMA_MODELS`, and ComfyUI's model folders. LoRAs and other models are left out.
  static List<ModelFile> search(Surroundings surroundings) {
    Map<Path, Integer> places = new LinkedHashMap<>();
    surroundings.pathsIn("ANIMA_MODELS").forEach(path -> places.put(path, DEPTH_NAMED));
    places.put(surroundings.workingFolder().resolve("models"), DEPTH_NAMED);
    for (Path comfyUi : surroundings.comfyUiFolders()) {
      for (String folder : COMFYUI_FOLDERS) {
        places.put(comfyUi.resolve("models").resolve(folder), DEPTH_NAMED);
      }
    }
    places.put(surroundings.workingFolder(), DEPTH_WORKING_FOLDER);

    Map<Path, ModelFile> found = new LinkedHashMap<>(); // by real path: links name a file once
    places.forEach((place, depth) -> {
      for (Path path : safetensorsFiles(place, depth)) {
        found.computeIfAbsent(realPath(path), _ -> inspect(path));
      }
    });
    return found.values().stream()
        .filter(file -> file.kind() != ModelRole.LORA && file.kind() != ModelRole.OTHER)
        .toList();
  }

  /// Reads one file's header.
  static ModelFile inspect(Path path) {
    long bytes = 0;
    try {
      bytes = Files.size(path);
      try (SafetensorsFile file = SafetensorsFile.open(path)) {
        ModelRole kind = ModelRole.of(file);
        return new ModelFile(
            path, kind, bytes, mainDtype(file), kind.detail(file), fits(kind, file));
      }
    } catch (IOException | InputException e) {
      return new ModelFile(path, kindByName(path), bytes, "", message(e), false);
    }
  }

  private static boolean fits(ModelRole kind, SafetensorsFile file) {
    return kind != ModelRole.TEXT_ENCODER
        || ModelRole.extent(file, "embed_tokens.weight", 1) == ModelRole.ANIMA_TEXT_WIDTH;
  }

  /// A damaged file is worth a line only when its name says that it is one of ours.
  private static ModelRole kindByName(Path path) {
    String name = path.getFileName().toString().toLowerCase(Locale.ROOT);
    for (ModelRole kind : List.of(ModelRole.DIT, ModelRole.TEXT_ENCODER, ModelRole.VAE)) {
      if (name.equals(kind.usualFile())) {
        return kind;
      }
    }
    return ModelRole.OTHER;
  }

  private static String message(Exception e) {
    return String.valueOf(e.getMessage()).replaceFirst("^.*?\\.safetensors: ", "");
  }

  private static String mainDtype(SafetensorsFile file) {
    SafetensorsFile.@Nullable Entry largest = null;
    for (SafetensorsFile.Entry entry : file.entries().values()) {
      if (largest == null || entry.bytes() > largest.bytes()) {
        largest = entry;
      }
    }
    return largest == null ? "" : largest.dtype();
  }

  private static Path realPath(Path path) {
    try {
      return path.toRealPath();
    } catch (IOException _) {
      return path.toAbsolutePath().normalize();
    }
  }

  private static List<Path> safetensorsFiles(Path place, int depth) {
    List<Path> files = new ArrayList<>();
    if (!Files.exists(place)) {
      return files;
    }
    Set<FileVisitOption> follow = EnumSet.of(FileVisitOption.FOLLOW_LINKS);
    try {
      Files.walkFileTree(
          place,
          follow,
          depth,
          new SimpleFileVisitor<>() {
            @Override
            public FileVisitResult preVisitDirectory(Path folder, BasicFileAttributes facts) {
              Path name = folder.getFileName();
              boolean hidden = name != null && name.toString().startsWith(".");
              return hidden && !folder.equals(place)
                  ? FileVisitResult.SKIP_SUBTREE
                  : FileVisitResult.CONTINUE;
            }

            @Override
            public FileVisitResult visitFile(Path file, BasicFileAttributes facts) {
              if (facts.isRegularFile() && file.toString().endsWith(".safetensors")) {
                files.add(file);
              }
              return FileVisitResult.CONTINUE;
            }

            @Override
            public FileVisitResult visitFileFailed(Path file, IOException e) {
              return FileVisitResult.CONTINUE; // unreadable, or a link in a circle
            }
          });
    } catch (IOException _) {
      return files; // what was found until then
    }
    files.sort(null);
    return files;
  }
}
