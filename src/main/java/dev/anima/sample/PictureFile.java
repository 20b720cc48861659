package dev.anima.sample;

import dev.anima.io.AtomicFiles;
import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.Map;
import javax.imageio.IIOImage;
import javax.imageio.ImageIO;
import javax.imageio.ImageTypeSpecifier;
import javax.imageio.ImageWriter;
import javax.imageio.metadata.IIOMetadata;
import javax.imageio.metadata.IIOMetadataNode;
import javax.imageio.stream.ImageOutputStream;

/// Pictures as PNG files, whole or not there.
public final class PictureFile {
  private PictureFile() {}

  /// @param texts entries such as `parameters`, by keyword
  public static void write(Path file, BufferedImage picture, Map<String, String> texts) {
    AtomicFiles.write(file, png(picture, texts));
  }

  private static byte[] png(BufferedImage picture, Map<String, String> texts) {
    ImageWriter writer = ImageIO.getImageWritersByFormatName("png").next();
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (ImageOutputStream stream = ImageIO.createImageOutputStream(bytes)) {
      IIOMetadata metadata =
          writer.getDefaultImageMetadata(
              ImageTypeSpecifier.createFromRenderedImage(picture), writer.getDefaultWriteParam());
      metadata.mergeTree("javax_imageio_png_1.0", texts(texts));
      writer.setOutput(stream);
      writer.write(new IIOImage(picture, null, metadata));
    } catch (IOException e) {
      throw new UncheckedIOException(e); // in memory
    } finally {
      writer.dispose();
    }
    return bytes.toByteArray();
  }

  // International text, as prompts are in any script.
  private static IIOMetadataNode texts(Map<String, String> texts) {
    IIOMetadataNode chunks = new IIOMetadataNode("iTXt");
    texts.forEach((keyword, text) -> {
      IIOMetadataNode entry = new IIOMetadataNode("iTXtEntry");
      entry.setAttribute("keyword", keyword);
      entry.setAttribute("compressionFlag", "FALSE");
      entry.setAttribute("compressionMethod", "0");
      entry.setAttribute("languageTag", "");
      entry.setAttribute("translatedKeyword", "");
      entry.setAttribute("text", text);
      chunks.appendChild(entry);
    });
    IIOMetadataNode root = new IIOMetadataNode("javax_imageio_png_1.0");
    root.appendChild(chunks);
    return root;
  }
}
