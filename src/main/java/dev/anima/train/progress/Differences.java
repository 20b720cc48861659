package dev.anima.train.progress;

import java.util.ArrayList;
import java.util.List;

/// How much better or worse than the base model a LoRA predicts fixed (image, noise, noise level)
/// triples: `(loss with LoRA - loss of base) / loss of base` of each, so -0.03 is 3 % better.
///
/// The two losses of a triple share picture, noise and noise level, so what is hard about it falls
/// out. Triples of one image are not independent of each other: intervals are over images, each of
/// which counts as one observation, the mean of its triples.
///
/// @param images for each image, one number per noise band
public record Differences(List<List<Double>> images) {
  public Differences {
    images = images.stream().map(List::copyOf).toList();
  }

  /// @param base losses of the base model, image by image and band by band
  /// @param now the same with the LoRA
  public static Differences of(List<List<Double>> base, List<List<Double>> now) {
    List<List<Double>> images = new ArrayList<>();
    for (int i = 0; i < base.size(); i++) {
      List<Double> bands = new ArrayList<>();
      for (int band = 0; band < base.get(i).size(); band++) {
        double before = base.get(i).get(band);
        bands.add(before == 0 ? 0 : (now.get(i).get(band) - before) / before);
      }
      images.add(bands);
    }
    return new Differences(images);
  }

  /// Over all bands.
  public Interval all() {
    return Interval.of(imageMeans());
  }

  /// Of one noise band.
  public Interval ofBand(int band) {
    return Interval.of(images.stream().map(bands -> bands.get(band)).toList());
  }

  /// How much this differs from `other` on the same triples.
  public Interval since(Differences other) {
    List<Double> now = imageMeans();
    List<Double> before = other.imageMeans();
    List<Double> moved = new ArrayList<>();
    for (int i = 0; i < now.size(); i++) {
      moved.add(now.get(i) - before.get(i));
    }
    return Interval.of(moved);
  }

  private List<Double> imageMeans() {
    return images.stream()
        .map(bands -> {
          double sum = 0;
          for (double difference : bands) {
            sum += difference;
          }
          return sum / bands.size();
        })
        .toList();
  }
}
