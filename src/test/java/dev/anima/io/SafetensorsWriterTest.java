package dev.anima.io;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.params.provider.Arguments.arguments;

import dev.anima.Golden;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;

class SafetensorsWriterTest {
  @TempDir Path folder;

  private static List<TensorData> tensorsOf(SafetensorsFile file) {
    List<TensorData> tensors = new ArrayList<>();
    for (SafetensorsFile.Entry entry : file.entries().values()) {
      tensors.add(
          new TensorData(entry.name(), entry.dtype(), entry.shape(), file.bytes(entry.name())));
    }
    // The writer's order must not depend on ours.
    Collections.shuffle(tensors, new Random(7));
    return tensors;
  }

  private static TensorData tensor(String name, String dtype, List<Long> shape, int bytes) {
    return new TensorData(name, dtype, shape, MemorySegment.ofArray(new byte[bytes]));
  }

  /// LoRA files written by the reference: name below the golden root, SHA-256 of the file.
  static List<Arguments> filesOfTheReference() {
    List<Arguments> files = new ArrayList<>();
    for (JsonNode run : Golden.json("training/e2e/index.json").path("runs")) {
      for (Map.Entry<String, JsonNode> file : run.path("saved").properties()) {
        files.add(
            arguments(
                "training/e2e/output/" + file.getKey(), file.getValue().path("sha256").asString()));
      }
    }
    // hashes.json knows the whole runs only from an earlier repetition, but these files as they are
    for (Map.Entry<String, JsonNode> file :
        Golden.json("training/hashes.json").path("files").properties()) {
      if (file.getKey().contains("lora_init")) {
        files.add(arguments(file.getKey(), file.getValue().path("sha256").asString()));
      }
    }
    return files;
  }

  @ParameterizedTest
  @MethodSource("filesOfTheReference")
  void rewritesFilesOfTheReferenceByteForByte(String name, String sha256) throws IOException {
    Path written = folder.resolve("written.safetensors");
    try (SafetensorsFile file = Golden.tensors(name)) {
      if (file.metadata().isEmpty()) {
        SafetensorsWriter.write(written, tensorsOf(file));
      } else {
        SafetensorsWriter.write(written, tensorsOf(file), file.metadata());
      }
    }
    assertThat(Files.mismatch(written, Golden.path(name))).isEqualTo(-1);
    assertThat(FileHashes.sha256(written)).isEqualTo(sha256);
  }

  @ParameterizedTest
  @MethodSource("filesOfTheReference")
  void hashesAreThoseStoredByTheReference(String name, String sha256) {
    JsonNode recorded = Golden.json("training/hashes.json").path("files").path(name);
    try (SafetensorsFile file = Golden.tensors(name)) {
      SafetensorsWriter.Hashes hashes = SafetensorsWriter.hashes(tensorsOf(file), file.metadata());
      assertThat(hashes.modelHash())
          .isEqualTo(
              file.metadata()
                  .getOrDefault("sshs_model_hash", recorded.path("sshs_model_hash").asString()));
      assertThat(hashes.legacyHash())
          .isEqualTo(
              file.metadata()
                  .getOrDefault("sshs_legacy_hash", recorded.path("sshs_legacy_hash").asString()));
    }
  }

  /// Values from safetensors 0.4.5 and hashlib over `tiny/dit.safetensors` with this metadata.
  @Test
  void legacyHashLooksAtOneMebibyteOfTheFileWithTrainingMetadataOnly() {
    try (SafetensorsFile file = Golden.tensors("tiny/dit.safetensors")) {
      List<TensorData> tensors = tensorsOf(file);
      assertThat(SafetensorsWriter.hashes(tensors, Map.of()).legacyHash()).isEqualTo("c3dcdf40");
      assertThat(
              SafetensorsWriter.hashes(tensors, Map.of("ss_a", "x", "modelspec.title", "t"))
                  .legacyHash())
          .isEqualTo("312d7170");
      Map<String, String> escapes = new LinkedHashMap<>();
      escapes.put("ss_output_name", "Lumi ☀ \"q\" \\ \t\u0001\u007f");
      escapes.put("ss_b", "1");
      assertThat(SafetensorsWriter.hashes(tensors, escapes).legacyHash()).isEqualTo("7993e020");
    }
  }

