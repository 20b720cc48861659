package dev.anima.tag;

import dev.anima.io.AtomicFiles;
import dev.anima.io.PythonText;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// All captions in one file, as `--output_path` asks: lines of JSON if its name ends with `.jsonl`,
/// else one JSON object by picture. To the byte what Python's `json` writes.
public final class JsonCaptions {
  private record Entry(String tags, int width, int height) {}

  private final Map<String, Entry> entries = new LinkedHashMap<>();

  /// Adds a picture.
  ///
  /// @param tags its caption without a newline at the end
  public void add(Path image, String tags, int width, int height) {
    entries.put(image.toString(), new Entry(tags, width, height));
  }

  /// Writes the file.
  ///
  /// @throws dev.anima.io.InputException if its folder does not exist or cannot be written to
  public void write(Path file) {
    AtomicFiles.writeString(file, file.toString().endsWith(".jsonl") ? lines() : object());
  }

  private String lines() {
    StringBuilder out = new StringBuilder();
    entries.forEach((image, entry) -> {
      Map<String, Object> line = new LinkedHashMap<>();
      line.put("image_path", image);
      line.put("caption", entry.tags());
      line.put("image_size", List.of(entry.width(), entry.height()));
      out.append(PythonText.json(line)).append('\n');
    });
    return out.toString();
  }

  /// `indent=4, ensure_ascii=False`.
  private String object() {
    if (entries.isEmpty()) {
      return "{}";
    }
    StringBuilder out = new StringBuilder("{");
    entries.forEach((image, entry) ->
        out.append(out.length() == 1 ? "\n    " : ",\n    ")
            .append(PythonText.jsonUnicode(image))
            .append(": {\n        \"tags\": ")
            .append(PythonText.jsonUnicode(entry.tags()))
            .append(",\n        \"image_size\": [\n            ")
            .append(entry.width())
            .append(",\n            ")
            .append(entry.height())
            .append("\n        ]\n    }"));
    return out.append("\n}").toString();
  }
}
