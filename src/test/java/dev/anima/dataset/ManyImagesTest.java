package dev.anima.dataset;

import static org.assertj.core.api.Assertions.assertThat;

import dev.anima.config.Size;
import dev.anima.io.NpyArray;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// A large dataset with caches starts without looking into any picture: time is measured by hand
/// (`anima bench --what startup --images 10000`), work is counted here.
class ManyImagesTest {
  private static final int COUNT = 1000;

  @TempDir Path folder;

  @Test
  void everySizeIsReadOnceAndNoPictureIsOpened() throws IOException {
    for (int i = 0; i < COUNT; i++) {
      Files.writeString(folder.resolve("p%04d.png".formatted(i)), "no picture at all");
      Files.writeString(folder.resolve("p%04d.txt".formatted(i)), "1girl, tag " + i);
    }
    AtomicInteger sizes = new AtomicInteger();
    SizeReader counting =
        _ -> {
          sizes.incrementAndGet();
          return new Size(64, 64);
        };

    DatasetGroup group =
        DatasetGroup.inspect(
            List.of(Specs.dataset().subsets(Specs.subset(folder.toString()).build()).build()),
            new PythonRandom(0),
            counting);

    List<TrainingImage> images = group.training().getFirst().images();
    assertThat(images).hasSize(COUNT);
    assertThat(sizes).hasValue(COUNT);
    TrainingImage one = images.getFirst();
    Size bucket = one.choice().bucket();
    int height = bucket.height() / 8;
    int width = bucket.width() / 8;
    LatentCache.write(
        one, NpyArray.ofFloats(new float[height * width], 1, height, width), null, null);
    byte[] cache = Files.readAllBytes(LatentCache.file(one));
    for (TrainingImage image : images) {
      Files.write(LatentCache.file(image), cache);
    }
    LatentSources first = new LatentSources();
    assertThat(images)
        .allMatch(image -> LatentCache.use(image, first, false) == LatentCache.Use.VALID);
    first.save();
    LatentSources second = new LatentSources();
    assertThat(images)
        .allMatch(image -> LatentCache.use(image, second, false) == LatentCache.Use.VALID);
    assertThat(sizes).hasValue(COUNT);
  }
}
