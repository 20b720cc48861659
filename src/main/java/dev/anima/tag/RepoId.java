package dev.anima.tag;

import dev.anima.io.InputException;
import java.util.List;

/// A model's name on Hugging Face: `NAME/REPO`, or `NAME/REPO/FOLDER` for a model with
/// `tag_mapping.json` in a folder of its repository.
///
/// @param folder inside the repository; empty for none
record RepoId(String repository, String folder) {
  private static final String PART = "[A-Za-z0-9_][A-Za-z0-9._-]*";

  static RepoId parse(String text) {
    if (!text.matches(PART + "/" + PART + "(/" + PART + ")*")) {
      throw new InputException(
          "--repo_id: \"%s\" is no name of a model, expected one such as SmilingWolf/wd-vit-large-tagger-v3\n  -> for a folder on this machine write --model"
              .formatted(text));
    }
    int first = text.indexOf('/');
    int second = text.indexOf('/', first + 1);
    return second < 0
        ? new RepoId(text, "")
        : new RepoId(text.substring(0, second), text.substring(second + 1));
  }

  /// What is fetched, the small file first.
  List<String> files() {
    return folder.isEmpty()
        ? List.of("selected_tags.csv", "model.onnx")
        : List.of("tag_mapping.json", "model_optimized.onnx");
  }

  /// As sd-scripts names it below `--model_dir`.
  String localFolder() {
    return repository.replace('/', '_') + (folder.isEmpty() ? "" : "/" + folder);
  }

  /// Path of a file behind the server's address.
  String remotePath(String file) {
    return repository + "/resolve/main/" + (folder.isEmpty() ? "" : folder + "/") + file;
  }

  @Override
  public String toString() {
    return repository + (folder.isEmpty() ? "" : "/" + folder);
  }
}
