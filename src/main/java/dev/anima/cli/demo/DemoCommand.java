package dev.anima.cli.demo;

import dev.anima.cli.Console;
import dev.anima.cli.ExitCode;
import dev.anima.cli.Progress;
import dev.anima.cli.TrainCommand;
import dev.anima.config.FlagsReader;
import dev.anima.dataset.TrainingImage;
import dev.anima.engine.Device;
import dev.anima.engine.Dtype;
import dev.anima.engine.Libtorch;
import dev.anima.io.ImageFile;
import dev.anima.io.Pixels;
import dev.anima.io.PngWriter;
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
import dev.anima.sample.ContactSheet;
import dev.anima.sample.PromptContexts;
import dev.anima.sample.SamplePictures;
import dev.anima.sample.SamplePrompt;
import dev.anima.train.HeldOutLoss;
import dev.anima.train.TrainSetup;
import dev.anima.train.TrainedModel;
import java.awt.image.BufferedImage;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.OptionalLong;
import java.util.Set;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/// `anima demo`: the two-minute tour on the model and dataset that come with the program.
@Command(
    name = "demo",
    description = "Trains a LoRA on the built-in model and pictures, and shows what it learnt.")
public final class DemoCommand implements Callable<Integer> {
  private static final List<String> OUTFITS = List.of("pimidress", "pimihoodie", "pimioveralls");
  private static final List<String> PROMPTS =
      List.of(
          "pimi, 1girl, pimidress, solo, smile, upper body, white background",
          "pimi, 1girl, pimihoodie, solo, open mouth, portrait, blue background",
          "pimi, 1girl, pimioveralls, solo, smile, upper body, yellow background");

  private final Console console;

  @Option(
      names = "--out",
      paramLabel = "DIR",
      description = "where everything goes (default: ${DEFAULT-VALUE})",
      defaultValue = "anima-demo")
  private Path out = Path.of("anima-demo");

  public DemoCommand(Console console) {
    this.console = console;
  }

  /// The model without and with the LoRA.
  private record State(List<BufferedImage> pictures, double heldOutLoss) {}

  @Override
  public Integer call() {
    // One picture of 128 pixels is too small for several threads to help each other.
    Libtorch.threads(1);
    DemoFiles files = new DemoFiles(out.toAbsolutePath().normalize());
    console.report("1/6 unpacking the demo model and dataset into " + files.folder());
    files.unpack();
    console.report("2/6 " + DemoTags.write(files));
    TrainSetup setup =
        TrainSetup.of(FlagsReader.read(files.trainFlags(), files.folder()).flags(), files.folder());
    List<TrainingImage> heldOut =
        setup.data().validation().stream().flatMap(dataset -> dataset.images().stream()).toList();
    HeldOutLoss loss = new HeldOutLoss(heldOut);
    console.report(
        "3/6 checked: %d pictures to train on, %d held out, %d batches an epoch, %d steps"
            .formatted(
                setup.data().training().stream().mapToInt(dataset -> dataset.images().size()).sum(),
                heldOut.size(),
                setup.plan().batchesPerEpoch(),
                setup.plan().totalSteps()));

    console.report("4/6 pictures before training");
    State before = state(files, null, loss);
    console.report("5/6 training");
    int exitCode = TrainCommand.train(setup, console);
    if (exitCode != ExitCode.OK) {
      return exitCode;
    }
    Path lora = files.loraFolder().resolve("pimi.safetensors");
    console.report("6/6 pictures after training");
    State after = state(files, lora, loss);
    writeSheet(files, before, after, setup.plan().totalSteps());

    console.print("");
    console.print(
        String.format(
            Locale.ROOT,
            "held-out loss: %.4f before, %.4f after (%d pictures the training never saw)",
            before.heldOutLoss(),
            after.heldOutLoss(),
            loss.images()));
    console.print("before and after: " + files.sheet());
    console.print("the LoRA:         " + lora);
    console.print("the model:        " + files.dit().getParent());
    console.print("the dataset:      " + files.dataset().getParent());
    console.print("tags:             " + files.tags() + " (by the tagger, beside the captions)");
    console.print("loss curves:      " + files.logs() + " (for TensorBoard)");
    return ExitCode.OK;
  }

