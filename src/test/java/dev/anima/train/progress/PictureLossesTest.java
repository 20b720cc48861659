package dev.anima.train.progress;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class PictureLossesTest {
  private static PictureLosses.Sample sample(String name) {
    return new PictureLosses.Sample(name, "10_nami", List.of("nami", "tag of " + name));
  }

  /// Losses fall tenfold from much noise to little. Pictures that are alike must come out alike
  /// although one is only seen at low noise and one only at high.
  @Test
  void theNoiseLevelFallsOut() {
    PictureLosses losses = new PictureLosses();
    SplittableRandom random = new SplittableRandom(1);
    for (int i = 0; i < 2000; i++) {
      double sigma = random.nextDouble();
      double usual = 0.02 + 0.2 * Math.floor(sigma * 10) / 10;
      losses.add(sample(sigma < 0.5 ? "low" : "high"), sigma, usual);
      losses.add(sample("hard"), sigma, 1.5 * usual);
    }

    double low = mean(losses, "low");
    double high = mean(losses, "high");
    double hard = mean(losses, "hard");
    assertThat(low).isCloseTo(high, within(0.03));
    assertThat(hard / low).isCloseTo(1.5, within(0.05));
  }

  private static double mean(PictureLosses losses, String name) {
    return Objects.requireNonNull(losses.pictures().get(name)).tally().mean();
  }

  private static PictureLosses memorisesOne(int rounds) {
    PictureLosses losses = new PictureLosses();
    SplittableRandom random = new SplittableRandom(2);
    for (int round = 0; round < rounds; round++) {
      for (int picture = 0; picture < 10; picture++) {
        double sigma = random.nextDouble();
        double factor =
            switch (picture) {
              case 3 -> Math.max(0.3, 1 - 0.05 * round);
              case 7 -> 1.6;
              default -> 1;
            };
        losses.add(sample("p%d.png".formatted(picture)), sigma, (0.05 + sigma) * factor);
      }
    }
    return losses;
  }

  @Test
  void theReportNamesWhatIsNotLearntAndWhatIsMemorised() {
    List<String> report = memorisesOne(30).report();

    assertThat(report).hasSize(2);
    assertThat(report.getFirst()).startsWith("least learnt").contains("p7.png", "seen 30 times");
    assertThat(report.getLast())
        .startsWith("most memorised")
        .contains("p3.png")
        .doesNotContain("p7.png");
    assertThat(memorisesOne(5).report()).as("too early").isEmpty();
  }

  @Test
  void theFilesListEverythingOnce() {
    PictureLosses losses = new PictureLosses();
    losses.add(new PictureLosses.Sample("a, \"b\".png", "1_x", List.of("t")), 0.5, 0.25);

    assertThat(losses.picturesCsv())
        .isEqualTo(
            """
            picture,subset,sightings,mean,early,recent,change
            "a, ""b"".png",1_x,1,1.0000,1.0000,1.0000,0.0000
            """);
    assertThat(losses.subsetsCsv()).endsWith("\n1_x,1,1.0000,1.0000,1.0000,0.0000\n");
    assertThat(losses.tagsCsv()).endsWith("\nt,1,1.0000,1.0000,1.0000,0.0000\n");
  }

  @Test
  void aRestoredStreamGoesOnToTheBit() {
    PictureLosses first = memorisesOne(7);
    PictureLosses second = new PictureLosses();
    second.restore(first.state());
    for (PictureLosses losses : List.of(first, second)) {
      SplittableRandom random = new SplittableRandom(3);
      for (int i = 0; i < 50; i++) {
        losses.add(sample("p%d.png".formatted(i % 10)), random.nextDouble(), random.nextDouble());
      }
    }
    assertThat(second.state()).isEqualTo(first.state());
  }

  @Test
  void everyPictureHasALine() {
    PictureLosses losses = new PictureLosses();
    List<PictureLosses.Sample> samples = new ArrayList<>();
    for (int i = 0; i < 10_000; i++) {
      samples.add(sample("p%d.png".formatted(i)));
    }
    for (int round = 0; round < 10; round++) {
      samples.forEach(sample -> losses.add(sample, 0.4, 0.2));
    }
    assertThat(losses.picturesCsv().lines()).hasSize(10_001);
  }
}
