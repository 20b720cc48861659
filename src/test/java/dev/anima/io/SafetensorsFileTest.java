package dev.anima.io;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class SafetensorsFileTest {
  private static final String GOOD =
      "{\"__metadata__\":{\"ss_steps\":\"3\"},"
          + "\"a\":{\"dtype\":\"F32\",\"shape\":[2,1],\"data_offsets\":[0,8]},"
          + "\"b\":{\"dtype\":\"BF16\",\"shape\":[],\"data_offsets\":[8,10]}}";

  @TempDir Path folder;

  private static byte[] file(long headerLength, String header, int dataBytes) {
    byte[] json = header.getBytes(StandardCharsets.UTF_8);
    return ByteBuffer.allocate(8 + json.length + dataBytes)
        .order(ByteOrder.LITTLE_ENDIAN)
        .putLong(headerLength)
        .put(json)
        .array();
  }

  private static byte[] file(String header, int dataBytes) {
    return file(header.getBytes(StandardCharsets.UTF_8).length, header, dataBytes);
  }

  private Path write(byte[] bytes) throws IOException {
    return Files.write(folder.resolve("model.safetensors"), bytes);
  }

  private void assertRefused(byte[] bytes, String message) throws IOException {
    Path path = write(bytes);
    assertThatThrownBy(() -> SafetensorsFile.open(path).close())
        .isInstanceOf(InputException.class)
        .hasMessageStartingWith(path + ": ")
        .hasMessageContaining(message);
  }

  @Test
  void readsAGoodFile() throws IOException {
    try (SafetensorsFile file = SafetensorsFile.open(write(file(GOOD, 10)))) {
      assertThat(file.names()).containsExactly("a", "b");
      assertThat(file.metadata()).containsEntry("ss_steps", "3");
      assertThat(file.entry("a").shape()).containsExactly(2L, 1L);
      assertThat(file.bytes("b").byteSize()).isEqualTo(2);
      assertThatThrownBy(() -> file.entry("c"))
          .isInstanceOf(InputException.class)
          .hasMessageContaining("has no tensor c");
    }
  }

  @Test
  void aFileCutAnywhereIsRefused() throws IOException {
    byte[] whole = file(GOOD, 10);
    for (int length = 0; length < whole.length; length++) {
      Path path = write(Arrays.copyOf(whole, length));
      assertThatThrownBy(() -> SafetensorsFile.open(path).close())
          .as("cut to %d bytes", length)
          .isInstanceOf(InputException.class)
          .hasMessageStartingWith(path + ": ");
    }
  }

  @Test
  void emptyMissingAndFolder() throws IOException {
    assertRefused(new byte[0], "it has only 0 bytes");
    assertThatThrownBy(() -> SafetensorsFile.open(folder).close())
        .isInstanceOf(InputException.class)
        .hasMessageContaining("is a folder, expected a .safetensors file");
    assertThatThrownBy(() -> SafetensorsFile.open(folder.resolve("none")).close())
        .isInstanceOf(InputException.class)
        .hasMessageEndingWith("none: there is no such file");
  }

  @ParameterizedTest
  @CsvSource({"-1", "0", "1", "100000001", "9223372036854775807", "-9223372036854775808"})
  void aLyingHeaderLengthIsRefused(long length) throws IOException {
    assertRefused(file(length, GOOD, 10), "header length " + length + " does not fit");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "{\"a\":                                                                         |not valid JSON",
        "[1]                                                                             |not a JSON object",
        "{\"a\":NaN}                                                                     |not valid JSON",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[NaN],\"data_offsets\":[0,4]}}              |not valid JSON",
        "{\"a\":{},\"a\":{}}                                                             |not valid JSON",
        "{\"a\":5}                                                                       |lacks dtype, shape",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[1]}}                                       |lacks dtype, shape",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0]}}                  |lacks dtype, shape",
        "{\"a\":{\"dtype\":\"F33\",\"shape\":[1],\"data_offsets\":[0,4]}}                |unknown dtype F33",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[-1],\"data_offsets\":[0,4]}}               |impossible shape [-1]",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[1.5],\"data_offsets\":[0,4]}}              |impossible shape [1.5]",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[4294967296,4294967296],\"data_offsets\":[0,0]}} |impossible shape",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[99999999999999999999],\"data_offsets\":[0,0]}} |impossible shape",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0.0,4.0]}}            |impossible data_offsets",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[-4,0]}}               |should lie at bytes -4 to 0",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,0]}}                |should lie at bytes 4 to 0",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[4],\"data_offsets\":[0,16]}}               |holds only 10 bytes",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,4]}}                |needs 8 bytes but its data_offsets span 4",
        "{\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]},\"b\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[3,7]}} |a and b overlap",
      })
  void badHeadersAreRefused(String header, String message) throws IOException {
    assertRefused(file(header, 10), message);
  }

  @Test
  void deepNestingIsRefused() throws IOException {
    assertRefused(file("[".repeat(100_000), 0), "not valid JSON");
  }

  @Test
  void emptyTensorsOverlapNothing() throws IOException {
    String header =
        "{\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]},"
            + "\"b\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[2,2]}}";
    try (SafetensorsFile file = SafetensorsFile.open(write(file(header, 4)))) {
      assertThat(file.bytes("b").byteSize()).isZero();
    }
  }

  @Test
  void listsTheParts() throws IOException {
    Path lone = folder.resolve("anima-1-of-a-kind.safetensors");
    assertThat(SafetensorsShards.partsOf(lone)).containsExactly(lone);
    Path first = Files.createFile(folder.resolve("qwen-00001-of-00003.safetensors"));
    Path third = Files.createFile(folder.resolve("qwen-00003-of-00003.safetensors"));
    assertThatThrownBy(() -> SafetensorsShards.partsOf(third))
        .isInstanceOf(InputException.class)
        .hasMessage(
            third
                + ": is one of 3 parts of a model, of which qwen-00002-of-00003.safetensors"
                + " is missing beside it");
    Path second = Files.createFile(folder.resolve("qwen-00002-of-00003.safetensors"));
    assertThat(SafetensorsShards.partsOf(second)).containsExactly(first, second, third);
  }
}
