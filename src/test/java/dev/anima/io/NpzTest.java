package dev.anima.io;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.offset;

import dev.anima.Golden;
import java.io.IOException;
import java.io.OutputStream;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;

class NpzTest {
  /// numpy.savez_compressed of float16 (2, 3) "a", an int64 scalar "s" and a text array "n".
  private static final String COMPRESSED =
      "UEsDBC0AAAAIAAAAIQDOPGOv//////////8FABQAYS5ucHkBABAAjAAAAAAAAABSAAAAAAAA"
          + "AJvsF+obEMnIUMZQrZ6SWpxcpG6loG6TZqSuo6Cell9UUpSYF59flJIKEndLzClOBYoXZyQW"
          + "pAL5GkY6CsaaOgq1CmQDLgYGBhsGBwYnBhcGVwBQSwMELQAAAAgAAAAhANm2uuj/////////"
          + "/wUAFABzLm5weQEAEACIAAAAAAAAAEYAAAAAAAAAm+wX6hsQychQxlCtnpJanFykbqWgbpNp"
          + "oa6joJ6WX1RSlJgXn1+UkgoSd0vMKU4FihdnJBakAvkamjoKtQoUAS5mBggAAFBLAwQtAAAA"
          + "CAAAACEAP7w5G///////////BQAUAG4ubnB5AQAQAIQAAAAAAAAASAAAAAAAAACb7BfqGxDJ"
          + "yFDGUK2eklqcXKRupaBuE2qorqOgnpZfVFKUmBefX5SSChJ3S8wpTgWKF2ckFqQC+RqGOpo6"
          + "CrUKFACuCgYGBgBQSwECLQMtAAAACAAAACEAzjxjr1IAAACMAAAABQAAAAAAAAAAAAAAgAEA"
          + "AAAAYS5ucHlQSwECLQMtAAAACAAAACEA2ba66EYAAACIAAAABQAAAAAAAAAAAAAAgAGJAAAA"
          + "cy5ucHlQSwECLQMtAAAACAAAACEAP7w5G0gAAACEAAAABQAAAAAAAAAAAAAAgAEGAQAAbi5u"
          + "cHlQSwUGAAAAAAMAAwCZAAAAhQEAAAAA";

  /// numpy.savez of "é" int32, "u" uint8, "e" float64 (0, 3), "h" float16 (1/3, 65504, 1e-7), "b".
  private static final String STORED =
      "UEsDBC0AAAgAAAAAIQAC7L2p//////////8GABQAw6kubnB5AQAQAIwAAAAAAAAAjAAAAAAA"
          + "AACTTlVNUFkBAHYAeydkZXNjcic6ICc8aTQnLCAnZm9ydHJhbl9vcmRlcic6IEZhbHNlLCAn"
          + "c2hhcGUnOiAoMywpLCB9ICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAg"
          + "ICAgICAgICAgICAgICAgICAgICAgCgAAAAABAAAAAgAAAFBLAwQtAAAAAAAAACEAmWJ33///"
          + "////////BQAUAHUubnB5AQAQAIIAAAAAAAAAggAAAAAAAACTTlVNUFkBAHYAeydkZXNjcic6"
          + "ICd8dTEnLCAnZm9ydHJhbl9vcmRlcic6IEZhbHNlLCAnc2hhcGUnOiAoMiwpLCB9ICAgICAg"
          + "ICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAg"
          + "CgABUEsDBC0AAAAAAAAAIQBY+2D4//////////8FABQAZS5ucHkBABAAgAAAAAAAAACAAAAA"
          + "AAAAAJNOVU1QWQEAdgB7J2Rlc2NyJzogJzxmOCcsICdmb3J0cmFuX29yZGVyJzogRmFsc2Us"
          + "ICdzaGFwZSc6ICgwLCAzKSwgfSAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAg"
          + "ICAgICAgICAgICAgICAgICAgICAgICAKUEsDBC0AAAAAAAAAIQD5kDWb//////////8FABQA"
          + "aC5ucHkBABAAhgAAAAAAAACGAAAAAAAAAJNOVU1QWQEAdgB7J2Rlc2NyJzogJzxmMicsICdm"
          + "b3J0cmFuX29yZGVyJzogRmFsc2UsICdzaGFwZSc6ICgzLCksIH0gICAgICAgICAgICAgICAg"
          + "ICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAKVTX/ewIAUEsD"
          + "BC0AAAAAAAAAIQDuGbtd//////////8FABQAYi5ucHkBABAAggAAAAAAAACCAAAAAAAAAJNO"
          + "VU1QWQEAdgB7J2Rlc2NyJzogJ3xiMScsICdmb3J0cmFuX29yZGVyJzogRmFsc2UsICdzaGFw"
          + "ZSc6ICgyLCksIH0gICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAg"
          + "ICAgICAgICAgICAgICAgICAKAQBQSwECLQMtAAAIAAAAACEAAuy9qYwAAACMAAAABgAAAAAA"
          + "AAAAAAAAgAEAAAAAw6kubnB5UEsBAi0DLQAAAAAAAAAhAJlid9+CAAAAggAAAAUAAAAAAAAA"
          + "AAAAAIABxAAAAHUubnB5UEsBAi0DLQAAAAAAAAAhAFj7YPiAAAAAgAAAAAUAAAAAAAAAAAAA"
          + "AIABfQEAAGUubnB5UEsBAi0DLQAAAAAAAAAhAPmQNZuGAAAAhgAAAAUAAAAAAAAAAAAAAIAB"
          + "NAIAAGgubnB5UEsBAi0DLQAAAAAAAAAhAO4Zu12CAAAAggAAAAUAAAAAAAAAAAAAAIAB8QIA"
          + "AGIubnB5UEsFBgAAAAAFAAUAAAEAAKoDAAAAAA==";

