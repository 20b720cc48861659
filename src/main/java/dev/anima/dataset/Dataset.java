package dev.anima.dataset;

import dev.anima.config.DatasetSpec;
import dev.anima.config.Size;
import dev.anima.dataset.Findings.Finding;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// The images of one `[[datasets]]` entry with their buckets and repeats. Does not change once
/// built; [Arrangement] holds the order.
///
/// @param subsets those that contributed images, in file order
/// @param images in registration order: normal images, then regularisation images
/// @param numTrainImages repeats times images of the normal subsets
/// @param numRegImages repeats times images of the regularisation subsets, before balancing
public record Dataset(
    DatasetSpec spec,
    Role role,
    List<Subset> subsets,
    List<TrainingImage> images,
    int numTrainImages,
    int numRegImages) {
  /// What the images are for. A validation dataset has no repeats and no regularisation images.
  public enum Role {
    TRAINING,
    VALIDATION
  }

  public Dataset {
    subsets = List.copyOf(subsets);
    images = List.copyOf(images);
  }

  /// Chooses every image's bucket. Images too small for one are left out and become problems.
  static Dataset of(
      DatasetSpec spec,
      Role role,
      List<Subset> subsets,
      Registration registered,
      Findings findings) {
    BucketRule rule = BucketRule.of(spec);
    List<TrainingImage> images = new ArrayList<>();
    for (Registration.Entry entry : registered.entries()) {
      FoundImage found = entry.image();
      BucketChoice choice = rule.choose(found.size());
      if (choice.isTooSmall()) {
        findings.problem(
            "too-small",
            "%s: is %s, too small for a bucket step of %d"
                .formatted(found.key(), found.size(), spec.bucketResoSteps()));
      } else {
        images.add(new TrainingImage(found, entry.subset(), entry.repeats(), choice));
      }
    }
    return new Dataset(
        spec, role, subsets, images, registered.numTrainImages(), registered.numRegImages());
  }

  public Size resolution() {
    Size resolution = spec.resolution();
    if (resolution == null) {
      throw new IllegalStateException("a built dataset has a resolution");
    }
    return resolution;
  }

  /// Mean distance between bucket and image aspect ratio over the images, repeats not counted.
  public double meanAspectError() {
    double[] errors =
        images.stream().mapToDouble(image -> Math.abs(image.choice().aspectError())).toArray();
    return PairwiseSum.of(errors) / errors.length;
  }

  /// What makes sampling from this dataset impossible under `caching`, each with the reason.
  List<Finding> problemsWith(Caching caching) {
    List<Finding> problems = new ArrayList<>();
    for (Subset subset : subsets) {
      CacheRules.check(subset.spec(), caching)
          .forEach(message -> problems.add(new Finding("cache-options", message)));
    }
    if (!caching.latents()) {
      for (TrainingImage image : images) {
        Optional<String> reason = SamplePlanner.unusableUncached(image, spec);
        reason.ifPresent(message -> problems.add(new Finding("size", message)));
      }
    }
    return problems;
  }
}
