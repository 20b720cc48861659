package dev.anima.train.plan;

import dev.anima.engine.Dtype;
import dev.anima.model.block.Activation;
import dev.anima.model.block.SavePolicy;
import dev.anima.model.dit.DitConfig;
import dev.anima.train.plan.BlockLedger.Wanted;
import dev.anima.train.plan.Ledger.Held;
import java.util.ArrayList;
import java.util.List;

/// Follows one micro-batch from latents and text to gradients, and the optimizer's step: the loop's
/// own tensors, [dev.anima.train] `.ExplicitPass` and [dev.anima.model.block.BlockStack].
final class StepLedger {
  /// Elements of latents, noise, blends and target that live through a step, in latents.
  private static final int LATENTS_ALIVE = 7;

  private final Ledger ledger;
  private final Arithmetic arithmetic;
  private final DitConfig config;
  private final LoraShape loras;

  StepLedger(Ledger ledger, Arithmetic arithmetic, DitConfig config, LoraShape loras) {
    this.ledger = ledger;
    this.arithmetic = arithmetic;
    this.config = config;
    this.loras = loras;
  }

  /// @param policies of the blocks
  /// @param textTrains whether something before the DiT trains
  void microBatch(StepShape shape, List<SavePolicy> policies, boolean textTrains) {
    ledger.scoped(() -> {
      ledger.moment("start of a step");
      inputs(shape);
      pass(shape, policies, textTrains);
    });
  }

  private void inputs(StepShape shape) {
    long latents = shape.batch() * shape.latentPixels() * config.latentChannels();
    ledger.take("latents, noise and target", latents * Float.BYTES * LATENTS_ALIVE);
    if (arithmetic.isReduced()) {
      ledger.take("noisy latents", latents * arithmetic.bytes());
    }
    long row = (long) shape.batch() * config.context() * arithmetic.bytes();
    ledger.take("text", row * (shape.paddedRows() + shape.textRows()));
  }

  private void pass(StepShape shape, List<SavePolicy> policies, boolean textTrains) {
    embed(shape);
    long unit =
        shape.batch() * shape.tokens() * config.channels() * (long) arithmetic.streamBytes();
    Held x = ledger.take("embedded latents", unit);
    if (loras.around().patches()) {
      ledger.take("embedded latents", 2 * unit); // without the LoRA, and the LoRA's part
    }
    int lowest = textTrains ? 0 : loras.lowestTrained();
    List<SavedLedger> saved = new ArrayList<>();
    Held last = forward(shape, policies, lowest, x, saved);
    ledger.moment("the final layer");
    Held dy = finalLayer(shape, last);
    backward(shape, policies, lowest, dy, saved, textTrains);
  }

  /// Patches with their mask, and the vectors of the timestep.
  private void embed(StepShape shape) {
    long patches = shape.batch() * shape.latentPixels() * (config.latentChannels() + 1);
    ledger.take("patches", 2 * patches * arithmetic.bytes());
    ledger.take(
        "shift, scale and gate of all blocks",
        9L * config.blocks() * shape.batch() * config.channels() * arithmetic.bytes());
  }

  private Held forward(
      StepShape shape, List<SavePolicy> policies, int lowest, Held x, List<SavedLedger> saved) {
    Held current = x;
    for (int i = 0; i < policies.size(); i++) {
      ledger.moment("forward of block " + i);
      SavedLedger activations = new SavedLedger(policies.get(i));
      saved.add(activations);
      Held before = current;
      Held input = i == 0 ? ledger.take("embedded latents", 0) : before;
      current = block(shape, i).forward(input, activations);
      if (i < lowest) {
        activations.close();
      }
      if (i > 0 && !activations.has(Activation.INPUT)) {
        before.close();
      }
    }
    return current;
  }

  private BlockLedger block(StepShape shape, int index) {
    return new BlockLedger(ledger, arithmetic, config, shape, loras, index);
  }

  /// Forward and backward of the final layer under autograd.
  ///
  /// @return the gradient of the blocks' result
  private Held finalLayer(StepShape shape, Held last) {
    long elements = shape.batch() * shape.tokens() * config.channels();
    long wide = elements * arithmetic.statisticBytes();
    boolean widens = arithmetic.isReduced() && arithmetic.streamBytes() == arithmetic.bytes();
    long latents = shape.batch() * shape.latentPixels() * config.latentChannels();
    long kept = loras.around().finalLayer() ? elements * arithmetic.bytes() : 0;
    Held graph = ledger.take("final layer", (widens ? wide : 0) + kept);
    ledger.scoped(() -> {
      ledger.take("final layer", wide); // normed
      ledger.take("final layer", wide); // scaled
      ledger.take("final layer", wide); // shifted
      if (arithmetic.isReduced()) {
        ledger.take("final layer", elements * arithmetic.bytes());
      }
      ledger.take("prediction", 2 * latents * arithmetic.bytes());
    });
    ledger.take("prediction", latents * arithmetic.bytes());
    ledger.take("loss and its gradient", latents * Float.BYTES * 3);
    ledger.moment("backward of the final layer");
    Held dy =
        ledger.keep(() -> {
          ledger.take("gradient of the prediction", latents * arithmetic.bytes());
          Held n = ledger.take("final layer's gradient", elements * arithmetic.bytes());
          Held scaled;
          if (arithmetic.isReduced()) {
            Held wideGradient = ledger.take("final layer's gradient", wide);
            n.close();
            scaled = ledger.take("final layer's gradient", wide);
            wideGradient.close();
          } else {
            scaled = ledger.take("final layer's gradient", wide);
            n.close();
          }
          Held normed = ledger.take("final layer's gradient", wide);
          scaled.close();
          if (widens) {
            Held result =
                ledger.take("gradient of the stream", elements * arithmetic.streamBytes());
            normed.close();
            return result;
          }
          return normed;
        });
    graph.close();
    last.close();
    return dy;
  }

  private void backward(
      StepShape shape,
      List<SavePolicy> policies,
      int lowest,
      Held dy,
      List<SavedLedger> saved,
      boolean textTrains) {
    if (textTrains) {
      ledger.take(
          "gradient of the text",
          (long) shape.batch() * config.context() * shape.textRows() * arithmetic.bytes());
    }
    Held gradient = dy;
    for (int i = policies.size() - 1; i >= lowest; i--) {
      ledger.moment("backward of block " + i);
      boolean modulation = loras.around().timing() || loras.trainsModulation(i);
      Wanted wanted = new Wanted(i > lowest || loras.around().embeddings(), modulation, textTrains);
      Held after = gradient;
      Held next = block(shape, i).backward(saved.get(i), wanted);
      saved.get(i).close();
      if (after != dy) {
        after.close();
      }
      if (next != null) {
        gradient = next;
      }
    }
  }

  /// The optimizer works through the flat buffers in pieces.
  ///
  /// @param optimizer its pieces
  void update(OptimizerMemory optimizer) {
    ledger.moment("the optimizer's step");
    if (loras.dtype() != Dtype.F32) {
      ledger.brief("wide gradients", loras.trainable() * Float.BYTES);
    }
    ledger.brief("pieces of an update", optimizer.pieceBytes());
  }
}
