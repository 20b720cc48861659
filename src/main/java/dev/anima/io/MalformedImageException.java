package dev.anima.io;

/// What is wrong with an image's bytes, without the file's name: "is cut off", "is a PDF".
final class MalformedImageException extends Exception {
  private static final long serialVersionUID = 1L;

  MalformedImageException(String message) {
    super(message);
  }

  static MalformedImageException cutOff() {
    return new MalformedImageException("is cut off (interrupted download or copy?)");
  }
}
