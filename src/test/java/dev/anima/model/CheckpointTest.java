package dev.anima.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.anima.Golden;
import dev.anima.engine.Device;
import dev.anima.engine.Dtype;
import dev.anima.io.InputException;
import dev.anima.model.dit.AnimaDit;
import dev.anima.model.dit.DitConfig;
import dev.anima.model.text.Qwen3;
import dev.anima.model.text.Qwen3Config;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;

class CheckpointTest {
  @TempDir private Path folder;

  @Test
  void readsTheRealDitFromItsTensorList() {
    DitConfig config = DitConfig.read(headerOf("dit", _ -> {}));

    assertThat(config.channels()).isEqualTo(2048);
    assertThat(config.latentChannels()).isEqualTo(16);
    assertThat(config.heads()).isEqualTo(16);
    assertThat(config.blocks()).isEqualTo(28);
    assertThat(config.hidden()).isEqualTo(8192);
    assertThat(config.bottleneck()).isEqualTo(256);
    assertThat(config.context()).isEqualTo(1024);
    assertThat(config.adapter().layers()).isEqualTo(6);
    assertThat(config.adapter().headSize()).isEqualTo(64);
    assertThat(config.layout().expected()).hasSize(685);
  }

  @Test
  void readsTheRealTextEncoderFromItsTensorList() {
    Qwen3Config config = Qwen3Config.read(headerOf("qwen3", _ -> {}));

    assertThat(config).isEqualTo(new Qwen3Config(151936, 1024, 28, 128, 16, 8, 3072, 1e6, 1e-6));
    assertThat(config.layout().expected()).hasSize(310);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "model.diffusion_model.",
        "diffusion_model.",
        "model.net.",
        "model.diffusion_model.net."
      })
  void prefixesOfOtherProgramsAreStripped(String prefix) {
    Path file =
        headerOf(
            "dit",
            header -> {
              Map<String, List<Long>> copy = new LinkedHashMap<>(header);
              header.clear();
              copy.forEach(
                  (name, shape) -> header.put(name.replaceFirst("^net\\.", prefix), shape));
            });

    assertThat(DitConfig.read(file).blocks()).isEqualTo(28);
  }

  @Test
  void extraBuffersAreIgnored() {
    Path file =
        headerOf(
            "dit",
            header -> {
              shapes(Golden.json("models/checkpoint_keys.json").get("dit_optional_buffers"))
                  .forEach(header::put);
              header.put("net.accum_video_sample_counter", List.of());
              header.put("net.blocks.0.self_attn._extra_state", List.of(1L));
            });
    assertThat(DitConfig.read(file).blocks()).isEqualTo(28);

    Path text = headerOf("qwen3", header -> header.put("lm_head.weight", List.of(151936L, 1024L)));
    assertThat(Qwen3Config.read(text).layers()).isEqualTo(28);
  }

  @Test
  void everyProblemIsNamedOnce() {
    Path file =
        headerOf(
            "dit",
            header -> {
              for (int i = 20; i < 26; i++) {
                header.remove("net.blocks." + i + ".mlp.layer1.weight");
              }
              header.put("net.blocks.1.self_attn.q_proj.weight", List.of(2048L, 2047L));
              header.put("net.surprise.weight", List.of(3L));
            });

    assertThatThrownBy(() -> DitConfig.read(file))
        .isInstanceOf(InputException.class)
        .hasMessage(
            file
                + ": not an Anima DiT as it should be: 6 tensors missing:"
                + " blocks.20.mlp.layer1.weight, blocks.21.mlp.layer1.weight,"
                + " blocks.22.mlp.layer1.weight, blocks.23.mlp.layer1.weight and 2 more; 1 tensor of"
                + " the wrong shape: blocks.1.self_attn.q_proj.weight (has shape [2048, 2047],"
                + " expected [2048, 2048]); 1 tensor unexpected: surprise.weight");
  }

  @Test
  void aTensorUnderTwoPrefixesIsAnError() {
    Path file = headerOf("dit", header -> header.put("t_embedding_norm.weight", List.of(2048L)));

    assertThatThrownBy(() -> DitConfig.read(file))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("holds the tensor t_embedding_norm.weight twice")
        .hasMessageContaining("net.t_embedding_norm.weight");
  }

  @ParameterizedTest(name = "{0}")
  @CsvSource(
      delimiter = '|',
      value = {
        "tiny/vae.safetensors | this looks like a Qwen-Image VAE, expected an Anima DiT",
        "tiny/qwen3.safetensors | this looks like a Qwen3 text encoder, expected an Anima DiT",
        "training/lora_init_dit.safetensors | this looks like a LoRA, expected an Anima DiT",
        "training/losses.safetensors | this looks like a model of unknown kind",
        "tiny/none.safetensors | there is no such file",
        "tiny/config.json | not a whole safetensors file"
      })
  void anotherFileGivenAsDitIsRecognised(String file, String message) {
    assertThatThrownBy(() -> AnimaDit.load(Golden.path(file), Placement.CPU_F32))
        .isInstanceOf(InputException.class)
        .hasMessageStartingWith(Golden.path(file).toString())
        .hasMessageContaining(message);
  }

  @Test
  void aDitGivenAsTextEncoderIsRecognised() {
    assertThatThrownBy(() -> Qwen3.load(Golden.path("tiny/dit.safetensors"), Placement.CPU_F32))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("this looks like an Anima DiT, expected a Qwen3 text encoder");
  }

  @Test
  void allInOneQuantisedAndForeignFilesGetASentence() {
    assertKind(header -> header.put("vae.encoder.conv1.weight", List.of(1L)), "an all-in-one file");
    assertKind(
        header -> header.put("net.blocks.0.mlp.layer1.weight_scale", List.of(1L)), "quantised");
    assertKind(
        header -> header.keySet().removeIf(name -> name.contains("llm_adapter")),
        "a Cosmos-Predict2 DiT without Anima's LLM adapter");
    assertKind(
        header -> {
          header.clear();
          header.put("model.diffusion_model.input_blocks.0.0.weight", List.of(1L));
        },
        "a Stable Diffusion checkpoint");
  }

  private void assertKind(Consumer<Map<String, List<Long>>> change, String description) {
    Path file = headerOf("dit", change);
    assertThatThrownBy(() -> DitConfig.read(file))
        .isInstanceOf(InputException.class)
        .hasMessageContaining(description);
  }

  @Test
  void aTruncatedFileIsNamed() throws IOException {
    byte[] whole = Files.readAllBytes(Golden.path("tiny/dit.safetensors"));
    Path cut = folder.resolve("cut.safetensors");
    Files.write(cut, Arrays.copyOf(whole, whole.length - 1000));

    assertThatThrownBy(() -> AnimaDit.load(cut, Placement.CPU_F32))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("truncated download?");
  }

  @Test
  void aMissingPartOfAShardedFileIsNamed() throws IOException {
    Path first = folder.resolve("anima-00001-of-00002.safetensors");
    Files.copy(Golden.path("tiny/dit.safetensors"), first);

    assertThatThrownBy(() -> AnimaDit.load(first, Placement.CPU_F32))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("of which anima-00002-of-00002.safetensors is missing");
  }

  @Test
  void allPartsOfAShardedFileAreRead() {
    Map<String, List<Long>> all = shapes(Golden.json("models/checkpoint_keys.json").get("dit"));
    Map<String, List<Long>> first = new LinkedHashMap<>();
    Map<String, List<Long>> second = new LinkedHashMap<>();
    all.forEach((name, shape) -> (first.size() < 300 ? first : second).put(name, shape));
    Path path = folder.resolve("anima-00001-of-00002.safetensors");
    TestHeaders.write(path, first);
    TestHeaders.write(folder.resolve("anima-00002-of-00002.safetensors"), second);

    assertThat(DitConfig.read(path).blocks()).isEqualTo(28);
    assertThat(DitConfig.read(folder.resolve("anima-00002-of-00002.safetensors")).blocks())
        .isEqualTo(28);
  }

  @Test
  void aHuggingFaceFolderIsATextEncoder() throws IOException {
    Files.copy(Golden.path("tiny/qwen3.safetensors"), folder.resolve("model.safetensors"));
    assertThatThrownBy(() -> Qwen3Config.read(folder)).hasMessageContaining("holds no config.json");

    Files.writeString(
        folder.resolve("config.json"), "{\"rope_theta\": 5000, \"rms_norm_eps\": 1e-5}");
    Qwen3Config config = Qwen3Config.read(folder);
    assertThat(config.ropeBase()).isEqualTo(5000);
    assertThat(config.epsilon()).isEqualTo(1e-5);
    assertThatCode(() -> Qwen3.load(folder, Placement.CPU_F32).close()).doesNotThrowAnyException();

    Files.writeString(folder.resolve("config.json"), "{\"attention_bias\": true}");
    assertThatThrownBy(() -> Qwen3Config.read(folder))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("\"attention_bias\"");
  }

  @Test
  void anEmptyFolderIsNamed() {
    assertThatThrownBy(() -> Qwen3Config.read(folder))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("holds no model.safetensors");
    assertThatThrownBy(() -> DitConfig.read(folder))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("is a folder");
  }

  @Test
  void theFileIsFreeOnceTheModelIsClosed() throws IOException {
    Path file = folder.resolve("dit.safetensors");
    Files.copy(Golden.path("tiny/dit.safetensors"), file);
    try (AnimaDit dit = AnimaDit.load(file, Placement.of(Device.CPU, Dtype.BF16))) {
      // The embedding table stays in the file's dtype, so the mapping is still there.
      assertThat(dit.bytes()).isLessThan(Files.size(file));
    }
    Files.delete(file);
  }

  private Path headerOf(String model, Consumer<Map<String, List<Long>>> change) {
    Map<String, List<Long>> header = shapes(Golden.json("models/checkpoint_keys.json").get(model));
    change.accept(header);
    Path file = folder.resolve(model + ".safetensors");
    TestHeaders.write(file, header);
    return file;
  }

  private static Map<String, List<Long>> shapes(JsonNode json) {
    Map<String, List<Long>> shapes = new LinkedHashMap<>();
    json.propertyStream()
        .forEach(e ->
            shapes.put(e.getKey(), e.getValue().valueStream().map(JsonNode::longValue).toList()));
    return shapes;
  }
}
