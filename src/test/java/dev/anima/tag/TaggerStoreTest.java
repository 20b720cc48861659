package dev.anima.tag;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.anima.io.Checksum;
import dev.anima.io.RunFailedException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TaggerStoreTest {
  private static final String REPO = "SmilingWolf/wd-tiny-tagger";

  @TempDir Path folder;

  private FakeHub hub;
  private ModelFiles original;
  private final List<String> progress = new ArrayList<>();

  @BeforeEach
  void serve() throws IOException {
    original = DemoTagger.files(folder.resolve("original"));
    Map<String, byte[]> files = new HashMap<>();
    files.put("model.onnx", Files.readAllBytes(original.onnx()));
    files.put("selected_tags.csv", Files.readAllBytes(original.tags()));
    hub = new FakeHub(REPO, files);
    hub.tags.put("model.onnx", hash(Checksum.Kind.SHA_256, original.onnx()));
    hub.tags.put("selected_tags.csv", hash(Checksum.Kind.GIT_BLOB, original.tags()));
  }

  @AfterEach
  void stop() {
    hub.close();
  }

  private static String hash(Checksum.Kind kind, Path file) throws IOException {
    return new Checksum(kind, "0".repeat(kind == Checksum.Kind.SHA_256 ? 64 : 40)).of(file);
  }

  private TaggerStore store(Map<String, String> environment) {
    return new TaggerStore(folder.resolve("here"), folder.resolve("home"), environment);
  }

  private ModelFiles get(String repo, boolean force) {
    return store(Map.of())
        .get(
            new TaggerStore.Wanted(repo, null, hub.address(), force),
            (file, bytes, of) -> progress.add(file + " " + bytes + "/" + of));
  }

  private Path fetched() {
    return folder.resolve("home/.anima/taggers/SmilingWolf_wd-tiny-tagger");
  }

  private void assertWhole(ModelFiles files) {
    assertThat(files.onnx()).hasSameBinaryContentAs(original.onnx());
    assertThat(files.tags()).hasSameBinaryContentAs(original.tags());
    assertThat(files.onnx().resolveSibling("model.onnx.part")).doesNotExist();
  }

  @Test
  void fetchesAModelOnce() throws IOException {
    ModelFiles files = get(REPO, false);
    assertWhole(files);
    assertThat(files.onnx()).isEqualTo(fetched().resolve("model.onnx"));
    long length = Files.size(original.onnx());
    assertThat(progress).endsWith("model.onnx " + length + "/" + length);
    assertThat(hub.requests)
        .containsExactly(
            "HEAD selected_tags.csv", "GET selected_tags.csv", "HEAD model.onnx", "GET model.onnx");
    assertWhole(get(REPO, false));
    assertThat(hub.requests).hasSize(4); // the second time nothing was asked
    assertWhole(get(REPO, true));
    assertThat(hub.requests).hasSize(8);
  }

  @Test
  void goesOnWhereABrokenConnectionStopped() throws IOException {
    hub.cutAfter = 500_000;
    hub.cuts.set(2);
    assertWhole(get(REPO, false));
    // how much of a broken reply arrives is the system's affair
    assertThat(hub.requests.stream().filter(r -> r.matches("GET model.onnx bytes=[1-9]\\d*-")))
        .hasSize(2);
  }

  @Test
  void goesOnWhereAKilledRunStopped() throws IOException {
    Files.createDirectories(fetched());
    byte[] whole = Files.readAllBytes(original.onnx());
    Files.write(fetched().resolve("model.onnx.part"), Arrays.copyOf(whole, 700_000));
    assertWhole(get(REPO, false));
    assertThat(hub.requests).contains("GET model.onnx bytes=700000-");
  }

  @Test
  void beginsAgainIfTheLeftOverIsOfAnotherVersion() throws IOException {
    Files.createDirectories(fetched());
    Files.write(fetched().resolve("model.onnx.part"), new byte[700_000]);
    assertWhole(get(REPO, false));
    assertThat(hub.requests).contains("GET model.onnx bytes=700000-").endsWith("GET model.onnx");
  }

  @Test
  void keepsNothingThatHasAnotherHash() {
    hub.tags.put("model.onnx", "ab".repeat(32));
    assertThatThrownBy(() -> get(REPO, false))
        .isInstanceOf(RunFailedException.class)
        .hasMessageContaining("--repo_id " + REPO + ": model.onnx: has SHA-256 a592fce773fa")
        .hasMessageContaining("expected abab")
        .hasMessageContaining("was deleted");
    assertThat(fetched().resolve("model.onnx")).doesNotExist();
    assertThat(fetched().resolve("model.onnx.part")).doesNotExist();
    hub.tags.put("model.onnx", "a592fce773fa136655b1af50f1525fc601d1ed382253759f99bc952575acf712");
    hub.tags.put("selected_tags.csv", "ab".repeat(20));
    assertThatThrownBy(() -> get(REPO, true))
        .isInstanceOf(RunFailedException.class)
        .hasMessageContaining("selected_tags.csv: has Git hash");
  }

  @Test
  void saysWhenTheDataEndEarlyAgainAndAgain() {
    hub.cutAfter = 0;
    assertThatThrownBy(() -> get(REPO, false))
        .isInstanceOf(RunFailedException.class)
        .hasMessageContaining("selected_tags.csv: only 0 of")
        .hasMessageContaining("the same command again goes on from there");
  }

  @Test
  void saysWhenThereIsNoSuchModelOrFile() {
    assertThat(DemoTagger.sentence(() -> get("SmilingWolf/wd-tinny-tagger", false)))
        .contains("--repo_id SmilingWolf/wd-tinny-tagger: http://127.0.0.1:")
        .contains("HTTP 404 for selected_tags.csv, there is no such model");
    hub.status = 401;
    assertThat(DemoTagger.sentence(() -> get(REPO, false)))
        .contains("HTTP 401 for selected_tags.csv, there is no such model, or it needs a login");
    hub.status = 503;
    assertThatThrownBy(() -> get(REPO, false))
        .isInstanceOf(RunFailedException.class)
        .hasMessageContaining(
            "selected_tags.csv could not be fetched (selected_tags.csv: HTTP 503");
  }

  @Test
  void saysInOneSentenceWhenThereIsNoNetwork() {
    hub.close();
    assertThat(DemoTagger.sentence(() -> get(REPO, false)))
        .isEqualTo(
            "--repo_id "
                + REPO
                + ": 127.0.0.1 does not answer, so the model cannot be fetched; check the network, or"
                + " copy selected_tags.csv and model.onnx into a folder and give it with --model");
  }

  @Test
  void takesFoldersThatOtherProgramsFilled() throws IOException {
    Path reference = folder.resolve("here/wd14_tagger_model/SmilingWolf_wd-tiny-tagger");
    DemoTagger.files(reference);
    assertThat(get(REPO, false).onnx()).isEqualTo(reference.resolve("model.onnx"));
    Path cache =
        folder.resolve("home/.cache/huggingface/hub/models--SmilingWolf--other/snapshots/0123abcd");
    DemoTagger.files(cache);
    assertThat(get("SmilingWolf/other", false).onnx()).isEqualTo(cache.resolve("model.onnx"));
    assertThat(hub.requests).isEmpty();
  }

  @Test
  void asksTheServerThatTheEnvironmentNames() {
    assertWhole(
        store(Map.of("HF_ENDPOINT", hub.address()))
            .get(new TaggerStore.Wanted(REPO, "models", null, false), (_, _, _) -> {}));
    assertThat(folder.resolve("here/models/SmilingWolf_wd-tiny-tagger/model.onnx")).exists();
  }

  @Test
  void refusesWhatIsNoNameOrAddress() {
    assertThat(DemoTagger.sentence(() -> get("wd-vit", false)))
        .contains("--repo_id: \"wd-vit\" is no name of a model")
        .contains("write --model");
    assertThat(DemoTagger.sentence(() -> get("../../etc/passwd", false))).contains("is no name");
    assertThat(
            DemoTagger.sentence(() ->
                store(Map.of())
                    .get(
                        new TaggerStore.Wanted(REPO, null, "huggingface", false), (_, _, _) -> {})))
        .contains("--endpoint: \"huggingface\" is no address");
  }
}
