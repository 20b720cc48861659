package dev.anima.train;

import static org.assertj.core.api.Assertions.assertThat;

import dev.anima.io.SafetensorsFile;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// Whole runs with optimizers that bring more than a rate: own step sizes, averaged weights,
/// rounding.
class OptimizerRunsTest {
  private static final String[] SHORT = {
    "--network_train_unet_only", "--max_train_epochs=1", "--save_state", "--seed=5"
  };

  @TempDir Path folder;

  @ParameterizedTest(name = "{0}")
  @ValueSource(
      strings = {
        "--optimizer_type=prodigyplus.ProdigyPlusScheduleFree --learning_rate=1",
        "--optimizer_type=AdamWScheduleFree --learning_rate=1e-3",
        "--optimizer_type=DAdaptAdam --learning_rate=1 --optimizer_args d0=1e-4",
        "--optimizer_type=CAME --learning_rate=1e-4 --network_args loraplus_lr_ratio=4",
        "--optimizer_type=Muon --learning_rate=1e-3 --lr_scheduler=rex",
        "--optimizer_type=AdamW --learning_rate=1e-3 --mixed_precision=bf16 --full_bf16"
            + " --bf16_rounding=kahan",
        "--optimizer_type=Lion --learning_rate=1e-4 --mixed_precision=bf16 --full_bf16"
            + " --bf16_rounding=stochastic",
        "--optimizer_type=AdamW --learning_rate=1e-3 --apply_noise_options --noise_offset=0.05"
            + " --noise_offset_random_strength --multires_noise_iterations=4"
            + " --apply_timestep_range --min_timestep=200"
      })
  void aStoppedRunGoesOnAsIfItHadNot(String flags) throws IOException {
    TinyRun runs = new TinyRun(folder);
    RunOutcome whole = runs.train(flags("whole", flags));
    assertThat(whole.losses()).hasSizeGreaterThan(3).allMatch(Double::isFinite);

    runs.train(flags("parts", flags), 2);
    List<String> rest = flags("parts", flags + " --resume=" + runs.states.getFirst());
    RunOutcome second = runs.train(rest);

    assertThat(second.losses()).isEqualTo(whole.losses().subList(2, whole.losses().size()));
    assertThat(runs.weights("parts/nami.safetensors"))
        .isEqualTo(runs.weights("whole/nami.safetensors"));
    assertThat(runs.weights("parts/nami-state/optimizer.safetensors"))
        .isEqualTo(runs.weights("whole/nami-state/optimizer.safetensors"));
  }

  @Test
  void noiseOptionsChangeTheRunOnlyWhenAsked() throws IOException {
    TinyRun runs = new TinyRun(folder);
    String plain = "--optimizer_type=AdamW --learning_rate=1e-3";
    String options = plain + " --noise_offset=0.05 --max_timestep=500";
    List<Double> losses = runs.train(flags("plain", plain)).losses();
    assertThat(runs.train(flags("idle", options)).losses()).isEqualTo(losses);
    assertThat(runs.train(flags("noise", options + " --apply_noise_options")).losses())
        .doesNotContainAnyElementsOf(losses);
    assertThat(runs.train(flags("range", options + " --apply_timestep_range")).losses())
        .doesNotContainAnyElementsOf(losses);
  }

  @Test
  void adafactorsOwnRatesAreInTheMetadataAsTheReferenceWritesThem() throws IOException {
    TinyRun runs = new TinyRun(folder);
    runs.train(
        flags("own", "--optimizer_type=Adafactor --learning_rate=1e-4 --lr_scheduler=adafactor"));
    try (SafetensorsFile file = SafetensorsFile.open(folder.resolve("own/nami.safetensors"))) {
      assertThat(file.metadata())
          .containsEntry("ss_learning_rate", "None")
          .containsEntry("ss_unet_lr", "None")
          .containsEntry("ss_lr_scheduler", "adafactor:0.0001")
          .containsEntry("ss_optimizer", "transformers.optimization.Adafactor(relative_step=True)");
    }
  }

  private static List<String> flags(String output, String words) {
    List<String> more = new ArrayList<>(List.of(SHORT));
    more.addAll(List.of(words.split(" ")));
    return TinyRun.flags("plain.toml", output, more.toArray(String[]::new));
  }
}
