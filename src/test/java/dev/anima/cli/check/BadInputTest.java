package dev.anima.cli.check;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.anima.Golden;
import dev.anima.cli.Console;
import dev.anima.cli.Main;
import dev.anima.io.InputException;
import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Every mistake: exit code 2, one clear sentence for each problem, no stack trace.
class BadInputTest {
  private static final String DATA = "--dataset_config=data.toml";

  @TempDir Path temp;
  private Desk desk;

  @BeforeEach
  void layOut() {
    desk = new Desk(temp);
    desk.folder("images", 2);
    desk.config("images");
  }

  /// The problems of this run, which are the same in JSON and as text.
  private List<String> problems(String... words) {
    Desk.Outcome json = desk.checkJson(words);
    assertThat(json.exitCode()).isEqualTo(2);
    Desk.Outcome text = desk.checkRun(words);
    assertThat(text.exitCode()).isEqualTo(2);
    assertThat(text.out()).isEmpty();
    assertThat(text.err().strip().lines())
        .containsExactlyElementsOf(String.join("\n", json.errors()).lines().toList());
    assertThat(text.err()).doesNotContain("Exception", "\tat ");
    return json.errors();
  }

  private String problem(String... words) {
    List<String> problems = problems(words);
    assertThat(problems).hasSize(1);
    return problems.getFirst();
  }

  @Test
  void nothingIsWrongWithTheDeskItself() {
    Desk.Outcome outcome = desk.checkJson(DATA, "--max_train_epochs=2");
    assertThat(outcome.errors()).isEmpty();
    assertThat(outcome.exitCode()).isZero();
  }

  @Test
  void misspeltFlag() {
    assertThat(problem(DATA, "--netwerk_dim=4")).contains("--netwerk_dim", "--network_dim");
  }

  @Test
  void startingWeightsThatDoNotFit() {
    String start =
        "--network_weights=" + Golden.path("training/lora_init_dit.safetensors").toString();
    assertThat(problem(DATA, start, "--network_dim=8", "--max_train_steps=1"))
        .contains("has rank 4, expected 8", "--network_dim 4");
    assertThat(problem(DATA, start, "--network_module=networks.loha", "--max_train_steps=1"))
        .contains("is a LoRA, expected a LoHa", "--network_module networks.lora_anima");
  }

  @Test
  void wrongValues() {
    assertThat(problems(DATA, "--network_dim=four", "--max_train_epochs=two"))
        .hasSize(2)
        .allMatch(line -> line.contains("four") || line.contains("two"));
  }

  @Test
  void contradiction() {
    assertThat(problem(DATA, "--network_train_unet_only", "--network_train_text_encoder_only"))
        .contains("--network_train_unet_only", "--network_train_text_encoder_only");
  }

  @Test
  void unknownOptimizer() {
    assertThat(problem(DATA, "--optimizer_type=AdamW8bits")).contains("AdamW8bit");
  }

  @Test
  void severalProblemsAtOnce() {
    desk.bytes("images/broken.png", new byte[0]);
    assertThat(problems(DATA, "--qwen3=nowhere.safetensors", "--vae=models/dit.safetensors"))
        .hasSize(3)
        .anyMatch(line -> line.contains("nowhere.safetensors"))
        .anyMatch(line -> line.contains("--vae") && line.contains("DiT"))
        .anyMatch(line -> line.contains("broken.png"));
  }

  @Test
  void missingModelFile() {
    assertThat(problem(DATA, "--vae=models/gone.safetensors"))
        .contains("--vae", "gone.safetensors");
  }

  @Test
  void noModelGiven() {
    Desk.Outcome outcome = desk.check(List.of(DATA, "--output_dir=out", "--json"));
    assertThat(outcome.exitCode()).isEqualTo(2);
    assertThat(outcome.errors())
        .anyMatch(line -> line.contains("--pretrained_model_name_or_path is missing"))
        .anyMatch(line -> line.contains("--qwen3 is missing"))
        .anyMatch(line -> line.contains("--vae is missing"));
    // What could be found is told all the same.
    assertThat(outcome.json().get("images").intValue()).isEqualTo(2);
  }

  @Test
  void vaeGivenAsDit() {
    assertThat(problem(DATA, "--pretrained_model_name_or_path=models/vae.safetensors"))
        .contains("--pretrained_model_name_or_path", "Qwen-Image VAE", "Anima DiT");
  }

  @Test
  void truncatedModel() {
    byte[] whole = Desk.read(temp.resolve("models/dit.safetensors"));
    desk.bytes("models/dit.safetensors", Arrays.copyOf(whole, whole.length / 2));
    assertThat(problem(DATA)).contains("dit.safetensors");
  }

  @Test
  void lyingModel() {
    byte[] whole = Desk.read(temp.resolve("models/qwen3.safetensors"));
    whole[6] = 0x7F; // a header of exabytes
    desk.bytes("models/qwen3.safetensors", whole);
    assertThat(problem(DATA)).contains("qwen3.safetensors");
  }

  @Test
  void keyWithATypo() {
    desk.text(
        "data.toml",
        "[[datasets]]\nresolution = 64\n[[datasets.subsets]]\nimage_dir = 'images'\nnum_repeat = 2\n");
    assertThat(problem(DATA)).contains("data.toml:5", "num_repeat", "num_repeats");
  }

