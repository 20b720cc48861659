package dev.anima.io;

/// Image formats that can be read.
public enum ImageFormat {
  PNG,
  JPEG,
  WEBP,
  BMP,
  GIF
}
