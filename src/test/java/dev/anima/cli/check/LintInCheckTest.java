package dev.anima.cli.check;

import static org.assertj.core.api.Assertions.assertThat;

import dev.anima.io.Pixels;
import dev.anima.io.PngWriter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LintInCheckTest {
  @TempDir Path temp;

  @Test
  void checkWarnsOfTheErrorsOfLint() throws IOException {
    Desk desk = new Desk(temp);
    Path folder = Files.createDirectories(temp.resolve("may"));
    for (int i = 0; i < 6; i++) {
      PngWriter.write(folder.resolve(i + ".png"), Pixels.blank(128, 128, 3));
      Files.writeString(folder.resolve(i + ".txt"), i == 0 ? "may, hat" : "may, grbk, tag" + i);
    }
    desk.text(
        "may.toml",
        """
        [general]
        resolution = 128
        caption_extension = '.txt'
        shuffle_caption = true
        keep_tokens = 2
        [[datasets]]
        [[datasets.subsets]]
        image_dir = 'may'
        """);
    List<String> words = new ArrayList<>(Desk.MODELS);
    words.addAll(
        List.of("--dataset_config=may.toml", "--network_module=networks.lora_anima", "--json"));
    assertThat(desk.check(words).warnings())
        .anyMatch(w -> w.startsWith("lint: \"grbk\" is missing") && w.contains("0.png"));
  }
}
