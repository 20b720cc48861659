package dev.anima.dataset;

import dev.anima.config.DatasetSpec;
import dev.anima.config.Size;
import dev.anima.config.SubsetSpec;
import dev.anima.dataset.Dataset.Role;
import dev.anima.io.InputException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/// Builds datasets from their descriptions: subsets in file order, each read, split and checked.
final class DatasetReader {
  /// The model sees patches of 2 x 2 latents, each of 8 x 8 pixels.
  private static final int PIXELS_PER_PATCH = 16;

  private final SizeReader sizes;
  private final PythonRandom random;
  private final Findings findings;

  DatasetReader(SizeReader sizes, PythonRandom random, Findings findings) {
    this.sizes = sizes;
    this.random = random;
    this.findings = findings;
  }

  /// Whether a validation dataset belongs to this one; a share outside 0 to 1 is warned about.
  boolean wantsValidation(DatasetSpec spec) {
    double split = spec.validationSplit();
    if (split < 0 || split > 1) {
      findings.warn(
          "validation-range",
          "validation_split must be in 0 to 1, got " + split + ": no validation dataset");
      return false;
    }
    return split != 0;
  }

  /// Reads a dataset; empty if it cannot be built at all, which is a problem noted.
  Optional<Dataset> read(DatasetSpec spec, Role role) {
    // Validation reads the same files again: what there is to say has been said.
    Findings said = role == Role.TRAINING ? findings : new Findings();
    try {
      if (role == Role.TRAINING) {
        checkSizes(spec);
      }
      List<Subset> subsets = subsets(spec, role, said);
      Registration registered = Registration.of(subsets);
      if (registered.unused() > 0) {
        said.warn(
            "regularisation-surplus",
            "there are more regularisation images than training images times repeats; "
                + registered.unused()
                + " are not used");
      }
      return Optional.of(Dataset.of(spec, role, subsets, registered, said));
    } catch (InputException e) {
      said.problem("dataset", String.valueOf(e.getMessage()));
      return Optional.empty();
    }
  }

  private void checkSizes(DatasetSpec spec) {
    if (spec.networkMultiplier() != 1) {
      findings.warn(
          "network-multiplier",
          "network_multiplier has no effect on Anima training, as in sd-scripts");
    }
    Size resolution = spec.resolution();
    if (!spec.enableBucket()
        && resolution != null
        && (resolution.width() % PIXELS_PER_PATCH != 0
            || resolution.height() % PIXELS_PER_PATCH != 0)) {
      findings.problem(
          "resolution",
          "without buckets both sides of resolution must be multiples of 16, got " + resolution);
    }
    if (!spec.enableBucket() || spec.bucketResoSteps() < 1) {
      return;
    }
    BucketRule.Bounds bounds = BucketRule.Bounds.of(spec);
    if (bounds.min() != spec.minBucketReso()) {
      findings.warn(
          "bucket-bounds",
          "min_bucket_reso %d is no multiple of bucket_reso_steps %d; %d is used"
              .formatted(spec.minBucketReso(), spec.bucketResoSteps(), bounds.min()));
    }
    if (bounds.max() != spec.maxBucketReso()) {
      findings.warn(
          "bucket-bounds",
          "max_bucket_reso %d is no multiple of bucket_reso_steps %d; %d is used"
              .formatted(spec.maxBucketReso(), spec.bucketResoSteps(), bounds.max()));
    }
    if (spec.bucketResoSteps() % PIXELS_PER_PATCH != 0) {
      findings.problem(
          "bucket-steps",
          "bucket_reso_steps must be a multiple of 16 for Anima, got " + spec.bucketResoSteps());
    }
  }

  private List<Subset> subsets(DatasetSpec spec, Role role, Findings said) {
    List<Subset> subsets = new ArrayList<>();
    Set<String> sources = new HashSet<>();
    for (SubsetSpec subset : spec.subsets()) {
      boolean listed = spec.style() == DatasetSpec.Style.FINE_TUNING;
      String source = listed ? subset.metadataFile() : subset.imageDir();
      if (source == null) {
        said.problem(
            "subset",
            subset.where() + ": the subset lacks " + (listed ? "metadata_file" : "image_dir"));
        continue;
      }
      int repeats = role == Role.VALIDATION && !listed ? 1 : subset.numRepeats();
      if (repeats < 1) {
        said.warn(
            "repeats-zero",
            subset.where() + ": " + source + " is not used, its num_repeats is " + repeats);
        continue;
      }
      if (sources.contains(source)) {
        said.warn(
            "subset-duplicate",
            subset.where()
                + ": "
                + source
                + " is already in this dataset and not used again; put it into a second"
                + " [[datasets]] entry to train it twice");
        continue;
      }
      List<FoundImage> images =
          listed
              ? largeEnough(
                  new MetadataReader(sizes, said)
                      .read(subset, onDisk(source, subset.paths().metadataFile())),
                  spec,
                  subset,
                  said)
              : split(
                  largeEnough(
                      new FolderReader(sizes, said)
                          .read(subset, onDisk(source, subset.paths().imageDir())),
                      spec,
                      subset,
                      said),
                  spec,
                  subset,
                  role);
      if (images.isEmpty()) {
        if (role == Role.TRAINING) {
          said.warn(
              "subset-empty", subset.where() + ": " + source + " has no images and is not used");
        }
        continue;
      }
      sources.add(source);
      subsets.add(new Subset(subset, CaptionFile.name(source), repeats, images));
    }
    return subsets;
  }

  /// `skip_image_resolution`: without images of at most that area, as in the reference.
  private static List<FoundImage> largeEnough(
      List<FoundImage> images, DatasetSpec spec, SubsetSpec subset, Findings said) {
    Size skip = spec.skipImageResolution();
    if (skip == null) {
      return images;
    }
    List<FoundImage> kept =
        images.stream().filter(image -> area(image.size()) > area(skip)).toList();
    if (kept.size() < images.size()) {
      said.warn(
          "skipped-small",
          "%s: %d of %d images have at most %d pixels (%s) and are left out by skip_image_resolution"
              .formatted(
                  subset.where(), images.size() - kept.size(), images.size(), area(skip), skip));
    }
    return kept;
  }

  private static long area(Size size) {
    return (long) size.width() * size.height();
  }

  /// Where a path of the configuration is on this machine: as written if that is the same place, so
  /// that names of images come out as the reference spells them.
  ///
  /// @param found see [SubsetSpec.Paths]
  static String onDisk(String written, @Nullable Path found) {
    return found == null || found.equals(Path.of(written)) ? written : found.toString();
  }

  private List<FoundImage> split(
      List<FoundImage> images, DatasetSpec spec, SubsetSpec subset, Role role) {
    if (!(spec.validationSplit() > 0)) {
      return images;
    }
    if (subset.isReg()) { // never split: all of them stay in training
      return role == Role.TRAINING ? images : List.of();
    }
    if (role == Role.TRAINING && spec.validationSeed().isEmpty() && spec.validationSplit() < 1) {
      findings.warn(
          "validation-overlap",
          subset.where()
              + ": without validation_seed the training and validation images are drawn"
              + " independently, so validation images are trained on too; set validation_seed");
    }
    return ValidationSplit.part(
        images, spec.validationSplit(), spec.validationSeed(), role, random);
  }
}
