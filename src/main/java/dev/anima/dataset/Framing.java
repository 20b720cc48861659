package dev.anima.dataset;

import dev.anima.config.Size;
import dev.anima.config.SubsetSpec.Range;
import dev.anima.io.InputException;
import java.util.List;
import java.util.Optional;

/// Which part of an image a sample shows: the whole image is resized, then a window is cut out.
///
/// @param resized size of the whole image after resizing
/// @param left first column of the window
/// @param top first row of the window
/// @param target size of the window, which lies inside `resized`
public record Framing(Size resized, int left, int top, Size target) {
  /// The face position a file name may end with: `_x_y_width_height` in pixels.
  record Face(int centreX, int centreY, int width, int height) {
    /// @param name file name without extension
    static Optional<Face> in(String name) {
      List<String> parts = PythonStrings.split(name, "_");
      if (parts.size() < 5) {
        return Optional.empty();
      }
      int first = parts.size() - 4;
      try {
        Face face =
            new Face(
                Integer.parseInt(parts.get(first)),
                Integer.parseInt(parts.get(first + 1)),
                Integer.parseInt(parts.get(first + 2)),
                Integer.parseInt(parts.get(first + 3)));
        return face.centreX > 0 ? Optional.of(face) : Optional.empty();
      } catch (NumberFormatException e) {
        throw new InputException(
            name
                + ": face_crop_aug_range needs file names that end with _x_y_width_height"
                + " (whole numbers)",
            e);
      }
    }

    int side() {
      return Math.max(width, height);
    }
  }

  /// The middle of the image: what is cached, and what training sees without random crops.
  public static Framing centred(BucketChoice choice) {
    return new Framing(choice.resized(), choice.centreLeft(), choice.centreTop(), choice.bucket());
  }

  /// A window anywhere: the horizontal offset is drawn first, each only if there is a choice.
  static Framing random(BucketChoice choice, PythonRandom random) {
    int spareWidth = choice.resized().width() - choice.bucket().width();
    int spareHeight = choice.resized().height() - choice.bucket().height();
    int left = spareWidth > 0 ? (int) random.randint(0, spareWidth) : 0;
    int top = spareHeight > 0 ? (int) random.randint(0, spareHeight) : 0;
    return new Framing(choice.resized(), left, top, choice.bucket());
  }

  /// A window of an unscaled image; the vertical offset is drawn first.
  ///
  /// @param image at least as large as `target`
  static Framing randomUnscaled(Size image, Size target, PythonRandom random) {
    int spareHeight = image.height() - target.height();
    int spareWidth = image.width() - target.width();
    int top = spareHeight > 0 ? (int) random.randint(0, spareHeight) : 0;
    int left = spareWidth > 0 ? (int) random.randint(0, spareWidth) : 0;
    return new Framing(image, left, top, target);
  }

  /// A window around a face, scaled so that the face takes a share of it within `range`.
  ///
  /// @param range shares of the window's shorter side
  static Framing aroundFace(
      Size image, Size target, Face face, Range range, boolean randomCrop, PythonRandom random) {
    if (image.equals(target)) {
      return new Framing(image, 0, 0, target);
    }
    int shorter = Math.min(target.width(), target.height());
    double covering =
        Math.max(
            (double) target.height() / image.height(), (double) target.width() / image.width());
    double low = Math.min(1.0, Math.max(covering, shorter / (face.side() * range.high())));
    double high = Math.min(1.0, Math.max(low, shorter / (face.side() * range.low())));
    double scale = low >= high ? low : random.uniform(low, high);
    Size resized = new Size(scaled(image.width(), scale), scaled(image.height(), scale));
    Shift shift = new Shift(face, range, shorter, randomCrop, random);
    int top = shift.start(target.height(), resized.height(), scaled(face.centreY(), scale));
    int left = shift.start(target.width(), resized.width(), scaled(face.centreX(), scale));
    return new Framing(resized, left, top, target);
  }

  private static int scaled(int length, double scale) {
    return (int) (length * scale + 0.5);
  }

  /// Where the window starts on one axis: the face in its middle, moved a little by chance.
  private record Shift(
      Face face, Range range, int shorter, boolean randomCrop, PythonRandom random) {
    int start(int window, int length, int centre) {
      int start = centre - window / 2;
      if (randomCrop) { // two draws: offsets near the face are likelier
        int reach = Math.max(length - centre, centre);
        start += (int) (random.randint(0, reach) + random.randint(0, reach)) - reach;
      } else if (range.low() != range.high() && face.side() > shorter / 10 && face.side() >= 40) {
        start += (int) random.randint(Math.floorDiv(-face.side(), 20), face.side() / 20);
      }
      return Math.max(0, Math.min(start, length - window));
    }
  }
}