  private static final String FORTRAN_ORDER =
      "UEsDBC0AAAAAAAAAIQAxq1QC//////////8FABQAYS5ucHkBABAAsAAAAAAAAACwAAAAAAAA"
          + "AJNOVU1QWQEAdgB7J2Rlc2NyJzogJzxmOCcsICdmb3J0cmFuX29yZGVyJzogVHJ1ZSwgJ3No"
          + "YXBlJzogKDIsIDMpLCB9ICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAg"
          + "ICAgICAgICAgICAgICAgICAgICAKAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
          + "AAAAAAAAAAAAAAAAAAAAUEsBAi0DLQAAAAAAAAAhADGrVAKwAAAAsAAAAAUAAAAAAAAAAAAA"
          + "AIABAAAAAGEubnB5UEsFBgAAAAABAAEAMwAAAOcAAAAAAA==";

  private static final String BIG_ENDIAN =
      "UEsDBC0AAAAAAAAAIQAHbJkq//////////8FABQAYS5ucHkBABAAiAAAAAAAAACIAAAAAAAA"
          + "AJNOVU1QWQEAdgB7J2Rlc2NyJzogJz5mNCcsICdmb3J0cmFuX29yZGVyJzogRmFsc2UsICdz"
          + "aGFwZSc6ICgyLCksIH0gICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAg"
          + "ICAgICAgICAgICAgICAgICAgICAKAAAAAAAAAABQSwECLQMtAAAAAAAAACEAB2yZKogAAACI"
          + "AAAABQAAAAAAAAAAAAAAgAEAAAAAYS5ucHlQSwUGAAAAAAEAAQAzAAAAvwAAAAAA";

  @TempDir Path folder;

  private Path file(String base64) throws IOException {
    return Files.write(folder.resolve("x.npz"), Base64.getDecoder().decode(base64));
  }