  /// Draws the prompts and measures the held-out pictures.
  ///
  /// @param lora null for the model alone
  private State state(DemoFiles files, @Nullable Path lora, HeldOutLoss heldOut) {
    Placement placement = Placement.CPU_F32;
    try (AnimaDit dit = AnimaDit.load(files.dit(), placement);
        Qwen3 qwen3 = Qwen3.load(files.qwen3(), placement);
        QwenImageVae vae = QwenImageVae.load(files.vae(), placement, QwenImageVae.Half.BOTH, 0);
        Tokenizers tokenizers = new Tokenizers(files.qwen3());
        PromptContexts contexts =
            new PromptContexts(tokenizers, qwen3, dit, PromptContexts.Lengths.DEFAULT)) {
      if (lora == null) {
        return state(dit, Adapters.NONE, contexts, vae, heldOut, files);
      }
      LoraPlan.Layers layers = TrainedModel.layers(files.dit(), files.qwen3());
      try (LoraFile file = LoraFile.open(lora, LoraKeys.of(layers));
          LoraSet set =
              LoraSet.frozen(
                  NetworkWeights.plan(file, layers, Set.of(Network.DIT)).trained(),
                  Device.CPU,
                  Dtype.F32)) {
        var _ = NetworkWeights.load(set, file, NetworkWeights.AlphaRule.CONSISTENT);
        return state(dit, set.evaluating(Network.DIT, 1), contexts, vae, heldOut, files);
      }
    }
  }

  private State state(
      AnimaDit dit,
      Adapters adapters,
      PromptContexts contexts,
      QwenImageVae vae,
      HeldOutLoss heldOut,
      DemoFiles files) {
    List<BufferedImage> pictures = new ArrayList<>();
    // The round closes the VAE it is given, so it gets one of its own.
    try (Progress progress = console.progress("drawing", PROMPTS.size(), "pictures");
        SamplePictures round =
            new SamplePictures(
                dit,
                adapters,
                contexts,
                () ->
                    QwenImageVae.load(
                        files.vae(), Placement.CPU_F32, QwenImageVae.Half.DECODER, 0))) {
      for (int i = 0; i < PROMPTS.size(); i++) {
        pictures.add(round.draw(prompt(i), SamplePictures.Listener.NONE).orElseThrow());
        progress.at(i + 1L, "");
      }
    }
    return new State(pictures, heldOut.of(dit, adapters, contexts, vae));
  }

  private static SamplePrompt prompt(int number) {
    return new SamplePrompt(
        number, PROMPTS.get(number), "", 128, 128, OptionalLong.of(7 + number), 20, 4, 3);
  }

  private static void writeSheet(DemoFiles files, State before, State after, int steps) {
    List<ContactSheet.Row> rows = new ArrayList<>();
    for (int i = 0; i < PROMPTS.size(); i++) {
      rows.add(
          new ContactSheet.Row(
              PROMPTS.get(i),
              List.of(before.pictures().get(i), after.pictures().get(i), example(files, i))));
    }
    BufferedImage sheet =
        ContactSheet.draw(
            "anima demo: the character pimi, learnt in " + steps + " steps",
            List.of("before (same seed)", "after (same seed)", "a training picture"),
            rows,
            List.of(
                String.format(
                    Locale.ROOT,
                    "held-out loss %.4f before, %.4f after",
                    before.heldOutLoss(),
                    after.heldOutLoss())),
            2);
    PngWriter.write(files.sheet(), pixels(sheet));
  }

  private static BufferedImage example(DemoFiles files, int row) {
    String outfit = OUTFITS.get(row);
    Pixels pixels =
        ImageFile.load(files.dataset().resolveSibling(outfit).resolve(outfit + "_01.png"));
    return ContactSheet.fit(pixels, 128);
  }

  private static Pixels pixels(BufferedImage image) {
    byte[] bytes = new byte[3 * image.getWidth() * image.getHeight()];
    int[] packed =
        image.getRGB(0, 0, image.getWidth(), image.getHeight(), null, 0, image.getWidth());
    for (int i = 0; i < packed.length; i++) {
      bytes[3 * i] = (byte) (packed[i] >> 16);
      bytes[3 * i + 1] = (byte) (packed[i] >> 8);
      bytes[3 * i + 2] = (byte) packed[i];
    }
    return new Pixels(image.getWidth(), image.getHeight(), 3, bytes);
  }
}
