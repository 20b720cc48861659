package dev.anima.sample;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.anima.Golden;
import dev.anima.engine.Device;
import dev.anima.engine.Dtype;
import dev.anima.io.InputException;
import dev.anima.io.SafetensorsFile;
import dev.anima.lora.LinearModules;
import dev.anima.lora.LoraFile;
import dev.anima.lora.LoraKeys;
import dev.anima.lora.LoraPlan;
import dev.anima.lora.LoraSet;
import dev.anima.lora.Network;
import dev.anima.lora.NetworkWeights;
import dev.anima.model.Adapters;
import dev.anima.model.Placement;
import dev.anima.model.dit.AnimaDit;
import dev.anima.model.text.Qwen3;
import dev.anima.model.text.Tokenizers;
import dev.anima.model.vae.QwenImageVae;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// Pictures of the tiny models under the LoRA of the recorded run.
class SamplePicturesTest {
  private static final Path E2E = Golden.path("training/e2e");
  private static final Path DIT = Golden.path("tiny/dit.safetensors");
  private static final Path QWEN3 = Golden.path("tiny/qwen3.safetensors");
  private static final Clock CLOCK =
      Clock.fixed(Instant.parse("2026-01-31T23:59:58Z"), ZoneOffset.UTC);
  private static final List<SamplePrompt> PROMPTS =
      PromptFile.read(E2E.resolve("prompts.txt")).prompts();

  private static Tokenizers tokenizers;
  private static Qwen3 qwen3;
  private static AnimaDit dit;
  private static PromptContexts contexts;

  @TempDir Path folder;

  @BeforeAll
  static void load() {
    tokenizers = new Tokenizers(QWEN3);
    qwen3 = Qwen3.load(QWEN3, Placement.CPU_F32);
    dit = AnimaDit.load(DIT, Placement.CPU_F32);
    contexts = new PromptContexts(tokenizers, qwen3, dit, new PromptContexts.Lengths(96, 64));
  }

  @AfterAll
  static void close() {
    contexts.close();
    dit.close();
    qwen3.close();
    tokenizers.close();
  }

  private static QwenImageVae vae() {
    return QwenImageVae.load(
        Golden.path("tiny/vae.safetensors"), Placement.CPU_F32, QwenImageVae.Half.DECODER, 0);
  }

  private SampleNames names() {
    return new SampleNames(folder, Optional.of("plain"), CLOCK);
  }

  @ParameterizedTest(name = "step {0}")
  @CsvSource({"3, plain-step00000003.safetensors", "6, plain-step00000006.safetensors"})
  void drawsWhatTheReferenceDrew(int step, String lora) throws IOException {
    List<Path> files;
    try (LoraSet set = load(E2E.resolve("output").resolve(lora));
        SamplePictures round =
            new SamplePictures(
                dit, set.evaluating(Network.DIT, 1), contexts, SamplePicturesTest::vae)) {
      files =
          round.write(
              PROMPTS,
              names(),
              new SampleNames.Moment.AfterStep(step),
              SamplePictures.Listener.NONE);
    }

    assertThat(files)
        .containsExactly(
            folder.resolve("sample/plain_00000%d_00_20260131235958_7.png".formatted(step)),
            folder.resolve("sample/plain_00000%d_01_20260131235958_8.png".formatted(step)));
    for (int i = 0; i < files.size(); i++) {
      String recorded = "output/plain_00000%d_0%d_%d.png".formatted(step, i, 7 + i);
      BufferedImage expected = read(E2E.resolve(recorded));
      assertThat(levelsApart(read(files.get(i)), expected)).as(recorded).isLessThanOrEqualTo(1);
    }
  }

  // Without this the test above might compare pictures that the LoRA hardly changes.
  @Test
  void theLoraChangesThePicture() throws IOException {
    try (SamplePictures round =
        new SamplePictures(dit, Adapters.NONE, contexts, SamplePicturesTest::vae)) {
      BufferedImage plain =
          round.draw(PROMPTS.getFirst(), SamplePictures.Listener.NONE).orElseThrow();
      assertThat(levelsApart(plain, read(E2E.resolve("output/plain_000003_00_7.png"))))
          .isGreaterThan(1);
    }
  }

  private static LoraSet load(Path file) {
    LoraPlan.Layers layers;
    try (SafetensorsFile ditFile = SafetensorsFile.open(DIT);
        SafetensorsFile qwen3File = SafetensorsFile.open(QWEN3)) {
      layers =
          new LoraPlan.Layers(LinearModules.ofTextEncoder(qwen3File), LinearModules.ofDit(ditFile));
    }
    try (LoraFile lora = LoraFile.open(file, LoraKeys.of(layers))) {
      LoraPlan plan = NetworkWeights.plan(lora, layers, Set.of(Network.DIT));
      LoraSet set = LoraSet.frozen(plan.trained(), Device.CPU, Dtype.F32);
      NetworkWeights.load(set, lora, NetworkWeights.AlphaRule.CONSISTENT);
      return set;
    }
  }

  private static BufferedImage read(Path file) throws IOException {
    return ImageIO.read(file.toFile());
  }

