package dev.anima.train.plan;

import dev.anima.config.Size;
import dev.anima.model.dit.DitConfig;
import dev.anima.train.plan.Ledger.Held;

/// What drawing a picture (or a validation) takes beside the weights: the plain forward of
/// [dev.anima.model.dit.AnimaDit], block after block.
///
/// @param loraRank beside every layer of the blocks
/// @param scaled whether alpha differs from the rank
public record SampleMemory(DitConfig dit, Arithmetic arithmetic, int loraRank, boolean scaled) {

  /// One pass through the DiT; guidance makes two passes, one after the other.
  ///
  /// @param textRows that are attended to
  public Peak pass(int batch, Size pixels, long textRows) {
    return Ledger.peak(ledger -> {
      ledger.moment("a picture of " + pixels);
      new Pass(ledger, StepShape.of(batch, pixels, textRows, textRows)).play();
    });
  }

  private final class Pass {
    private final Ledger ledger;
    private final PlainLedger plain;
    private final StepShape shape;
    private final long rows;
    private final long width;
    private final long unit;

    Pass(Ledger ledger, StepShape shape) {
      this.ledger = ledger;
      this.plain = new PlainLedger(ledger, arithmetic, loraRank, scaled);
      this.shape = shape;
      this.rows = shape.batch() * shape.tokens();
      this.width = dit.channels();
      this.unit = rows * width;
    }

    void play() {
      long latents = shape.batch() * shape.latentPixels() * dit.latentChannels();
      plain.take("latents", 4 * latents);
      plain.take("text", shape.batch() * shape.textRows() * dit.context());
      plain.take("patches", 2 * (latents + shape.batch() * shape.latentPixels()));
      Held x = plain.take("residual stream", unit);
      for (int i = 0; i < dit.blocks(); i++) {
        Held before = x;
        x = ledger.keep(this::block);
        before.close();
      }
      ledger.scoped(() -> {
        plain.modulatedNorm(unit);
        plain.take("prediction", 2 * latents);
      });
    }

    private Held block() {
      Held afterSelf =
          ledger.keep(() -> {
            plain.modulatedNorm(unit);
            heads(rows, true);
            heads(rows, true);
            plain.linear(rows, width);
            plain.attend(unit, shape.tokens(), unit, shape.tokens(), dit.headSize());
            return added();
          });
      Held afterCross =
          ledger.keep(() -> {
            plain.modulatedNorm(unit);
            long textRows = shape.batch() * shape.textRows();
            heads(rows, false);
            heads(textRows, false);
            plain.linear(textRows, width);
            plain.attend(unit, shape.tokens(), textRows * width, shape.textRows(), dit.headSize());
            return added();
          });
      afterSelf.close();
      Held afterMlp =
          ledger.keep(() -> {
            plain.modulatedNorm(unit);
            plain.linear(rows, dit.hidden());
            plain.take("GELU", rows * dit.hidden());
            return added();
          });
      afterCross.close();
      return afterMlp;
    }

    private void heads(long ofRows, boolean rotated) {
      plain.linear(ofRows, width);
      plain.rms(ofRows * width);
      if (rotated) {
        plain.rotary(ofRows * width);
      }
    }

    /// The branch's last product, gated, and the sum.
    private Held added() {
      plain.linear(rows, width);
      plain.take("gated", unit);
      return plain.take("residual stream", unit);
    }
  }
}
