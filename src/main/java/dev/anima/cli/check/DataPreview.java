package dev.anima.cli.check;

import dev.anima.cli.check.Preview.Warning;
import dev.anima.config.DatasetConfig;
import dev.anima.config.Size;
import dev.anima.dataset.Dataset;
import dev.anima.dataset.DatasetGroup;
import dev.anima.dataset.DatasetReport;
import dev.anima.dataset.DatasetReport.BucketEntry;
import dev.anima.dataset.FoundImage.CaptionSource;
import dev.anima.dataset.ImageInspector;
import dev.anima.dataset.PythonRandom;
import dev.anima.dataset.SizeReader;
import dev.anima.dataset.TrainingImage;
import dev.anima.io.ImageSurvey;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Predicate;

/// The images of a run as they will be trained.
///
/// @param captionsMissing training images without a caption of their own
/// @param largestBatch images in the largest micro-batch
record DataPreview(
    DatasetGroup group,
    DatasetReport report,
    List<Preview.ImageFile> files,
    List<Preview.Bucket> buckets,
    List<Costs.BatchShape> batches,
    int captionsMissing,
    int largestBatch) {

  /// Looks at every image and caption; what is unusable is among the report's problems.
  ///
  /// @param seed of the run, which decides what is held back for validation
  static DataPreview of(DatasetConfig config, long seed) {
    DatasetGroup group =
        DatasetGroup.inspect(config.datasets(), new PythonRandom(seed), SizeReader.HEADER);
    DatasetReport report = DatasetReport.of(group, DataPreview::look);
    List<Preview.ImageFile> files = new ArrayList<>();
    addFiles(files, group.training(), "train");
    addFiles(files, group.validation(), "validation");
    List<Preview.Bucket> buckets = new ArrayList<>();
    List<Costs.BatchShape> batches = new ArrayList<>();
    int largest = 0;
    for (BucketEntry bucket : report.buckets()) {
      if (!bucket.validation()) {
        buckets.add(bucket(bucket, group.training().get(bucket.dataset())));
        int batchSize = group.training().get(bucket.dataset()).spec().batchSize();
        int images = Math.min(batchSize, bucket.entries());
        batches.add(new Costs.BatchShape(bucket.size(), images, bucket.batches()));
        largest = Math.max(largest, images);
      }
    }
    return new DataPreview(
        group,
        report,
        List.copyOf(files),
        List.copyOf(buckets),
        List.copyOf(batches),
        count(group, image -> !image.isReg() && !hasCaption(image)),
        largest);
  }

  /// Decodes only images that may be transparent: of the others the structure tells enough.
  private static ImageInspector.Look look(Path file) {
    ImageSurvey survey = ImageSurvey.of(file);
    return survey.hasAlpha()
        ? ImageInspector.DECODING.look(file)
        : new ImageInspector.Look(survey.orientation(), false);
  }

  private static boolean hasCaption(TrainingImage image) {
    CaptionSource source = image.found().source();
    return source == CaptionSource.FILE || source == CaptionSource.METADATA;
  }

  private static int count(DatasetGroup group, Predicate<TrainingImage> which) {
    return Math.toIntExact(
        group.training().stream().flatMap(data -> data.images().stream()).filter(which).count());
  }

  int images() {
    return count(group, image -> !image.isReg());
  }

  int regImages() {
    return count(group, TrainingImage::isReg);
  }

  int validationImages() {
    return group.validation().stream().mapToInt(data -> data.images().size()).sum();
  }

  int entriesPerEpoch() {
    return buckets.stream().mapToInt(Preview.Bucket::repeats).sum();
  }

  List<Warning> warnings() {
    return report.warnings().stream()
        .map(finding -> new Warning(finding.code(), finding.message()))
        .toList();
  }

  private static Preview.Bucket bucket(BucketEntry bucket, Dataset dataset) {
    long images =
        dataset.images().stream()
            .filter(image -> image.choice().bucket().equals(bucket.size()))
            .count();
    return new Preview.Bucket(
        bucket.size().width(),
        bucket.size().height(),
        Math.toIntExact(images),
        bucket.entries(),
        bucket.batches(),
        bucket.dataset());
  }

  private static void addFiles(List<Preview.ImageFile> files, List<Dataset> datasets, String role) {
    for (int i = 0; i < datasets.size(); i++) {
      for (TrainingImage image : datasets.get(i).images()) {
        files.add(file(image, image.isReg() ? "reg" : role, i));
      }
    }
  }

  private static Preview.ImageFile file(TrainingImage image, String role, int dataset) {
    return new Preview.ImageFile(
        image.found().file().toString(),
        image.choice().image().width(),
        image.choice().image().height(),
        pair(image.choice().bucket()),
        pair(image.choice().resized()),
        List.of(image.choice().centreLeft(), image.choice().centreTop()),
        image.repeats(),
        image.found().caption(),
        role,
        dataset);
  }

  private static List<Integer> pair(Size size) {
    return List.of(size.width(), size.height());
  }
}
