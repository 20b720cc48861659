package dev.anima.dataset;

import static org.assertj.core.api.Assertions.assertThat;

import dev.anima.config.DatasetSpec;
import dev.anima.config.Size;
import dev.anima.config.SubsetSpec;
import dev.anima.dataset.DatasetReport.BucketEntry;
import dev.anima.dataset.DatasetReport.FileEntry;
import dev.anima.dataset.Findings.Finding;
import dev.anima.io.NpyArray;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DatasetReportTest {
  @TempDir Path folder;

  @Test
  void listsFilesAndBuckets() throws IOException {
    Scenario.image(folder.resolve("a.png"), 96, 96);
    Scenario.image(folder.resolve("b.png"), 128, 80);
    Files.writeString(folder.resolve("a.txt"), "hat");
    DatasetReport report = report(Specs.subset(folder.toString()).repeats(3));
    assertThat(report.files())
        .containsExactly(
            new FileEntry(
                0,
                false,
                folder.resolve("a.png").toString(),
                96,
                96,
                new Size(96, 96),
                new Size(96, 96),
                0,
                0,
                3,
                "hat"),
            new FileEntry(
                0,
                false,
                folder.resolve("b.png").toString(),
                128,
                80,
                new Size(112, 80),
                new Size(128, 80),
                8,
                0,
                3,
                ""));
    assertThat(report.buckets())
        .containsExactly(
            new BucketEntry(0, false, new Size(96, 96), 3, 2),
            new BucketEntry(0, false, new Size(112, 80), 3, 2));
    assertThat(report.batchesPerEpoch()).isEqualTo(4);
    assertThat(report.problems()).isEmpty();
    assertThat(codes(report)).containsExactlyInAnyOrder("caption-missing");
  }

  @Test
  void namesProblemsWithoutStopping() throws IOException {
    Scenario.image(folder.resolve("good.png"), 96, 96);
    Files.writeString(folder.resolve("bad.png"), "?");
    DatasetReport report = report(Specs.subset(folder.toString()));
    assertThat(report.files()).hasSize(1);
    assertThat(report.problems()).extracting(Finding::code).containsExactly("unreadable");
  }

  @Test
  void noticesWhatIsProbablyNotMeant() throws IOException {
    Scenario.image(folder.resolve("small.png"), 40, 40);
    Scenario.image(folder.resolve("long.png"), 1000, 96);
    Scenario.image(folder.resolve("twice.png"), 96, 96);
    Files.copy(folder.resolve("twice.png"), folder.resolve("again.png"));
    DatasetReport report = report(Specs.subset(folder.toString()).classTokens("x"));
    assertThat(report.warnings())
        .extracting(Finding::code, f -> f.message().replaceAll(".*[/\\\\]", ""))
        .contains(
            org.assertj.core.groups.Tuple.tuple("upscaled", "small.png (40x40 to 96x96)"),
            org.assertj.core.groups.Tuple.tuple("duplicate", "again.png"));
    assertThat(codes(report)).contains("cropped");
  }

  @Test
  void noticesTurnedAndTransparentImages() {
    Scenario.image(folder.resolve("a.png"), 96, 96);
    SubsetSpec plain = Specs.subset(folder.toString()).build();
    SubsetSpec masked = Specs.subset(folder.toString()).alphaMask().build();
    ImageInspector special = _ -> new ImageInspector.Look(6, true);
    assertThat(codes(report(plain, special))).contains("exif-rotated", "alpha-dropped");
    assertThat(codes(report(masked, special))).doesNotContain("alpha-dropped");
  }

  @Test
  void imagesThatCannotBeDecodedAreProblems() {
    Scenario.image(folder.resolve("a.png"), 96, 96);
    ImageInspector failing =
        file -> {
          throw dev.anima.io.InputException.inFile(file, "cut off");
        };
    DatasetReport report = report(Specs.subset(folder.toString()).build(), failing);
    assertThat(report.problems()).extracting(Finding::code).containsExactly("unreadable");
  }

  @Test
  void noticesStaleCaches() throws IOException {
    Path image = Scenario.image(folder.resolve("a.png"), 96, 96);
    Path caption = Files.writeString(folder.resolve("a.txt"), "hat");
    Files.createFile(folder.resolve("a_0064x0064_anima.npz"));
    Path latents = Files.createFile(folder.resolve("a_0096x0096_anima.npz"));
    Files.setLastModifiedTime(latents, FileTime.fromMillis(1000));
    Path text = folder.resolve("a_anima_te.npz");
    dev.anima.io.Npz.write(
        text, java.util.Map.of("prompt_embeds", NpyArray.ofFloats(new float[1], 1)));
    Files.setLastModifiedTime(text, FileTime.fromMillis(1000));
    DatasetReport report = report(Specs.subset(folder.toString()));
    assertThat(codes(report))
        .containsExactlyInAnyOrder("stale-latents", "stale-latents", "stale-text");
    assertThat(Files.exists(image) && Files.exists(caption)).isTrue();
  }

  private static DatasetReport report(Specs.SubsetBuilder subset) {
    return report(subset.build(), _ -> new ImageInspector.Look(1, false));
  }

  private static DatasetReport report(SubsetSpec subset, ImageInspector inspector) {
    DatasetSpec spec = Specs.dataset().batchSize(2).subsets(subset).build();
    return DatasetReport.of(
        DatasetGroup.inspect(List.of(spec), new PythonRandom(0), Scenario::size), inspector);
  }

  private static List<String> codes(DatasetReport report) {
    return report.warnings().stream().map(Finding::code).toList();
  }
}
