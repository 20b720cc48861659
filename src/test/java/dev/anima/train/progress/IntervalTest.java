package dev.anima.train.progress;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class IntervalTest {
  /// From the published tables of Student's t, two-sided 95 %.
  @ParameterizedTest(name = "{0} degrees of freedom")
  @CsvSource({
    "1,12.706",
    "2,4.303",
    "7,2.365",
    "10,2.228",
    "20,2.086",
    "21,2.080",
    "25,2.060",
    "30,2.042",
    "40,2.021",
    "60,2.000",
    "120,1.980"
  })
  void quantilesAreThoseOfTheTables(int freedom, double expected) {
    assertThat(Interval.quantile(freedom)).isCloseTo(expected, within(6e-4));
  }

  /// Mean 3, deviation sqrt(2.5), so t(4) * sqrt(2.5 / 5) = 2.7764 * 0.70711.
  @Test
  void intervalOfFiveValues() {
    Interval interval = Interval.of(List.of(1.0, 2.0, 3.0, 4.0, 5.0));

    assertThat(interval.mean()).isEqualTo(3);
    assertThat(interval.half()).isCloseTo(1.963243, within(1e-6));
    assertThat(interval.isAboveZero()).isTrue();
    assertThat(interval.isBelowZero()).isFalse();
  }

  @Test
  void oneValueProvesNothing() {
    Interval interval = Interval.of(List.of(-0.5));

    assertThat(interval).isEqualTo(new Interval(-0.5, 0, 1));
    assertThat(interval.isBelowZero()).isFalse();
  }

  @Test
  void anIntervalOverZeroIsNeither() {
    Interval interval = Interval.of(List.of(-1.0, 1.0, -1.5, 1.0));

    assertThat(interval.isBelowZero()).isFalse();
    assertThat(interval.isAboveZero()).isFalse();
  }

  /// Two images whose triples agree among themselves are two observations, not eight.
  @Test
  void anImageIsOneObservation() {
    Differences differences =
        Differences.of(
            List.of(List.of(2.0, 4.0, 1.0, 2.0), List.of(1.0, 1.0, 1.0, 1.0)),
            List.of(List.of(1.0, 2.0, 0.5, 1.0), List.of(0.9, 0.9, 0.9, 0.9)));

    assertThat(differences.all().values()).isEqualTo(2);
    assertThat(differences.all().mean()).isCloseTo(-0.3, within(1e-12));
    assertThat(differences.all().half()).isCloseTo(12.7062047 * 0.2, within(1e-6));
    assertThat(differences.ofBand(1).mean()).isCloseTo(-0.3, within(1e-12));
  }
}
