package dev.anima.train.plan;

import dev.anima.config.Size;
import dev.anima.model.WeightStorage;
import dev.anima.model.dit.DitConfig;
import dev.anima.train.BlockMix;
import dev.anima.train.plan.RunShape.Bucket;
import dev.anima.train.plan.RunShape.Picture;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// The phases of a run and what each takes at its worst moment.
final class Phases {
  /// Captions that a card encodes at a time, see `TextPipeline`.
  private static final int CAPTIONS_TOGETHER = 32;

  private final RunShape run;
  private final Arithmetic arithmetic;

  Phases(RunShape run) {
    this.run = run;
    this.arithmetic = run.arithmetic();
  }

  /// All of them, in the order of the run.
  List<Phase> all(BlockMix mix) {
    List<Phase> phases = new ArrayList<>();
    cachingLatents().ifPresent(phases::add);
    cachingTexts().ifPresent(phases::add);
    phases.add(loading(mix));
    captionsAhead(mix).ifPresent(phases::add);
    for (Bucket bucket : run.buckets()) {
      phases.add(training(bucket, mix));
    }
    measuring(mix).ifPresent(phases::add);
    samples(mix).ifPresent(phases::add);
    phases.add(saving(mix));
    return phases;
  }

  /// Those on which the mix has no bearing, or little.
  long othersBytes(BlockMix mix) {
    long most = Math.max(loading(mix).bytes(), saving(mix).bytes());
    most = Math.max(most, cachingLatents().map(Phase::bytes).orElse(0L));
    most = Math.max(most, cachingTexts().map(Phase::bytes).orElse(0L));
    most = Math.max(most, captionsAhead(mix).map(Phase::bytes).orElse(0L));
    most = Math.max(most, measuring(mix).map(Phase::bytes).orElse(0L));
    return Math.max(most, samples(mix).map(Phase::bytes).orElse(0L));
  }

  private Phase phase(String name, Ledger.Rehearsal rehearsal) {
    return new Phase(name, Ledger.peak(rehearsal));
  }

  private void program(Ledger ledger) {
    ledger.take(arithmetic.isCpu() ? "the program itself" : "CUDA itself", run.programBytes());
  }

  /// Latents wait in main memory, also beside a card.
  private void keptLatents(Ledger ledger) {
    ledger.take("cached latents", arithmetic.isCpu() ? run.latents().kept() : 0);
  }

  private static void take(Ledger ledger, Peak peak) {
    ledger.moment(peak.moment());
    ledger.scoped(() -> peak.parts().forEach(part -> ledger.take(part.name(), part.bytes())));
  }

  private Optional<Phase> cachingLatents() {
    if (!run.latents().cached()) {
      return Optional.empty();
    }
    return Optional.of(
        phase(
            "caching latents",
            ledger -> {
              program(ledger);
              keptLatents(ledger);
              ledger.take("VAE", run.latents().encoder().own());
              take(ledger, worstEncoding(run.latents().batch(), run.latents().flips()));
            }));
  }

  private Peak worstEncoding(int batch, boolean flips) {
    Size largest =
        run.buckets().stream()
            .map(Bucket::pixels)
            .reduce((a, b) -> area(a) >= area(b) ? a : b)
            .orElseThrow();
    return run.latents().vae().encoding(batch, largest, flips);
  }

  private static long area(Size size) {
    return (long) size.width() * size.height();
  }

  private Optional<Phase> cachingTexts() {
    if (run.texts().batch() == 0 || run.texts().memory().isEmpty()) {
      return Optional.empty();
    }
    TextMemory text = run.texts().memory().get();
    return Optional.of(
        phase(
            "caching captions",
            ledger -> {
              program(ledger);
              keptLatents(ledger);
              ledger.take("captions", run.texts().kept());
              ledger.take("text encoder", run.texts().weights().own());
              ledger.take("position tables", text.positionBytes());
              take(
                  ledger,
                  text.encoding(run.texts().batch(), run.texts().tokens(), run.texts().padded()));
            }));
  }

  /// Between the steps, beside everything that stays: the text encoder comes, encodes and goes.
  private Optional<Phase> captionsAhead(BlockMix mix) {
    if (!run.texts().ahead() || run.texts().memory().isEmpty()) {
      return Optional.empty();
    }
    TextMemory text = run.texts().memory().get();
    int together = arithmetic.isCpu() ? 1 : CAPTIONS_TOGETHER;
    return Optional.of(
        phase(
            "captions of an epoch",
            ledger -> {
              residents(ledger, mix);
              ledger.take("text encoder", run.texts().weights().own());
              ledger.take("position tables", text.positionBytes());
              take(ledger, text.encoding(together, run.texts().tokens(), run.texts().padded()));
            }));
  }

  private Phase loading(BlockMix mix) {
    return phase(
        "loading",
        ledger -> {
          program(ledger);
          keptLatents(ledger);
          ledger.take("captions", run.texts().kept());
          lora(ledger);
          ledger.moment("the largest tensor of the DiT");
          dit(ledger, mix.swapped());
          ledger.take("conversion", run.dit().loading());
        });
  }

  private void dit(Ledger ledger, int swapped) {
    long saved = run.dit().savedBySwapping(swapped);
    ledger.take("DiT", run.dit().own() - saved);
  }

  private void lora(Ledger ledger) {
    LoraShape loras = run.steps().loras();
    ledger.take(
        "LoRA and its gradients", (loras.elements() + loras.trainable()) * loras.dtype().bytes());
  }

