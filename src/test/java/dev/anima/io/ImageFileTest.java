package dev.anima.io;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.anima.Golden;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.zip.CRC32;
import java.util.zip.Deflater;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;

class ImageFileTest {
  @TempDir Path folder;

  static List<JsonNode> formats() {
    return Golden.json("formats/index.json").path("files").valueStream().toList();
  }

  @ParameterizedTest
  @MethodSource("formats")
  void decodesAsPillow(JsonNode recorded) throws IOException {
    String name = recorded.path("file").asString();
    Path file = Golden.path("formats/" + name);
    Pixels expected = Npy.pixels(Golden.path("formats/" + name + ".npy"));
    int tolerance = recorded.path("max_abs").intValue();
    ImageHeader header = ImageFile.header(file);
    assertThat(List.of(header.width(), header.height()))
        .isEqualTo(recorded.path("size").valueStream().map(JsonNode::intValue).toList());
    PixelsAssert.assertClose(name, ImageFile.loadWithAlpha(file), expected, tolerance);
    PixelsAssert.assertClose(name, ImageFile.load(file), withoutAlpha(expected), tolerance);
  }

  private static Pixels withoutAlpha(Pixels image) {
    Pixels rgb = Pixels.blank(image.width(), image.height(), 3);
    for (int i = 0; i < image.width() * image.height(); i++) {
      System.arraycopy(image.data(), 4 * i, rgb.data(), 3 * i, 3);
    }
    return rgb;
  }

  static List<String> sized() {
    return Golden.json("images/index.json")
        .path("sizes_from_header")
        .propertyStream()
        .map(Map.Entry::getKey)
        .toList();
  }

  @ParameterizedTest
  @MethodSource("sized")
  void headersTellTheTrueSize(String name) {
    JsonNode size =
        Golden.json("images/index.json").path("sizes_from_header").path(name).path("true");
    ImageHeader header = ImageFile.header(Golden.path("images/" + name));
    assertThat(header.width()).isEqualTo(size.get(0).intValue());
    assertThat(header.height()).isEqualTo(size.get(1).intValue());
  }

  @Test
  void theContentDecidesTheFormat() throws IOException {
    Path file = folder.resolve("really_a_jpeg.png");
    Files.copy(Golden.path("images/exif6_64x48.jpg"), file);
    assertThat(ImageFile.header(file)).isEqualTo(new ImageHeader(ImageFormat.JPEG, 64, 48));
    assertThat(ImageFile.load(file).data())
        .isEqualTo(ImageFile.load(Golden.path("images/exif6_64x48.jpg")).data());
  }

  @Test
  void exifOrientationIsReadButNotApplied() throws IOException {
    Path file = Golden.path("images/exif6_64x48.jpg");
    assertThat(ImageFile.exifOrientation(file)).isEqualTo(6);
    assertThat(ImageFile.load(file).width()).isEqualTo(64);
    assertThat(ImageFile.exifOrientation(Golden.path("images/rgb_20x30.png"))).isEqualTo(1);
    byte[] exif = {'M', 'M', 0, 42, 0, 0, 0, 8, 0, 1, 1, 0x12, 0, 3, 0, 0, 0, 1, 0, 8, 0, 0};
    Path png = folder.resolve("exif.png");
    Files.write(png, png(1, 1, 8, 0, new byte[] {0, 1}, chunk("eXIf", exif)));
    assertThat(ImageFile.exifOrientation(png)).isEqualTo(8);
    Files.write(png, png(1, 1, 8, 0, new byte[] {0, 1}, chunk("eXIf", Arrays.copyOf(exif, 9))));
    assertThat(ImageFile.exifOrientation(png)).isEqualTo(1);
  }

  // Values as Pillow 13.0 gives them.
  @Test
  void rarePngsAsPillow() throws IOException {
    assertRgba(
        png(4, 1, 16, 0, bytes(0, 0, 0, 0, 1, 0, 255, 1, 0, 255, 255)),
        0,
        0,
        0,
        255,
        1,
        1,
        1,
        255,
        255,
        255,
        255,
        255,
        255,
        255,
        255,
        255);
    assertRgba(png(2, 1, 16, 4, bytes(0, 1, 255, 2, 128, 3, 0, 4, 0)), 1, 1, 1, 2, 3, 3, 3, 4);
    assertRgba(png(1, 1, 16, 6, bytes(0, 1, 255, 2, 128, 3, 0, 4, 0)), 1, 2, 3, 4);
    // indices without a colour are black
    byte[] palette = chunk("PLTE", bytes(10, 20, 30, 40, 50, 60));
    assertRgba(
        png(3, 1, 8, 3, bytes(0, 0, 1, 2), palette),
        10,
        20,
        30,
        255,
        40,
        50,
        60,
        255,
        0,
        0,
        0,
        255);
    assertRgba(
        png(2, 1, 1, 0, bytes(0, 0x80), chunk("tRNS", bytes(0, 1))),
        255,
        255,
        255,
        0,
        0,
        0,
        0,
        255);
    assertRgba(
        png(2, 1, 8, 2, bytes(0, 1, 2, 3, 4, 5, 6), chunk("tRNS", bytes(0, 1, 0, 2, 0, 3))),
        1,
        2,
        3,
        0,
        4,
        5,
        6,
        255);
  }