  /// Header text from safetensors 0.4.5 for the same tensors.
  @Test
  void sortsByDtypeRankThenByUtf8NameAndEscapesAsSerde() throws IOException {
    Path written = folder.resolve("all.safetensors");
    SafetensorsWriter.write(
        written,
        List.of(
            tensor("b", "I64", List.of(3L), 24),
            tensor("a", "F16", List.of(), 2),
            tensor("é", "F32", List.of(2L, 0L), 0),
            tensor("z", "U8", List.of(1L), 1),
            tensor("k", "BOOL", List.of(2L), 2),
            tensor("c", "I8", List.of(1L), 1),
            tensor("d", "U16", List.of(1L), 2),
            tensor("e", "I16", List.of(1L), 2),
            tensor("f", "I32", List.of(1L), 4),
            tensor("g", "U32", List.of(1L), 4),
            tensor("h", "F64", List.of(1L), 8),
            tensor("i", "U64", List.of(1L), 8),
            tensor("😀", "F32", List.of(1L), 4),
            tensor("～", "F32", List.of(1L), 4)),
        Map.of("m", "☀\"\\\b\t\n\f\r\u0001\u001f\u007f/"));
    byte[] bytes = Files.readAllBytes(written);
    assertThat(bytes).hasSize(906);
    assertThat(new String(bytes, 8, 832, StandardCharsets.UTF_8))
        .isEqualTo(
            "{\"__metadata__\":{\"m\":\"☀\\\"\\\\\\b\\t\\n\\f\\r\\u0001\\u001f\u007f/\"},"
                + "\"i\":{\"dtype\":\"U64\",\"shape\":[1],\"data_offsets\":[0,8]},"
                + "\"b\":{\"dtype\":\"I64\",\"shape\":[3],\"data_offsets\":[8,32]},"
                + "\"h\":{\"dtype\":\"F64\",\"shape\":[1],\"data_offsets\":[32,40]},"
                + "\"é\":{\"dtype\":\"F32\",\"shape\":[2,0],\"data_offsets\":[40,40]},"
                + "\"～\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[40,44]},"
                + "\"😀\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[44,48]},"
                + "\"g\":{\"dtype\":\"U32\",\"shape\":[1],\"data_offsets\":[48,52]},"
                + "\"f\":{\"dtype\":\"I32\",\"shape\":[1],\"data_offsets\":[52,56]},"
                + "\"a\":{\"dtype\":\"F16\",\"shape\":[],\"data_offsets\":[56,58]},"
                + "\"d\":{\"dtype\":\"U16\",\"shape\":[1],\"data_offsets\":[58,60]},"
                + "\"e\":{\"dtype\":\"I16\",\"shape\":[1],\"data_offsets\":[60,62]},"
                + "\"c\":{\"dtype\":\"I8\",\"shape\":[1],\"data_offsets\":[62,63]},"
                + "\"z\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[63,64]},"
                + "\"k\":{\"dtype\":\"BOOL\",\"shape\":[2],\"data_offsets\":[64,66]}}   ");
  }

  @Test
  void emptyMetadataIsWrittenButNoMetadataIsNot() throws IOException {
    Path written = folder.resolve("m.safetensors");
    SafetensorsWriter.write(written, List.of(), Map.of());
    assertThat(Files.readString(written)).endsWith("{\"__metadata__\":{}}     ");
    SafetensorsWriter.write(written, List.of());
    assertThat(Files.readString(written)).endsWith("{}      ");
    try (SafetensorsFile file = SafetensorsFile.open(written)) {
      assertThat(file.names()).isEmpty();
    }
  }

  @Test
  void writesItsHashesIntoTheMetadata() {
    Path written = folder.resolve("h.safetensors");
    SafetensorsWriter.writeWithHashes(
        written, List.of(tensor("a", "F32", List.of(2L), 8)), Map.of("ss_steps", "3"));
    try (SafetensorsFile file = SafetensorsFile.open(written)) {
      assertThat(file.metadata())
          .containsEntry("ss_steps", "3")
          .containsEntry("sshs_legacy_hash", "e3b0c442")
          // SHA-256 of eight zero bytes
          .containsEntry(
              "sshs_model_hash",
              "af5570f5a1810b7af78caf4bc70a660f0df51e42baf91d4de5b2328de0e83dfc");
    }
  }

  @Test
  void refusesTensorsThatAreNotWhatTheySay() {
    assertThatThrownBy(() -> tensor("a", "F32", List.of(2L), 7))
        .hasMessage("tensor a of F32[2] needs 8 bytes, got 7");
    assertThatThrownBy(() -> tensor("a", "F31", List.of(2L), 8))
        .hasMessageContaining("unknown dtype F31");
    TensorData twice = tensor("a", "F32", List.of(1L), 4);
    assertThatThrownBy(() -> SafetensorsWriter.write(folder.resolve("t"), List.of(twice, twice)))
        .hasMessage("two tensors are named a");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "tiny/dit.safetensors",
        "tiny/dit_bf16.safetensors",
        "tiny/qwen3.safetensors",
        "tiny/vae.safetensors"
      })
  void fileHashesAreThoseOfTheReference(String name) {
    JsonNode expected = Golden.json("training/hashes.json").path("files").path(name);
    assertThat(FileHashes.sha256(Golden.path(name))).isEqualTo(expected.path("sha256").asString());
    assertThat(FileHashes.modelHash(Golden.path(name)))
        .isEqualTo(expected.path("model_hash").asString());
  }

  @Test
  void hashingNoFileSaysSo() {
    assertThatThrownBy(() -> FileHashes.sha256(folder.resolve("none")))
        .isInstanceOf(InputException.class)
        .hasMessageEndingWith("none: there is no such file");
    assertThatThrownBy(() -> FileHashes.modelHash(folder))
        .isInstanceOf(InputException.class)
        .hasMessageEndingWith("is a folder, expected a file");
  }
}
