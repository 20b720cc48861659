package dev.anima.tag;

import dev.anima.io.InputException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/// Where taggers are kept on this machine, and how one comes here.
///
/// @param workingFolder that relative paths are meant from
/// @param home the user's folder
/// @param environment variables of the process
public record TaggerStore(Path workingFolder, Path home, Map<String, String> environment) {
  /// Where sd-scripts keeps them.
  private static final String REFERENCE_FOLDER = "wd14_tagger_model";

  private static final String USUAL_ENDPOINT = "https://huggingface.co";

  /// Told what is being fetched.
  @FunctionalInterface
  public interface Listener {
    void at(String file, long bytes, long ofBytes);
  }

  /// What was asked for.
  ///
  /// @param modelDir `--model_dir`, if given
  /// @param endpoint `--endpoint`, if given
  public record Wanted(
      String repoId, @Nullable String modelDir, @Nullable String endpoint, boolean force) {}

  /// The files of a model: those on this machine, or fetched now.
  ///
  /// @throws InputException if there is no such model, or the server cannot be reached
  public ModelFiles get(Wanted wanted, Listener listener) {
    RepoId repo = RepoId.parse(wanted.repoId());
    String given = "--repo_id " + repo;
    List<Path> places = places(repo, wanted.modelDir());
    if (!wanted.force()) {
      Optional<Path> here = places.stream().filter(ModelFiles::areIn).findFirst();
      if (here.isPresent()) {
        return ModelFiles.in(here.get(), given);
      }
    }
    Path folder = fetchedTo(repo, wanted.modelDir());
    new Hub(endpoint(wanted.endpoint()), repo).fetch(folder, listener);
    return ModelFiles.in(folder, given);
  }

  /// Where a model may be already, in the order to look.
  private List<Path> places(RepoId repo, @Nullable String modelDir) {
    List<Path> places = new ArrayList<>();
    places.add(fetchedTo(repo, modelDir));
    if (modelDir == null) {
      places.add(workingFolder.resolve(REFERENCE_FOLDER).resolve(repo.localFolder()));
      places.addAll(hubCache(repo));
    }
    return places;
  }

  private Path fetchedTo(RepoId repo, @Nullable String modelDir) {
    Path folder =
        modelDir == null
            ? home.resolve(".anima").resolve("taggers")
            : workingFolder.resolve(modelDir);
    return folder.resolve(repo.localFolder());
  }

  /// Where Python's huggingface_hub, and with it TagGUI, keeps what it fetched.
  private List<Path> hubCache(RepoId repo) {
    Path hub =
        environment.containsKey("HF_HOME")
            ? workingFolder.resolve(environment.get("HF_HOME")).resolve("hub")
            : home.resolve(".cache/huggingface/hub");
    Path snapshots =
        hub.resolve("models--" + repo.repository().replace("/", "--")).resolve("snapshots");
    if (!Files.isDirectory(snapshots)) {
      return List.of();
    }
    try (Stream<Path> revisions = Files.list(snapshots)) {
      return revisions.map(revision -> revision.resolve(repo.folder())).toList();
    } catch (IOException _) {
      return List.of(); // unreadable: as good as not there
    }
  }

  private String endpoint(@Nullable String given) {
    return given != null ? given : environment.getOrDefault("HF_ENDPOINT", USUAL_ENDPOINT);
  }
}