  /// All that stays from step to step.
  private void residents(Ledger ledger, BlockMix mix) {
    program(ledger);
    keptLatents(ledger);
    ledger.take("captions", run.texts().kept());
    dit(ledger, mix.swapped());
    lora(ledger);
    ledger.take("optimizer", run.steps().optimizer().stateBytes());
    ledger.take("copy of the modulation weights", modulationCopy());
    ledger.take("position tables", positionTables());
    if (run.storage() != WeightStorage.COMPUTE) {
      ledger.take("unpacked block", run.dit().computeMatrices());
    }
    if (run.texts().trains()) {
      ledger.take("text encoder", run.texts().weights().own());
      ledger.take(
          "position tables", run.texts().memory().map(TextMemory::positionBytes).orElse(0L));
    }
    if (!run.latents().cached()) {
      ledger.take("VAE", run.latents().encoder().own());
    }
  }

  /// Of [dev.anima.model.block.BatchedModulation], which packed models do without.
  private long modulationCopy() {
    LoraShape loras = run.steps().loras();
    boolean all = true;
    for (int i = 0; i < loras.blocks().size(); i++) {
      all &= loras.trainsModulation(i);
    }
    if (run.storage() != WeightStorage.COMPUTE || all) {
      return 0;
    }
    DitConfig dit = run.steps().dit();
    return 12L * dit.blocks() * dit.bottleneck() * dit.channels() * arithmetic.streamBytes();
  }

  /// Cosines and sines of the tokens of every bucket, and of the LLM adapter's.
  private long positionTables() {
    long ofAdapter =
        2L * TextMemory.POSITIONS * run.steps().dit().adapter().headSize() * arithmetic.bytes();
    return ofAdapter + ofBuckets();
  }

  private long ofBuckets() {
    return run.buckets().stream()
        .map(Bucket::pixels)
        .distinct()
        .mapToLong(size ->
            2
                * StepShape.of(1, size, 1, 1).tokens()
                * run.steps().dit().headSize()
                * arithmetic.bytes())
        .sum();
  }

  private Phase training(Bucket bucket, BlockMix mix) {
    return phase("training " + bucket.pixels(), training(run.step(bucket), bucket, mix));
  }

  /// The bytes of a step of one bucket, everything included.
  long trainingBytes(Bucket bucket, BlockMix mix) {
    return Ledger.peakBytes(training(run.step(bucket), bucket, mix));
  }

  private Ledger.Rehearsal training(StepShape shape, Bucket bucket, BlockMix mix) {
    return ledger -> {
      residents(ledger, mix);
      if (!run.latents().cached()) {
        take(ledger, run.latents().vae().encoding(bucket.batch(), bucket.pixels(), false));
      }
      if (run.texts().trains() && run.texts().memory().isPresent()) {
        TextMemory text = run.texts().memory().get();
        long tokens = run.texts().tokens();
        take(ledger, text.encoding(bucket.batch(), tokens, run.texts().padded()));
        ledger.take("graph of the text encoder", text.qwen3Graph(bucket.batch(), tokens));
        ledger.take(
            "graph of the LLM adapter",
            text.adapterGraph(bucket.batch() * tokens, bucket.batch() * tokens));
      }
      run.steps().play(ledger, shape, mix.policies());
    };
  }

  private Optional<Phase> samples(BlockMix mix) {
    return run.pictures().stream()
        .map(picture -> picture(picture, mix))
        .reduce((a, b) -> a.bytes() >= b.bytes() ? a : b);
  }

  private Phase picture(Picture picture, BlockMix mix) {
    SampleMemory pass = forward();
    return phase(
        "samples " + picture.pixels(),
        ledger -> {
          residents(ledger, mix);
          ledger.take(
              "contexts",
              (picture.guided() ? 2L : 1L)
                  * run.texts().padded()
                  * run.steps().dit().context()
                  * arithmetic.bytes());
          take(ledger, pass.pass(1, picture.pixels(), run.texts().padded()));
          ledger.take("VAE", run.latents().decoder().own());
          take(ledger, run.latents().vae().decoding(picture.pixels()));
        });
  }

  private SampleMemory forward() {
    int rank =
        run.steps().loras().blocks().stream()
            .flatMap(block -> block.values().stream())
            .mapToInt(Integer::intValue)
            .max()
            .orElse(0);
    return new SampleMemory(run.steps().dit(), arithmetic, rank, true);
  }

  /// Measures of progress: one image at a time, forward only.
  private Optional<Phase> measuring(BlockMix mix) {
    return run.measured().stream()
        .map(size -> measuring(size, mix))
        .reduce((a, b) -> a.bytes() >= b.bytes() ? a : b);
  }

  private Phase measuring(Size size, BlockMix mix) {
    return phase(
        "measuring progress " + size,
        ledger -> {
          residents(ledger, mix);
          if (!run.latents().cached()) {
            take(ledger, run.latents().vae().encoding(1, size, false));
          }
          if (run.texts().trains() && run.texts().memory().isPresent()) {
            take(
                ledger,
                run.texts().memory().get().encoding(1, run.texts().tokens(), run.texts().padded()));
          }
          ledger.take(
              "contexts", run.texts().padded() * run.steps().dit().context() * arithmetic.bytes());
          // latents, noise, the noisy latents before rounding, and a product on the way there
          ledger.take(
              "measured latents", 4L * 4 * run.steps().dit().latentChannels() * latentPixels(size));
          take(ledger, forward().pass(1, size, run.texts().padded()));
        });
  }

  private static long latentPixels(Size size) {
    return (long) (size.width() / 8) * (size.height() / 8);
  }

  private Phase saving(BlockMix mix) {
    return phase(
        "saving",
        ledger -> {
          residents(ledger, mix);
          ledger.moment("the LoRA's file");
          ledger.take("LoRA as saved", run.saving().loraCopy());
        });
  }

  /// Bytes in mappings of files.
  long mappedBytes() {
    long text = run.texts().trains() ? run.texts().weights().mapped() : 0;
    return run.dit().mapped() + text;
  }
}
