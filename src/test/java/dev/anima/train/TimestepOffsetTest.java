package dev.anima.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.anima.io.InputException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// `timestep_offset` of a subset.
class TimestepOffsetTest {
  @TempDir Path folder;
  private TinyRun runs;

  @BeforeEach
  void lay() throws IOException {
    runs = new TinyRun(folder);
  }

  private List<Double> averages(String name, String general) throws IOException {
    String text = Files.readString(folder.resolve("article.toml"));
    Files.writeString(
        folder.resolve(name + ".toml"), text.replace("[general]", "[general]\n" + general));
    runs.averages.clear();
    runs.train(
        TinyRun.flags(
            name + ".toml", name, "--network_train_unet_only", "--max_train_steps=3", "--seed=5"));
    return List.copyOf(runs.averages);
  }

  @Test
  void itMovesTrainingAndNothingElse() throws IOException {
    List<Double> plain = averages("plain", "");

    assertThat(averages("none", "timestep_offset = 0")).isEqualTo(plain);
    assertThat(averages("moved", "timestep_offset = 200.0")).isNotEqualTo(plain).hasSize(3);
  }

  @Test
  void anOffsetBeyondTheTimestepsIsRefused() {
    assertThatThrownBy(() -> averages("far", "timestep_offset = -1000"))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("timestep_offset must be between -1000 and 1000");
  }
}
