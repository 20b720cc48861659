package dev.anima.cli.lint;

import static org.assertj.core.api.Assertions.assertThat;

import dev.anima.config.DatasetConfig;
import dev.anima.config.FlagsReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class RunLintTest {
  @TempDir Path temp;

  private List<RunLint.Problem> errors(String caption) throws IOException {
    Path folder = Files.createDirectories(temp.resolve("may"));
    for (int i = 0; i < 8; i++) {
      Files.writeString(folder.resolve(i + ".png"), "x");
      Files.writeString(folder.resolve(i + ".txt"), i == 0 ? caption : "may, grbk, tag" + i);
    }
    Files.writeString(
        temp.resolve("x.toml"),
        """
        [general]
        caption_extension = '.txt'
        shuffle_caption = true
        keep_tokens = 2
        [[datasets]]
        resolution = 64
        [[datasets.subsets]]
        image_dir = 'may'
        """);
    DatasetConfig config =
        DatasetConfig.of(
            FlagsReader.read(List.of("--dataset_config", "x.toml"), temp).flags(), temp);
    return RunLint.errors(config, temp);
  }

  @Test
  void nothingIsToldOfGoodCaptions() throws IOException {
    assertThat(errors("may, grbk, hat")).isEmpty();
  }

  @Test
  void aMissingTriggerAndOneInTheWrongPlaceAreTold() throws IOException {
    assertThat(errors("may, hat"))
        .singleElement()
        .satisfies(problem -> assertThat(problem.code()).isEqualTo("trigger-missing"))
        .satisfies(problem -> assertThat(problem.message()).contains("\"grbk\"").contains("0.png"));
    assertThat(errors("hat, may, grbk"))
        .singleElement()
        .satisfies(problem -> assertThat(problem.code()).isEqualTo("trigger-position"));
  }
}