  private static int levelsApart(BufferedImage a, BufferedImage b) {
    assertThat(List.of(a.getWidth(), a.getHeight()))
        .isEqualTo(List.of(b.getWidth(), b.getHeight()));
    int apart = 0;
    for (int y = 0; y < a.getHeight(); y++) {
      for (int x = 0; x < a.getWidth(); x++) {
        for (int shift = 0; shift <= 16; shift += 8) {
          int levelA = (a.getRGB(x, y) >> shift) & 0xFF;
          int levelB = (b.getRGB(x, y) >> shift) & 0xFF;
          apart = Math.max(apart, Math.abs(levelA - levelB));
        }
      }
    }
    return apart;
  }

  @Test
  void aRoundLoadsTheVaeOnceAndTellsWhatItDoes() throws IOException {
    List<String> heard = new ArrayList<>();
    int[] loads = {0};
    SamplePictures.Listener listener =
        new SamplePictures.Listener() {
          @Override
          public boolean stepDone(SamplePrompt prompt, int step) {
            heard.add(prompt.number() + " step " + step);
            return true;
          }

          @Override
          public void written(SamplePrompt prompt, Path file) {
            heard.add(prompt.number() + " written " + Files.exists(file));
          }
        };
    try (SamplePictures round =
        new SamplePictures(
            dit,
            Adapters.NONE,
            contexts,
            () -> {
              loads[0]++;
              return vae();
            })) {
      assertThat(loads[0]).isZero();
      List<Path> files =
          round.write(
              List.of(small(0, 2), small(1, 1)),
              new SampleNames(folder, Optional.empty(), CLOCK),
              new SampleNames.Moment.AfterEpoch(0),
              listener);
      assertThat(files.getFirst()).hasFileName("e000000_00_20260131235958.png");
      assertThat(Files.readString(files.getFirst(), StandardCharsets.ISO_8859_1))
          .contains(
              "iTXtparameters", "Steps: 2, Sampler: Euler, CFG scale: 1, Seed: 1, Size: 64x64");
    }
    assertThat(loads[0]).isEqualTo(1);
    assertThat(heard)
        .containsExactly("0 step 1", "0 step 2", "0 written true", "1 step 1", "1 written true");
  }

  /// The clock stands still here; on a user's machine it may be set back.
  @Test
  void aRoundNeverReplacesAPictureOfAnEarlierOne() throws IOException {
    for (String name : List.of("e000001_00_20260131235958", "e000001_00_20260131235958_2")) {
      try (SamplePictures round = new SamplePictures(dit, Adapters.NONE, contexts, () -> vae())) {
        List<Path> files =
            round.write(
                List.of(small(0, 1)),
                new SampleNames(folder, Optional.empty(), CLOCK),
                new SampleNames.Moment.AfterEpoch(1),
                SamplePictures.Listener.NONE);
        assertThat(files).singleElement().asString().endsWith(name + ".png");
      }
    }
  }

  private static SamplePrompt small(int number, int steps) {
    return new SamplePrompt(number, "", "", 64, 64, OptionalLong.empty(), steps, 1, 3);
  }

  @Test
  void stoppingKeepsWhatIsFinishedAndNothingElse() throws IOException {
    SamplePictures.Listener listener =
        new SamplePictures.Listener() {
          @Override
          public boolean stepDone(SamplePrompt prompt, int step) {
            return prompt.number() == 0;
          }
        };
    try (SamplePictures round =
        new SamplePictures(dit, Adapters.NONE, contexts, SamplePicturesTest::vae)) {
      List<Path> files =
          round.write(
              List.of(small(0, 1), small(1, 9), small(2, 1)),
              names(),
              new SampleNames.Moment.AfterStep(12),
              listener);

      assertThat(files).hasSize(1);
      assertThat(folder.resolve("sample")).isDirectoryContaining(files.getFirst()::equals);
      try (var list = Files.list(folder.resolve("sample"))) {
        assertThat(list).hasSize(1);
      }
    }
  }

  @Test
  void aPromptWithoutSeedIsThePictureOfItsPosition() {
    try (SamplePictures round =
        new SamplePictures(dit, Adapters.NONE, contexts, SamplePicturesTest::vae)) {
      BufferedImage first = draw(round, small(0, 1));
      assertThat(levelsApart(first, draw(round, small(0, 1)))).isZero();
      assertThat(levelsApart(first, draw(round, small(1, 1)))).isPositive();
    }
  }

  private static BufferedImage draw(SamplePictures round, SamplePrompt prompt) {
    return round.draw(prompt, SamplePictures.Listener.NONE).orElseThrow();
  }

  @Test
  void aFolderThatCannotBeMadeIsTold() throws IOException {
    Files.writeString(folder.resolve("sample"), "in the way");
    try (SamplePictures round =
        new SamplePictures(dit, Adapters.NONE, contexts, SamplePicturesTest::vae)) {
      assertThatThrownBy(() ->
              round.write(
                  PROMPTS,
                  names(),
                  new SampleNames.Moment.AfterStep(1),
                  SamplePictures.Listener.NONE))
          .isInstanceOf(InputException.class)
          .hasMessageContaining("sample pictures cannot be made");
    }
  }

  @Test
  void aTextIsEncodedOnce() {
    assertThat(contexts.of("panchy")).isSameAs(contexts.of("panchy"));
    assertThat(contexts.of("panchy").shape()[1]).isEqualTo(64);
  }
}
