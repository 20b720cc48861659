package dev.anima.dataset;

import dev.anima.config.Size;
import dev.anima.dataset.Findings.Finding;
import java.util.ArrayList;
import java.util.List;

/// What `anima check` tells about the datasets of a run, before any model is loaded.
///
/// @param files every image that is used, dataset by dataset in registration order
/// @param buckets every bucket that holds images
/// @param batchesPerEpoch micro-batches of one epoch
/// @param problems what makes training impossible
/// @param warnings what is probably not meant
public record DatasetReport(
    List<FileEntry> files,
    List<BucketEntry> buckets,
    int batchesPerEpoch,
    List<Finding> problems,
    List<Finding> warnings) {
  /// One image.
  ///
  /// @param dataset position of its dataset, from 0
  /// @param validation whether the image is held back for validation
  /// @param width in the file, in pixels
  /// @param bucket size it is trained in
  /// @param resized size of the whole image before cropping
  /// @param cropLeft columns cut away on the left by a centred crop
  /// @param cropTop rows cut away at the top by a centred crop
  /// @param repeats times per epoch
  /// @param caption as stored
  public record FileEntry(
      int dataset,
      boolean validation,
      String path,
      int width,
      int height,
      Size bucket,
      Size resized,
      int cropLeft,
      int cropTop,
      int repeats,
      String caption) {}

  /// One bucket.
  ///
  /// @param entries images times repeats
  /// @param batches micro-batches per epoch, the last of which may be smaller
  public record BucketEntry(int dataset, boolean validation, Size size, int entries, int batches) {}

  public DatasetReport {
    files = List.copyOf(files);
    buckets = List.copyOf(buckets);
    problems = List.copyOf(problems);
    warnings = List.copyOf(warnings);
  }

  /// Looks at every image, its caption and its caches.
  ///
  /// @param group from [DatasetGroup#inspect], so that problems are listed instead of thrown
  public static DatasetReport of(DatasetGroup group, ImageInspector inspector) {
    List<FileEntry> files = new ArrayList<>();
    List<BucketEntry> buckets = new ArrayList<>();
    for (Dataset.Role role : Dataset.Role.values()) {
      List<Arrangement> arrangements = group.arrangements(role);
      for (int i = 0; i < arrangements.size(); i++) {
        boolean validation = role == Dataset.Role.VALIDATION;
        for (TrainingImage image : arrangements.get(i).dataset().images()) {
          files.add(file(i, validation, image));
        }
        int batchSize = arrangements.get(i).dataset().spec().batchSize();
        for (Arrangement.Bucket bucket : arrangements.get(i).buckets()) {
          int entries = bucket.entries().size();
          buckets.add(
              new BucketEntry(
                  i, validation, bucket.size(), entries, Math.ceilDiv(entries, batchSize)));
        }
      }
    }
    List<Finding> warnings = new ArrayList<>(group.findings().warnings());
    List<Dataset> all = new ArrayList<>(group.training());
    all.addAll(group.validation());
    Findings checks = ImageChecks.of(all, inspector);
    warnings.addAll(checks.warnings());
    List<Finding> problems = new ArrayList<>(group.findings().problems());
    problems.addAll(checks.problems());
    return new DatasetReport(files, buckets, group.batchesPerEpoch(), problems, warnings);
  }

  private static FileEntry file(int dataset, boolean validation, TrainingImage image) {
    BucketChoice choice = image.choice();
    return new FileEntry(
        dataset,
        validation,
        image.found().file().toString(),
        choice.image().width(),
        choice.image().height(),
        choice.bucket(),
        choice.resized(),
        choice.centreLeft(),
        choice.centreTop(),
        image.repeats(),
        image.found().caption());
  }
}