  @Test
  void valueOfTheWrongType() {
    desk.text(
        "data.toml",
        "[[datasets]]\nresolution = 64\nbatch_size = 'one'\n[[datasets.subsets]]\nimage_dir = 'images'\n");
    assertThat(problem(DATA)).contains("data.toml:3", "batch_size");
  }

  @Test
  void duplicateKey() {
    desk.text(
        "data.toml",
        "[[datasets]]\nresolution = 64\nresolution = 96\n[[datasets.subsets]]\nimage_dir = 'images'\n");
    assertThat(problem(DATA)).contains("data.toml:3", "resolution");
  }

  @Test
  void folderWithoutImages() {
    desk.text("images2/readme.md", "nothing here");
    desk.config("images2");
    assertThat(problem(DATA)).contains("no images");
  }

  /// The pictures were forgotten, or lie in another folder.
  @Test
  void folderWithCaptionsOnly() {
    desk.text("captions/a.txt", "1girl");
    desk.text("captions/b.txt", "1girl, hat");
    desk.config("images", "captions");
    Desk.Outcome beside = desk.checkJson(DATA, "--max_train_epochs=60");
    assertThat(beside.exitCode()).isZero();
    assertThat(beside.warnings())
        .anySatisfy(line -> assertThat(line).contains("captions", "no image"));
    desk.config("captions");
    assertThat(problem(DATA)).contains("no images");
  }

  @Test
  void folderThatIsNotThere() {
    desk.config("elsewhere");
    assertThat(problem(DATA)).contains("data.toml", "elsewhere", "does not exist");
  }

  @Test
  void emptyImage() {
    desk.bytes("images/empty.png", new byte[0]);
    assertThat(problem(DATA)).contains("empty.png", "0 bytes");
  }

  @Test
  void truncatedImages() throws IOException {
    for (String format : List.of("png", "jpg", "bmp")) {
      ByteArrayOutputStream bytes = new ByteArrayOutputStream();
      ImageIO.write(new BufferedImage(300, 300, BufferedImage.TYPE_INT_RGB), format, bytes);
      byte[] half = Arrays.copyOf(bytes.toByteArray(), bytes.size() / 2);
      desk.bytes("images/half." + format, half);
    }
    assertThat(problems(DATA)).hasSize(3).allMatch(line -> line.contains("cut off"));
  }

  @Test
  void imageThatIsSomethingElse() {
    desk.text("images/page.jpg", "<html>not found</html>");
    assertThat(problem(DATA)).contains("page.jpg", "web page");
  }

  @Test
  void wrongExtensionIsNoProblem() throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    ImageIO.write(new BufferedImage(64, 64, BufferedImage.TYPE_INT_RGB), "jpg", bytes);
    desk.bytes("images/really_a.png", bytes.toByteArray());
    assertThat(desk.checkJson(DATA).json().get("images").intValue()).isEqualTo(3);
  }

  @Test
  void hugeImage() throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    ImageIO.write(new BufferedImage(60_000, 3_000, BufferedImage.TYPE_BYTE_BINARY), "png", bytes);
    desk.bytes("images/wide.png", bytes.toByteArray());
    assertThat(problem(DATA)).contains("wide.png", "60000x3000");
  }

  @Test
  void emptyCaption() {
    desk.bytes("images/image000.txt", new byte[0]);
    assertThat(problem(DATA)).contains("image000.txt", "empty");
  }

  @Test
  void captionInAnotherEncoding() {
    desk.bytes("images/image001.txt", new byte[] {'c', 'a', 'f', (byte) 0xE9});
    assertThat(problem(DATA)).contains("image001.txt", "UTF-8");
  }

  @Test
  void outputFolderBelowAFile() {
    desk.text("taken", "a file");
    assertThat(problem(DATA, "--output_dir=taken/out")).contains("--output_dir", "taken", "file");
  }

  /// The answer is given by the test: the tests may run as a user who may write everywhere.
  @Test
  void outputFolderNotWritable() {
    Path locked = temp.resolve("images");
    assertThatThrownBy(() -> Outputs.checkWritable(locked, path -> !path.equals(locked)))
        .isInstanceOf(InputException.class)
        .hasMessage("--output_dir: %s is not writable for you", locked);
    assertThatThrownBy(
            () -> Outputs.checkWritable(locked.resolve("a/b"), path -> !path.equals(locked)))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("cannot be made, %s is not writable for you", locked);
    Outputs.checkWritable(locked.resolve("a/b"));
  }

  @Test
  void cachingThatCannotBe() {
    assertThat(problem(DATA, "--cache_latents", "--random_crop")).contains("random_crop");
  }

  @Test
  void everythingThroughTheProgramItself() {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    ByteArrayOutputStream err = new ByteArrayOutputStream();
    Console console =
        Console.of(
            new PrintStream(out, true, StandardCharsets.UTF_8),
            new PrintStream(err, true, StandardCharsets.UTF_8));
    int exitCode = Main.run(List.of("check", "--netwerk_dim=4", "--json"), console);
    assertThat(exitCode).isEqualTo(2);
    assertThat(out.toString(StandardCharsets.UTF_8)).contains("\"errors\"", "--network_dim");
    assertThat(err.toString(StandardCharsets.UTF_8))
        .contains("unknown flag --netwerk_dim")
        .doesNotContain("Exception");
    assertThat(Main.run(List.of("check", "--help"), console)).isZero();
    assertThat(out.toString(StandardCharsets.UTF_8)).contains("Usage: anima check");
  }
}
