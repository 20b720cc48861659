package dev.anima.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.anima.config.CommandLine;
import dev.anima.io.InputException;
import dev.anima.train.TimestepPreview.Band;
import java.util.List;
import org.junit.jupiter.api.Test;

class TimestepPreviewTest {
  private static TimestepPreview preview(String... words) {
    return TimestepPreview.of(CommandLine.parse(List.of(words)));
  }

  private static double shareAbove(TimestepPreview preview, int timestep) {
    return preview.bands().stream()
        .filter(band -> band.from() >= timestep)
        .mapToDouble(Band::share)
        .sum();
  }

  @Test
  void bandsCoverAllTimestepsWithNoiseOnTop() {
    TimestepPreview preview = preview("--timestep_sampling=uniform");
    assertThat(preview.bands()).hasSize(40);
    assertThat(preview.bands().getFirst().to()).isEqualTo(1000);
    assertThat(preview.bands().getLast().from()).isZero();
    assertThat(preview.bands())
        .allSatisfy(band -> {
          assertThat(band.share()).isCloseTo(0.025, within(0.003)); // 6 deviations of 100,000 draws
          assertThat(band.weight()).isEqualTo(1);
        });
    assertThat(preview.bands().stream().mapToDouble(Band::share).sum()).isCloseTo(1, within(1e-9));
  }

  /// `sigmoid(z) >= 0.75` where `z >= ln 3`: 13.6 % of normal numbers.
  @Test
  void sharesAreThoseOfTheDistribution() {
    assertThat(shareAbove(preview(), 750)).isCloseTo(0.136, within(0.006));
    // shift 3 moves 0.5 to 0.75
    assertThat(shareAbove(preview("--timestep_sampling=shift", "--discrete_flow_shift=3"), 750))
        .isCloseTo(0.5, within(0.01));
  }

  @Test
  void fluxShiftFollowsTheSize() {
    double small =
        shareAbove(
            preview("--timestep_sampling=flux_shift", "--show_timesteps_resolution=256"), 500);
    double large =
        shareAbove(
            preview("--timestep_sampling=flux_shift", "--show_timesteps_resolution=1024,1024"),
            500);
    assertThat(small).isLessThan(large - 0.1);
  }

  @Test
  void theWeightIsThatOfTheScheme() {
    Band top = preview("--weighting_scheme=sigma_sqrt").bands().getFirst();
    assertThat(top.weight()).isCloseTo(1 / (0.9875 * 0.9875), within(1e-4));
  }

  @Test
  void aWrongSizeIsNamed() {
    assertThatThrownBy(() -> preview("--show_timesteps_resolution=big"))
        .isInstanceOf(InputException.class)
        .hasMessageStartingWith("--show_timesteps_resolution: expected SIZE");
  }
}