  private static NpyArray array(Map<String, NpyArray> arrays, String name) {
    assertThat(arrays).containsKey(name);
    return Objects.requireNonNull(arrays.get(name));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "cache/rgba_50x70_0050x0070_anima.npz",
        "cache/rgba_50x70_anima_te.npz",
        "training/e2e/cache/img02_0160x0096_anima.npz",
        "training/e2e/cache/img02_anima_te.npz",
        "training/e2e/cache/pic_c_0131x0117_anima.npz",
        "training/e2e/cache/pic_c_anima_te.npz"
      })
  void rewritesCacheFilesOfTheReferenceByteForByte(String name) throws IOException {
    Path written = folder.resolve("written.npz");
    Map<String, NpyArray> arrays = Npz.read(Golden.path(name));
    Npz.write(written, arrays);
    assertThat(Files.mismatch(written, Golden.path(name))).isEqualTo(-1);
    Npz.update(written, arrays);
    assertThat(Files.mismatch(written, Golden.path(name))).isEqualTo(-1);
    assertThat(Npz.names(written)).containsExactlyElementsOf(arrays.keySet());
  }

  @ParameterizedTest
  @ValueSource(strings = {"latents_file", "text_file"})
  void arraysAreThoseOfTheIndex(String which) {
    JsonNode index = Golden.json("cache/index.json");
    Path file = Golden.path("cache/" + index.path(which).asString());
    Map<String, NpyArray> arrays = Npz.read(file);
    JsonNode expected = index.path(which.equals("text_file") ? "text_arrays" : "arrays");
    assertThat(arrays).hasSize(expected.size());
    for (Map.Entry<String, JsonNode> entry : expected.properties()) {
      NpyArray array = array(arrays, entry.getKey());
      JsonNode facts = entry.getValue();
      assertThat(array.type().name().toLowerCase(Locale.ROOT))
          .isEqualTo(facts.path("dtype").asString());
      assertThat(array.shape())
          .isEqualTo(facts.path("shape").valueStream().map(JsonNode::intValue).toList());
      for (int i = 0; i < facts.path("first").size(); i++) {
        assertThat(array.doubleAt(i)).isEqualTo(facts.path("first").get(i).doubleValue());
      }
      if (facts.has("sum")) {
        assertThat(Arrays.stream(array.doubles()).sum())
            .isCloseTo(facts.path("sum").doubleValue(), offset(1e-9));
      }
    }
  }

  @Test
  void readsCompressedArchives() throws IOException {
    Path file = file(COMPRESSED);
    assertThat(Npz.names(file)).containsExactly("a", "s", "n");
    Map<String, NpyArray> arrays = Npz.read(file, List.of("s", "a", "none"));
    assertThat(arrays.keySet()).containsExactly("s", "a");
    NpyArray a = array(arrays, "a");
    assertThat(a.shape()).containsExactly(2, 3);
    assertThat(a.floats()).containsExactly(0, 1, 2, 3, 4, 5);
    assertThat(array(arrays, "s").shape()).isEmpty();
    assertThat(array(arrays, "s").longs()).containsExactly(3);
    assertThatThrownBy(() -> Npz.read(file))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("array n holds elements of type <U1, expected little-endian f2");
  }

  @Test
  void writesWhatNumpyWrites() throws IOException {
    Path written = folder.resolve("written.npz");
    Map<String, NpyArray> arrays = new LinkedHashMap<>();
    arrays.put("é", NpyArray.ofInts(new int[] {0, 1, 2}, 3));
    arrays.put("u", NpyArray.ofBytes(new byte[] {0, 1}, 2));
    arrays.put("e", NpyArray.ofDoubles(new double[0], 0, 3));
    arrays.put("h", NpyArray.ofFloatsAsHalf(new float[] {1 / 3f, 65504, 1e-7f}, 3));
    arrays.put(
        "b", new NpyArray(NpyType.BOOL, List.of(2), MemorySegment.ofArray(new byte[] {1, 0})));
    Npz.write(written, arrays);
    assertThat(written).hasBinaryContent(Base64.getDecoder().decode(STORED));
  }

  @Test
  void updateReplacesInPlaceAndKeepsTheRestWhateverItIs() throws IOException {
    Path file = file(COMPRESSED);
    Map<String, NpyArray> changes = new LinkedHashMap<>();
    changes.put("new", NpyArray.ofFloats(new float[] {0.1f}));
    changes.put("a", NpyArray.ofLongs(new long[] {Long.MAX_VALUE}, 1));
    Npz.update(file, changes);
    assertThat(Npz.names(file)).containsExactly("a", "s", "n", "new");
    Map<String, NpyArray> arrays = Npz.read(file, List.of("a", "s", "new"));
    assertThat(array(arrays, "a").longs()).containsExactly(Long.MAX_VALUE);
    assertThat(array(arrays, "s").longs()).containsExactly(3);
    assertThat(array(arrays, "new").floats()).containsExactly(0.1f);
    assertThatThrownBy(() -> Npz.read(file, List.of("n"))).hasMessageContaining("<U1");
  }

  @Test
  void refusesWhatItCannotRead() throws IOException {
    assertThatThrownBy(() -> Npz.read(folder.resolve("none.npz")))
        .isInstanceOf(InputException.class)
        .hasMessageEndingWith("none.npz: there is no such file");
    assertThatThrownBy(() -> Npz.names(folder))
        .isInstanceOf(InputException.class)
        .hasMessageEndingWith("is a folder, expected an .npz file");
    Path fortran = file(FORTRAN_ORDER);
    assertThatThrownBy(() -> Npz.read(fortran))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("array a is stored in Fortran order");
    Path bigEndian = file(BIG_ENDIAN);
    assertThatThrownBy(() -> Npz.read(bigEndian))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("array a holds elements of type >f4");
  }

  @Test
  void aFileCutAnywhereIsRefused() throws IOException {
    byte[] whole = Files.readAllBytes(Golden.path("cache/rgba_50x70_anima_te.npz"));
    Path file = folder.resolve("cut.npz");
    for (int length = 0; length < whole.length; length += 7) {
      Files.write(file, Arrays.copyOf(whole, length));
      assertThatThrownBy(() -> Npz.read(file))
          .as("cut to %d bytes", length)
          .isInstanceOf(InputException.class)
          .hasMessageStartingWith(file + ": ");
    }
  }

  @Test
  void changedBytesAreNoticed() throws IOException {
    byte[] bytes = Files.readAllBytes(Golden.path("cache/rgba_50x70_anima_te.npz"));
    bytes[250] ^= 1;
    Path file = Files.write(folder.resolve("changed.npz"), bytes);
    assertThatThrownBy(() -> Npz.read(file))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("array prompt_embeds is damaged (check sum)");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2000000000, 2000000000), }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (-1,), }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999,), }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (3,), }",
        "{'descr': '<f4', 'fortran_order': False}",
        "{}"
      })
  void badArrayHeadersAreRefused(String header) throws IOException {
    Path file = folder.resolve("bad.npz");
    try (OutputStream out = Files.newOutputStream(file);
        ZipOutputStream zip = new ZipOutputStream(out)) {
      zip.putNextEntry(new ZipEntry("a.npy"));
      zip.write(new byte[] {(byte) 0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0, (byte) header.length(), 0});
      zip.write(header.getBytes(StandardCharsets.US_ASCII));
    }
    assertThatThrownBy(() -> Npz.read(file))
        .isInstanceOf(InputException.class)
        .hasMessageStartingWith(file + ": array a ");
  }
}