  private void assertRgba(byte[] png, int... expected) throws IOException {
    Path file = Files.write(folder.resolve("x.png"), png);
    byte[] actual = ImageFile.loadWithAlpha(file).data();
    int[] values = new int[actual.length];
    Arrays.setAll(values, i -> actual[i] & 0xFF);
    assertThat(values).containsExactly(expected);
  }

  @Test
  void aPngWhoseEndMarkerIsMissingStillHoldsItsPicture() throws IOException {
    byte[] whole = png(2, 1, 8, 2, bytes(0, 1, 2, 3, 4, 5, 6));
    assertRgba(Arrays.copyOf(whole, whole.length - 12), 1, 2, 3, 255, 4, 5, 6, 255);
  }

  private void assertRefused(byte[] bytes, String message) throws IOException {
    Path file = Files.write(folder.resolve("image.png"), bytes);
    assertThatThrownBy(() -> ImageFile.load(file))
        .isInstanceOf(InputException.class)
        .hasMessageStartingWith(file + ": ")
        .hasMessageContaining(message);
  }

  @Test
  void badPngsAreRefused() throws IOException {
    byte[] row = bytes(0, 1, 2, 3, 4, 5, 6);
    byte[] damaged = png(2, 1, 8, 2, row);
    damaged[damaged.length - 20] ^= 1;
    assertRefused(damaged, "damaged PNG (wrong check sum)");
    assertRefused(png(2, 2, 8, 2, row), "damaged PNG (rows are missing)");
    assertRefused(png(2, 1, 8, 2, bytes(7, 1, 2, 3, 4, 5, 6)), "unknown filter 7");
    assertRefused(png(2, 1, 3, 2, row), "impossible header");
    assertRefused(png(0, 1, 8, 2, row), "impossible size 0x1");
    assertRefused(png(-1, 1, 8, 2, row), "impossible size 4294967295x1");
    assertRefused(new byte[] {(byte) 0x89, 'P', 'N', 'G', 13, 10, 26, 10}, "PNG without a header");
  }

  @Test
  void hugeSizesAreRefusedBeforeMemoryIsTaken() throws IOException {
    assertRefused(
        png(60000, 60000, 8, 6, bytes(0)),
        "is 60000x60000 pixels large, more than the limit of 178");
    assertRefused(png(60000, 2900, 8, 6, bytes(0)), "is cut off");
  }

