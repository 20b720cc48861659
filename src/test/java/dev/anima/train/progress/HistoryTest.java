package dev.anima.train.progress;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class HistoryTest {
  private static final int IMAGES = 8;

  private final SplittableRandom random = new SplittableRandom(4);

  /// Every image is `mean` off with a little noise of its own.
  private Differences around(double mean) {
    List<List<Double>> images = new ArrayList<>();
    for (int i = 0; i < IMAGES; i++) {
      double own = mean + 0.004 * (random.nextDouble() - 0.5);
      images.add(List.of(own, own + 0.01, own, own - 0.01));
    }
    return new Differences(images);
  }

  private History training(double... means) {
    List<Measure> measures = new ArrayList<>();
    for (double mean : means) {
      measures.add(
          new Measure(
              10 * (measures.size() + 1), 1, around(mean), Optional.empty(), Optional.empty()));
    }
    return new History(measures, 3);
  }

  private History heldOut(double[] training, double[] others) {
    List<Measure> measures = new ArrayList<>();
    for (int i = 0; i < training.length; i++) {
      measures.add(
          new Measure(
              10 * (i + 1),
              1,
              around(training[i]),
              Optional.of(around(others[i])),
              Optional.empty()));
    }
    return new History(measures, 2);
  }

  @Test
  void aRunThatGetsBetterIsLearning() {
    assertThat(training().verdict()).isEqualTo(Verdict.LEARNING);
    assertThat(training(-0.02).verdict()).isEqualTo(Verdict.LEARNING);
    assertThat(training(-0.02, -0.04, -0.06, -0.08, -0.1).verdict()).isEqualTo(Verdict.LEARNING);
  }

  @Test
  void aPlateauIsLearntAfterPatience() {
    assertThat(training(-0.05, -0.1, -0.1, -0.1).verdict()).isEqualTo(Verdict.LEARNING);
    History history = training(-0.05, -0.1, -0.1, -0.1, -0.1);

    assertThat(history.verdict()).isEqualTo(Verdict.LEARNT);
    assertThat(history.isOver()).isTrue();
    assertThat(training(-0.05, -0.1, -0.1, -0.1, -0.1, -0.15).verdict())
        .isEqualTo(Verdict.LEARNING);
  }

  /// Standing still at the base model is not having learnt.
  @Test
  void nothingLearntIsNotLearnt() {
    History history = training(0, 0.01, 0, 0.01, 0.02, 0.01);

    assertThat(history.verdict()).isEqualTo(Verdict.LEARNING);
    assertThat(history.isOver()).isFalse();
  }

  @Test
  void memorisingNeedsHeldOutImagesThatGetWorse() {
    double[] better = {-0.05, -0.1, -0.2, -0.3};
    assertThat(heldOut(better, new double[] {-0.05, -0.08, -0.1, -0.12}).verdict())
        .isEqualTo(Verdict.LEARNING);
    History history = heldOut(better, new double[] {-0.05, -0.08, -0.06, -0.03});
    assertThat(history.verdict()).isEqualTo(Verdict.MEMORISING);
    assertThat(history.isOver()).isTrue();

    // both get worse: the run goes astray, which is something else
    assertThat(
            heldOut(new double[] {-0.05, -0.1, 0.1, 0.2}, new double[] {-0.05, -0.08, 0.1, 0.2})
                .verdict())
        .isNotEqualTo(Verdict.MEMORISING);
    assertThat(training(-0.05, -0.1, -0.2, -0.3).verdict()).isEqualTo(Verdict.LEARNING);
  }

  /// Held-out images may get worse from the start.
  @Test
  void memorisingFromTheStart() {
    assertThat(heldOut(new double[] {-0.05, -0.1}, new double[] {0.02, 0.06}).verdict())
        .isEqualTo(Verdict.MEMORISING);
  }

  @Test
  void theEarliestOfEqualMeasuresIsTheBest() {
    History history = training(-0.1, -0.1);

    assertThat(History.isBetter(history.measures().getLast(), null)).isTrue();
    assertThat(History.isBetter(history.measures().getLast(), history.measures().getFirst()))
        .isFalse();
  }
}
