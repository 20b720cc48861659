package dev.anima.io;

/// What the first bytes of an image file say.
///
/// @param format by the content; the file's name plays no part
/// @param width in pixels as stored, before any EXIF rotation
/// @param height in pixels as stored, before any EXIF rotation
public record ImageHeader(ImageFormat format, int width, int height) {
  public long pixels() {
    return (long) width * height;
  }
}
