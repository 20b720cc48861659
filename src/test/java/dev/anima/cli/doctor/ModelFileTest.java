package dev.anima.cli.doctor;

import static org.assertj.core.api.Assertions.assertThat;

import dev.anima.Golden;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ModelFileTest {
  @TempDir Path folder;

  private Surroundings here(Map<String, String> environment) {
    return new Surroundings(
        folder.resolve("work"), folder.resolve("home"), folder.resolve("root"), environment, false);
  }

  private static void copy(String golden, Path to) throws IOException {
    Files.createDirectories(to.getParent());
    Files.copy(Golden.path(golden), to);
  }

  /// A file with one tensor per name, each bf16 of the given shape.
  private Path file(String fileName, String shape, long elements, String... tensors)
      throws IOException {
    StringBuilder header = new StringBuilder("{");
    long offset = 0;
    for (String tensor : tensors) {
      header
          .append(header.length() > 1 ? "," : "")
          .append(
              "\"%s\":{\"dtype\":\"BF16\",\"shape\":%s,\"data_offsets\":[%d,%d]}"
                  .formatted(tensor, shape, offset, offset + 2 * elements));
      offset += 2 * elements;
    }
    byte[] json = header.append('}').toString().getBytes(StandardCharsets.UTF_8);
    ByteBuffer bytes =
        ByteBuffer.allocate(8 + json.length + Math.toIntExact(offset))
            .order(ByteOrder.LITTLE_ENDIAN)
            .putLong(json.length)
            .put(json);
    return Files.write(folder.resolve(fileName), bytes.array());
  }

  @ParameterizedTest
  @CsvSource({
    "tiny/dit.safetensors, DIT",
    "tiny/qwen3.safetensors, TEXT_ENCODER",
    "tiny/vae.safetensors, VAE",
    "training/e2e/output/article.safetensors, LORA",
    "training/losses.safetensors, OTHER"
  })
  void knowsTheKindByTheHeader(String golden, ModelRole kind) {
    assertThat(ModelFile.inspect(Golden.path(golden)).kind()).isEqualTo(kind);
  }

  @Test
  void tellsWhatDistinguishesAModel() {
    ModelFile dit = ModelFile.inspect(Golden.path("tiny/dit.safetensors"));
    assertThat(dit.detail()).matches("\\d+ blocks, \\d+ wide").doesNotStartWith("0");
    assertThat(dit.dtype()).isEqualTo("F32");
    assertThat(dit.fits()).isTrue();
  }

  @Test
  void onlyTheSmallQwen3Fits() throws IOException {
    String[] names = {"model.embed_tokens.weight", "model.layers.0.self_attn.q_norm.weight"};
    ModelFile small = ModelFile.inspect(file("a.safetensors", "[2,1024]", 2048, names));
    ModelFile large = ModelFile.inspect(file("b.safetensors", "[2,2560]", 5120, names));

    assertThat(small.kind()).isEqualTo(ModelRole.TEXT_ENCODER);
    assertThat(small.fits()).isTrue();
    assertThat(small.detail()).isEqualTo("1 layers, 1024 wide");
    assertThat(large.kind()).isEqualTo(ModelRole.TEXT_ENCODER);
    assertThat(large.fits()).isFalse();
  }

  @Test
  void aTwoDimensionalVaeIsAnotherModel() throws IOException {
    ModelFile file =
        ModelFile.inspect(file("ae.safetensors", "[1,1,3,3]", 9, "decoder.conv_in.weight"));
    assertThat(file.kind()).isEqualTo(ModelRole.OTHER);
  }

  @Test
  void looksWherePeopleKeepModels() throws IOException {
    copy(
        "tiny/dit.safetensors",
        folder.resolve("home/ComfyUI/models/diffusion_models/sub/a.safetensors"));
    copy("tiny/qwen3.safetensors", folder.resolve("work/models/deep/er/b.safetensors"));
    copy("tiny/vae.safetensors", folder.resolve("elsewhere/c.safetensors"));
    copy("tiny/vae.safetensors", folder.resolve("work/d.safetensors"));
    copy("training/losses.safetensors", folder.resolve("work/other.safetensors"));
    copy("tiny/vae.safetensors", folder.resolve("work/.git/e.safetensors"));
    Files.createSymbolicLink(
        folder.resolve("work/models/link.safetensors"), folder.resolve("work/d.safetensors"));
    Files.createSymbolicLink(folder.resolve("work/models/circle"), folder.resolve("work"));

    assertThat(
            ModelFile.search(here(Map.of("ANIMA_MODELS", folder.resolve("elsewhere").toString())))
                .stream()
                .map(ModelFile::kind))
        .containsExactlyInAnyOrder(
            ModelRole.VAE, // elsewhere
            ModelRole.VAE, // the three ways to d.safetensors are one file
            ModelRole.TEXT_ENCODER,
            ModelRole.DIT);
  }

  @Test
  void aDamagedModelIsNamedWithTheReason() throws IOException {
    Path path = folder.resolve("work/models/qwen_image_vae.safetensors");
    Files.createDirectories(path.getParent());
    Files.write(path, new byte[] {1, 2, 3});

    ModelFile file = ModelFile.search(here(Map.of())).getFirst();

    assertThat(file.kind()).isEqualTo(ModelRole.VAE);
    assertThat(file.fits()).isFalse();
    assertThat(file.detail()).startsWith("not a safetensors file").contains("3 bytes");
  }
}