  @ParameterizedTest
  @CsvSource({
    "'', is empty (0 bytes)",
    "hello, is not an image; expected a PNG",
    "<!DOCTYPE html>, is a web page or XML",
    "8BPS, is a Photoshop file",
    "xxxxftypavif, is an AVIF image",
    "RIFFxxxxWEBPVP8 , is cut off",
    "RIFFxxxxWEBPxxxxxxxxxxxxxxxxxxxxxxxx, WebP of an unknown kind",
    "GIF89a, is cut off",
    "BM, is cut off",
  })
  void otherContentIsNamed(String content, String message) throws IOException {
    assertRefused(content.getBytes(StandardCharsets.US_ASCII), message);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "formats/baseline_420.jpg",
        "formats/progressive_422.jpg",
        "formats/cmyk.jpg",
        "formats/lossy.webp",
        "formats/lossless_alpha.webp",
        "formats/lossy_alpha.webp",
        "formats/interlaced.gif",
        "formats/rgb24.bmp",
        "formats/palette8.bmp",
        "formats/rgb_adam7.png",
        "formats/apng.png"
      })
  void aFileCutAnywhereIsRefusedOrWhole(String name) throws IOException {
    byte[] whole = Files.readAllBytes(Golden.path(name));
    byte[] pixels = ImageFile.load(Golden.path(name)).data();
    Path file = folder.resolve("cut");
    int refused = 0;
    for (int length = 0; length < whole.length; length += 5) {
      Files.write(file, Arrays.copyOf(whole, length));
      try {
        assertThat(ImageFile.load(file).data()).as("cut to %d bytes", length).isEqualTo(pixels);
      } catch (InputException e) {
        assertThat(e).hasMessageStartingWith(file + ": ");
        refused++;
      }
    }
    assertThat(refused).isGreaterThan(whole.length / 5 / 3);
  }

  @ParameterizedTest
  @MethodSource("formats")
  void damagedFilesNeverDoWorseThanAnInputError(JsonNode recorded) throws IOException {
    byte[] whole = Files.readAllBytes(Golden.path("formats/" + recorded.path("file").asString()));
    Random random = new Random(3);
    Path file = folder.resolve("damaged");
    for (int i = 0; i < 40; i++) {
      byte[] bytes = whole.clone();
      for (int k = 0; k < 3; k++) {
        // headers stay so that the decoders get to work; sizes stay small
        bytes[30 + random.nextInt(bytes.length - 30)] = (byte) random.nextInt(256);
      }
      Files.write(file, bytes);
      try {
        assertThat(ImageFile.loadWithAlpha(file).channels()).isEqualTo(4);
      } catch (InputException e) {
        assertThat(e).hasMessageStartingWith(file + ": ");
      }
    }
  }

  @Test
  void missingFileAndFolder() {
    assertThatThrownBy(() -> ImageFile.header(folder.resolve("none.png")))
        .isInstanceOf(InputException.class)
        .hasMessageEndingWith("none.png: there is no such file");
    assertThatThrownBy(() -> ImageFile.load(folder))
        .isInstanceOf(InputException.class)
        .hasMessageEndingWith("is a folder, expected an image");
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 3, 4})
  void writtenPngsComeBack(int channels) throws IOException {
    Pixels image = Pixels.blank(37, 21, channels);
    new Random(channels).nextBytes(image.data());
    for (int i = 0; i < image.data().length / 2; i++) {
      image.data()[i] = (byte) (i / 5); // smooth rows choose other filters than noise
    }
    Path file = folder.resolve("written.png");
    PngWriter.write(file, image, Map.of("parameters", "1girl, ☀"));
    assertThat(new String(Files.readAllBytes(file), StandardCharsets.UTF_8))
        .contains("parameters\0\0\0\0\0" + "1girl, ☀");
    Pixels read = channels == 4 ? ImageFile.loadWithAlpha(file) : ImageFile.load(file);
    for (int y = 0; y < image.height(); y++) {
      for (int x = 0; x < image.width(); x++) {
        for (int c = 0; c < read.channels(); c++) {
          assertThat(read.at(x, y, c)).isEqualTo(image.at(x, y, channels == 1 ? 0 : c));
        }
      }
    }
    var decoded = ImageIO.read(file.toFile());
    int band = channels == 1 ? 0 : 2;
    assertThat(decoded.getRaster().getSample(5, 5, band)).isEqualTo(image.at(5, 5, band));
  }

  @Test
  void cropsAndMirrors() {
    Pixels image = new Pixels(3, 2, 1, bytes(1, 2, 3, 4, 5, 6));
    assertThat(image.crop(1, 0, 2, 2).data()).containsExactly(2, 3, 5, 6);
    assertThat(image.mirrored().data()).containsExactly(3, 2, 1, 6, 5, 4);
    assertThatThrownBy(() -> image.crop(2, 0, 2, 2)).hasMessage("2x2 at (2, 0) is not inside 3x2");
  }

  private static byte[] bytes(int... values) {
    byte[] bytes = new byte[values.length];
    for (int i = 0; i < values.length; i++) {
      bytes[i] = (byte) values[i];
    }
    return bytes;
  }

  private static byte[] png(
      int width, int height, int depth, int colourType, byte[] rows, byte[]... chunks) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    out.writeBytes(bytes(0x89, 'P', 'N', 'G', 13, 10, 26, 10));
    ByteBuffer header = ByteBuffer.allocate(13).putInt(width).putInt(height);
    out.writeBytes(chunk("IHDR", header.put((byte) depth).put((byte) colourType).array()));
    for (byte[] chunk : chunks) {
      out.writeBytes(chunk);
    }
    Deflater deflater = new Deflater();
    deflater.setInput(rows);
    deflater.finish();
    byte[] compressed = new byte[rows.length + 100];
    int length = deflater.deflate(compressed);
    deflater.end();
    out.writeBytes(chunk("IDAT", Arrays.copyOf(compressed, length)));
    out.writeBytes(chunk("IEND", new byte[0]));
    return out.toByteArray();
  }

  private static byte[] chunk(String type, byte[] data) {
    CRC32 crc = new CRC32();
    crc.update(type.getBytes(StandardCharsets.US_ASCII));
    crc.update(data);
    return ByteBuffer.allocate(12 + data.length)
        .putInt(data.length)
        .put(type.getBytes(StandardCharsets.US_ASCII))
        .put(data)
        .putInt((int) crc.getValue())
        .array();
  }
}
