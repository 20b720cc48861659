package dev.anima.cli.check;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;

class StepCountTest {
  @TempDir Path temp;
  private Desk desk;

  @BeforeEach
  void layOut() {
    desk = new Desk(temp);
  }

  /// The article's examples: images, epochs, steps.
  @ParameterizedTest(name = "{0}")
  @CsvSource({
    "Panchy Brief, 20, 60, 1200",
    "Nami, 21, 60, 1260",
    "Bibi Blocksberg, 30, 100, 3000",
    "Kyhu style, 65, 100, 6500",
    "Blues Brothers, 18, 75, 1350",
    "Poke Doll, 60, 30, 1800",
    "0w0, 30, 40, 1200",
    "Union Berlin, 20, 100, 2000",
    "Heart hands, 7, 20, 140"
  })
  void examplesOfTheArticle(String name, int images, int epochs, int steps) {
    desk.folder("images", images);
    desk.config("images");
    JsonNode json =
        desk.checkJson("--dataset_config=data.toml", "--max_train_epochs=" + epochs).json();
    assertThat(json.get("images").intValue()).isEqualTo(images);
    assertThat(json.get("batches_per_epoch").intValue()).isEqualTo(images);
    assertThat(json.get("epochs").intValue()).isEqualTo(epochs);
    assertThat(json.get("total_steps").intValue()).as(name).isEqualTo(steps);
  }

  /// Seven outfits whose repeats make twelve of each.
  @ParameterizedTest(name = "{0} epochs")
  @CsvSource({"75, 6300", "15, 1260", "10, 840"})
  void mayWithRepeats(int epochs, int steps) {
    for (String outfit : new String[] {"a", "b", "c", "d"}) {
      desk.folder(outfit, 12);
    }
    desk.folder("e", 4);
    desk.folder("f", 4);
    desk.folder("g", 3);
    desk.config("a", "b", "c", "d", "e*3", "f*3", "g*4");
    JsonNode json =
        desk.checkJson("--dataset_config=data.toml", "--max_train_epochs=" + epochs).json();
    assertThat(json.get("images").intValue()).isEqualTo(59);
    assertThat(json.get("entries_per_epoch").intValue()).isEqualTo(84);
    assertThat(json.get("total_steps").intValue()).isEqualTo(steps);
  }

  @Test
  void tellsHowManyWholeEpochsAPresetIs() {
    desk.folder("images", 21);
    desk.config("images");
    Desk.Outcome preset = desk.checkJson("--dataset_config=data.toml", "--preset=character");
    assertThat(preset.json().get("total_steps").intValue()).isEqualTo(1200);
    assertThat(preset.flag("max_train_steps").get("reason").stringValue())
        .endsWith("ends inside an epoch; --max_train_epochs=57 ends with one, after 1197 steps");
    Desk.Outcome own = desk.checkJson("--dataset_config=data.toml", "--max_train_steps=1200");
    assertThat(own.flag("max_train_steps").get("reason").stringValue()).isEmpty();
  }

  @Test
  void folderNamesCarryRepeats() {
    desk.folder("train/10_panchy", 2);
    JsonNode json =
        desk.checkJson(
                "--train_data_dir=train",
                "--resolution=64",
                "--caption_extension=.txt",
                "--max_train_epochs=3")
            .json();
    assertThat(json.get("total_steps").intValue()).isEqualTo(60);
    assertThat(json.get("files").get(0).get("repeats").intValue()).isEqualTo(10);
  }

  @Test
  void regularisationAndAccumulationCount() {
    desk.folder("images", 4);
    desk.folder("reg", 2);
    desk.config("images");
    desk.append(
        "data.toml",
        "[[datasets.subsets]]\nimage_dir = 'reg'\nis_reg = true\nclass_tokens = 'girl'\n");
    JsonNode json =
        desk.checkJson(
                "--dataset_config=data.toml",
                "--max_train_epochs=2",
                "--gradient_accumulation_steps=3")
            .json();
    assertThat(json.get("images").intValue()).isEqualTo(4);
    assertThat(json.get("reg_images").intValue()).isEqualTo(2);
    assertThat(json.get("batches_per_epoch").intValue()).isEqualTo(8);
    assertThat(json.get("steps_per_epoch").intValue()).isEqualTo(3);
    assertThat(json.get("total_steps").intValue()).isEqualTo(6);
  }

  @Test
  void retentionAndStatesAreInTheListOfFiles() {
    desk.folder("images", 2);
    desk.config("images");
    desk.text("out/lora.safetensors", "an older one");
    Desk.Outcome outcome =
        desk.checkJson(
            "--dataset_config=data.toml",
            "--max_train_epochs=3",
            "--save_every_n_epochs=1",
            "--save_last_n_epochs=1",
            "--save_state_on_train_end");
    JsonNode outputs = outcome.json().get("outputs");
    assertThat(
            outputs
                .valueStream()
                .map(o -> Path.of(o.get("path").stringValue()).getFileName().toString()))
        .containsExactly(
            "lora-000001.safetensors", "lora-000002.safetensors", "lora-state", "lora.safetensors");
    assertThat(outputs.valueStream().map(o -> o.get("kept").booleanValue()))
        .containsExactly(false, true, true, true);
    assertThat(outcome.json().get("warnings").get(0).get("code").stringValue())
        .isEqualTo("overwrites");
  }
}
