package dev.anima.io;

import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.opencv.global.opencv_core;
import org.bytedeco.opencv.global.opencv_imgcodecs;
import org.bytedeco.opencv.global.opencv_imgproc;
import org.bytedeco.opencv.opencv_core.Mat;
import org.bytedeco.opencv.opencv_core.Size;

/// The few OpenCV calls that are used; the native library is loaded at the first one.
final class OpenCv {
  static {
    // JavaCPP's own logger writes to stderr unasked; through slf4j, simplelogger.properties decides
    System.setProperty("org.bytedeco.javacpp.logger", "slf4j");
    // images are worked on side by side; one image needs one thread
    opencv_core.setNumThreads(1);
  }

  private OpenCv() {}

  static Pixels resize(Pixels image, int width, int height, Interpolation interpolation) {
    int method =
        switch (interpolation) {
          case NEAREST -> opencv_imgproc.INTER_NEAREST_EXACT;
          case LINEAR -> opencv_imgproc.INTER_LINEAR;
          case CUBIC -> opencv_imgproc.INTER_CUBIC;
          case AREA -> opencv_imgproc.INTER_AREA;
          case LANCZOS, BOX ->
              throw new IllegalArgumentException(interpolation + " is not one of OpenCV's");
        };
    int type = opencv_core.CV_8UC(image.channels());
    try (PointerScope _ = new PointerScope()) {
      Mat source = new Mat(image.height(), image.width(), type, new BytePointer(image.data()));
      Mat target = new Mat();
      opencv_imgproc.resize(source, target, new Size(width, height), 0, 0, method);
      return pixels(target);
    }
  }

  /// Decodes a JPEG file to RGB without turning it by its EXIF orientation.
  static Pixels decodeJpeg(byte[] file) throws MalformedImageException {
    return decode(
        file, opencv_imgcodecs.IMREAD_COLOR_RGB | opencv_imgcodecs.IMREAD_IGNORE_ORIENTATION);
  }

  /// Decodes a WebP file to BGR, or BGRA if it has alpha; of an animation the first picture.
  static Pixels decodeWebp(byte[] file) throws MalformedImageException {
    return decode(file, opencv_imgcodecs.IMREAD_UNCHANGED);
  }

  private static Pixels decode(byte[] file, int flags) throws MalformedImageException {
    try (PointerScope _ = new PointerScope()) {
      Mat bytes = new Mat(1, file.length, opencv_core.CV_8UC1, new BytePointer(file));
      Mat decoded = opencv_imgcodecs.imdecode(bytes, flags);
      if (decoded.empty() || decoded.depth() != opencv_core.CV_8U) {
        throw new MalformedImageException("cannot be decoded (damaged, or a rare variant)");
      }
      return pixels(decoded);
    } catch (RuntimeException e) {
      throw new MalformedImageException("cannot be decoded (" + e.getMessage() + ")");
    }
  }

  private static Pixels pixels(Mat mat) {
    if (!mat.isContinuous()) {
      throw new IllegalStateException("expected the rows of an OpenCV image without gaps");
    }
    byte[] data = new byte[mat.rows() * mat.cols() * mat.channels()];
    mat.data().get(data);
    return new Pixels(mat.cols(), mat.rows(), mat.channels(), data);
  }
}
