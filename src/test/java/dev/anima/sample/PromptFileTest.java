package dev.anima.sample;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.anima.Golden;
import dev.anima.io.InputException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.OptionalLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class PromptFileTest {
  @TempDir Path folder;

  private PromptFile read(String name, String text) throws IOException {
    return PromptFile.read(Files.writeString(folder.resolve(name), text));
  }

  private SamplePrompt line(String line) throws IOException {
    return read("prompts.txt", line).prompts().getFirst();
  }

  @Test
  void readsTheRecordedRunsFile() {
    PromptFile file = PromptFile.read(Golden.path("training/e2e/prompts.txt"));

    assertThat(file.warnings()).isEmpty();
    assertThat(file.prompts())
        .containsExactly(
            new SamplePrompt(
                0,
                "panchy, 1girl, smile",
                "worst quality, low quality",
                96,
                128,
                OptionalLong.of(7),
                4,
                4.5,
                3),
            new SamplePrompt(1, "kyhu style, landscape", "", 64, 64, OptionalLong.of(8), 3, 1, 3));
  }

  @Test
  void aBarePromptHasTheReferencesDefaults() throws IOException {
    assertThat(line("1girl, smile"))
        .isEqualTo(
            new SamplePrompt(0, "1girl, smile", "", 512, 512, OptionalLong.empty(), 30, 7.5, 3));
  }

  @Test
  void readsEveryOptionInAnyCase() throws IOException {
    SamplePrompt prompt =
        line("a -- b, x --W 640 --h 480 --D 18446744073709551615 --s 12 --l 3.5 --n bad, x --fs 5");

    assertThat(prompt)
        .isEqualTo(new SamplePrompt(0, "a", "bad, x", 640, 480, OptionalLong.of(-1), 12, 3.5, 5.0));
    assertThat(prompt.parameters())
        .isEqualTo(
            """
            a
            Negative prompt: bad, x
            Steps: 12, Sampler: Euler, CFG scale: 3.5, Seed: 18446744073709551615, Size: 640x480, \
            Shift: 5\
            """);
  }

  @ParameterizedTest
  @CsvSource({"500, 496", "512, 512", "64, 64", "79, 64", "10, 64", "0, 64"})
  void sidesAreFlooredToSixteen(int typed, int side) throws IOException {
    assertThat(line("x --w " + typed).width()).isEqualTo(side);
    assertThat(line("x --h " + typed).height()).isEqualTo(side);
  }

  @Test
  void stepsAreClamped() throws IOException {
    assertThat(line("x --s 0").steps()).isEqualTo(1);
    assertThat(line("x --s 99999999999").steps()).isEqualTo(1000);
  }

  // The reference takes each of these beginnings for an option.
  @ParameterizedTest
  @ValueSource(strings = {"n girl, hat", "w 5, x", "s 20 people", "d 3", "l 1", "fs x"})
  void nothingBeforeTheFirstDashesIsAnOption(String text) throws IOException {
    assertThat(line(text + " --w 96"))
        .isEqualTo(new SamplePrompt(0, text, "", 96, 512, OptionalLong.empty(), 30, 7.5, 3));
  }

  @Test
  void skipsCommentsAndBlankLinesAndABom() throws IOException {
    PromptFile file = read("p.txt", "\uFEFF# comment\r\n\r\n  one  \r\n   \n #two\n");

    assertThat(file.prompts()).extracting(SamplePrompt::prompt).containsExactly("one", "#two");
    assertThat(file.prompts()).extracting(SamplePrompt::number).containsExactly(0, 1);
    assertThat(file.prompts()).extracting(SamplePrompt::noiseSeed).containsExactly(1L, 2L);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "--steps 5      | unknown option --steps is ignored | did you mean --s?",
        "--width 640    | unknown option --width is ignored | did you mean --w?",
        "--heigth 640   | unknown option --heigth is ignored | did you mean --h?",
        "--seed 1       | unknown option --seed is ignored | did you mean --d?",
        "--cfg 1        | unknown option --cfg is ignored | did you mean --l?",
        "--neg x        | unknown option --neg is ignored | did you mean --n?",
        "--shift 2      | unknown option --shift is ignored | did you mean --fs?",
        "--q 2          | unknown option --q is ignored | options are --n (negative_prompt), --w",
        "--g 3          | --g has no effect | guidance is --l",
        "--ss euler_a   | --ss has no effect | Euler",
        "--am 0.5       | --am has no effect | as trained",
        "--d -1         | --d -1 is ignored | expected a number",
        "--l 1.2.3      | --l 1.2.3 is ignored | expected a number",
        "--w            | option --w has no value | ignored",
        "--fs           | option --fs has no value | ignored"
      })
  void whatTheReferenceDropsIsAWarning(String option, String message, String more)
      throws IOException {
    PromptFile file = read("p.txt", "# one\nx " + option + "\n");

    assertThat(file.warnings()).singleElement().asString().contains("p.txt:2: ", message, more);
    assertThat(file.prompts())
        .containsExactly(new SamplePrompt(0, "x", "", 512, 512, OptionalLong.empty(), 30, 7.5, 3));
  }

  @Test
  void aNumberWithMoreBehindItIsReadAndTold() throws IOException {
    PromptFile file = read("p.txt", "x --w 640px --l 7,5");

    assertThat(file.prompts().getFirst().width()).isEqualTo(640);
    assertThat(file.prompts().getFirst().scale()).isEqualTo(7);
    assertThat(file.warnings()).hasSize(2).first().asString().contains("--w 640px is read as 640");
  }

  @Test
  void aLineMayBeginWithAnOption() throws IOException {
    assertThat(line("--w 96 --n x").prompt()).isEmpty();
    assertThat(line("--w 96 --n x").negative()).isEqualTo("x");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "--fs abc    | flow_shift is \"abc\", expected a number",
        "--fs 0      | flow_shift is \"0\", expected a number above 0",
        "--w 99999   | width is \"99999\", expected at most 16384 pixels"
      })
  void whatCannotBeDrawnIsAProblem(String option, String message) {
    assertThatThrownBy(() -> read("p.txt", "x\ny " + option))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("p.txt:2: " + message);
  }

  @Test
  void readsToml() throws IOException {
    PromptFile file =
        read(
            "p.toml",
            """
            [prompt]
            width = 768
            sample_steps = 20
            negative_prompt = "bad"
            colour = 3

            [[prompt.subset]]
            prompt = "one --w 3"
            seed = 5

            [[prompt.subset]]
            prompt = "two"
            width = 1000
            scale = 1
            flow_shift = "2.5"
            """);

    assertThat(file.prompts())
        .containsExactly(
            new SamplePrompt(0, "one --w 3", "bad", 768, 512, OptionalLong.of(5), 20, 7.5, 3),
            new SamplePrompt(1, "two", "bad", 992, 512, OptionalLong.empty(), 20, 1, 2.5));
    assertThat(file.warnings())
        .singleElement()
        .asString()
        .contains("p.toml:5: unknown key colour is ignored", "prompt, negative_prompt, width");
  }

  @Test
  void readsJson() throws IOException {
    PromptFile file =
        read(
            "p.json",
            """
            [
              {"prompt": "one", "width": 768, "height": 768.0, "seed": null, "scale": 4,
               "step": 3, "sample_sampler": "ddim", "nested": [1, {"a": 2}]},
              "two --w 96 --d 3"
            ]
            """);

    assertThat(file.prompts())
        .containsExactly(
            new SamplePrompt(0, "one", "", 768, 768, OptionalLong.empty(), 30, 4, 3),
            new SamplePrompt(1, "two", "", 96, 512, OptionalLong.of(3), 30, 7.5, 3));
    assertThat(file.warnings()).hasSize(3);
    assertThat(file.warnings().getFirst())
        .contains("p.json:3: unknown key step is ignored", "did you mean sample_steps?");
    assertThat(file.warnings().get(2)).contains("unknown key nested is ignored");
  }

  @Test
  void tellsAllProblemsWithTheirLines() {
    assertThatThrownBy(() ->
            read(
                "p.json",
                """
                [
                  {"width": "wide"},
                  {"prompt": 3, "sample_steps": 2.5},
                  7
                ]
                """))
        .isInstanceOf(InputException.class)
        .hasMessageContainingAll(
            "p.json:2: width is \"wide\", expected a whole number",
            "p.json:3: prompt is 3, expected a text",
            "p.json:3: sample_steps is 2.5, expected a whole number",
            "p.json:4: expected an array of objects");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "p.toml | [prompt]                     | expected a table [prompt]",
        "p.toml | prompt = [                   | p.toml:1: ",
        "p.toml | [prompt]~subset = [1]        | p.toml:2: expected a table [prompt]",
        "p.json | {\"prompt\": \"x\"}          | p.json:1: expected an array",
        "p.json | [{\"prompt\": \"x\",}]       | p.json:1: ",
        "p.json | [~{\"prompt\": \"x\"         | p.json:2: ",
        "p.json | [] []                        | p.json:1: there is more text",
        "p.json | []                           | holds no prompt",
        "p.txt  | # only                       | holds no prompt",
        "p.yaml | x                            | end in .txt, .toml or .json",
        "p.json | [{\"width\": 1e999999999}]   | p.json:1: width is",
        "p.json | [{\"width\": \"1e2147483647\"}] | p.json:1: width is"
      })
  void badFilesAreRefused(String name, String text, String message) {
    assertThatThrownBy(() -> read(name, text.replace('~', '\n')))
        .isInstanceOf(InputException.class)
        .hasMessageContaining(message);
  }

  @Test
  void aMissingFileAndOtherTextAreRefused() throws IOException {
    Path latin = folder.resolve("p.txt");
    Files.write(latin, "caf\u00e9".getBytes(StandardCharsets.ISO_8859_1));

    assertThatThrownBy(() -> PromptFile.read(latin))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("is not UTF-8 text");
    assertThatThrownBy(() -> PromptFile.read(folder.resolve("none.txt")))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("none.txt: cannot be read");
  }

  @Test
  void listsCannotBeChanged() throws IOException {
    List<SamplePrompt> prompts = read("p.txt", "x").prompts();
    assertThatThrownBy(prompts::clear).isInstanceOf(UnsupportedOperationException.class);
  }
}
