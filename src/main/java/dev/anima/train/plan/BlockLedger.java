package dev.anima.train.plan;

import static dev.anima.model.block.Activation.AFTER_CROSS;
import static dev.anima.model.block.Activation.AFTER_SELF;
import static dev.anima.model.block.Activation.CROSS_ATTENDED;
import static dev.anima.model.block.Activation.CROSS_KEY;
import static dev.anima.model.block.Activation.CROSS_LOGSUMEXP;
import static dev.anima.model.block.Activation.CROSS_MEAN;
import static dev.anima.model.block.Activation.CROSS_NORMED;
import static dev.anima.model.block.Activation.CROSS_NORMED_KEY;
import static dev.anima.model.block.Activation.CROSS_NORMED_QUERY;
import static dev.anima.model.block.Activation.CROSS_QUERY;
import static dev.anima.model.block.Activation.CROSS_RSTD;
import static dev.anima.model.block.Activation.CROSS_VALUE;
import static dev.anima.model.block.Activation.INPUT;
import static dev.anima.model.block.Activation.MLP_ACTIVATED;
import static dev.anima.model.block.Activation.MLP_HIDDEN;
import static dev.anima.model.block.Activation.MLP_MEAN;
import static dev.anima.model.block.Activation.MLP_NORMED;
import static dev.anima.model.block.Activation.MLP_RSTD;
import static dev.anima.model.block.Activation.SELF_ATTENDED;
import static dev.anima.model.block.Activation.SELF_KEY;
import static dev.anima.model.block.Activation.SELF_LOGSUMEXP;
import static dev.anima.model.block.Activation.SELF_MEAN;
import static dev.anima.model.block.Activation.SELF_NORMED;
import static dev.anima.model.block.Activation.SELF_QUERY;
import static dev.anima.model.block.Activation.SELF_ROTATED_KEY;
import static dev.anima.model.block.Activation.SELF_ROTATED_QUERY;
import static dev.anima.model.block.Activation.SELF_RSTD;
import static dev.anima.model.block.Activation.SELF_VALUE;

import dev.anima.model.block.Activation;
import dev.anima.model.block.BlockLinear;
import dev.anima.model.block.SavePolicy;
import dev.anima.model.dit.DitConfig;
import dev.anima.train.plan.AttentionLedger.Sizes;
import dev.anima.train.plan.Ledger.Held;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/// Follows [dev.anima.model.block.ExplicitBlock] and its branches, line by line.
final class BlockLedger {
  private final Ledger ledger;
  private final Arithmetic arithmetic;
  private final DitConfig config;
  private final StepShape shape;
  private final LinearLedger linears;
  private final AttentionLedger attention;
  private final long tokens;

  /// Gradients that a block wants besides those of its adapters.
  ///
  /// @param context whether the text trains
  record Wanted(boolean input, boolean modulation, boolean context) {}

  BlockLedger(
      Ledger ledger,
      Arithmetic arithmetic,
      DitConfig config,
      StepShape shape,
      LoraShape loras,
      int index) {
    this.ledger = ledger;
    this.arithmetic = arithmetic;
    this.config = config;
    this.shape = shape;
    this.tokens = shape.tokens();
    this.linears =
        new LinearLedger(
            ledger, arithmetic, config, loras, loras.blocks().get(index), shape.batch());
    this.attention = new AttentionLedger(ledger, arithmetic);
  }

  /// A tensor as wide as the stream, `(B, L, D)`, in the dtype that computes.
  private Held wide(String name) {
    return ledger.take(name, unit());
  }

  private long unit() {
    return shape.batch() * tokens * config.channels() * arithmetic.bytes();
  }

  private Held stream(String name) {
    return ledger.take(name, streamUnit());
  }

  private long streamUnit() {
    return shape.batch() * tokens * config.channels() * arithmetic.streamBytes();
  }

  /// A tensor as wide as the text, `(B, K, D)`.
  private Held ofText(String name) {
    return ledger.take(
        name, shape.batch() * shape.textRows() * config.channels() * arithmetic.bytes());
  }

  private Held hidden(String name) {
    return ledger.take(name, shape.batch() * tokens * config.hidden() * arithmetic.bytes());
  }

  // ---- forward --------------------------------------------------------------------------------

  /// @param x what goes in
  /// @return what comes out
  Held forward(Held x, SavedLedger saved) {
    return ledger.keep(() -> {
      saved.put(INPUT, x);
      saved.put(AFTER_SELF, after(Part.SELF, saved));
      saved.put(AFTER_CROSS, after(Part.CROSS, saved));
      saved.done(AFTER_SELF);
      Held output = after(Part.MLP, saved);
      saved.settle(!arithmetic.isCpu());
      return output;
    });
  }

  /// One branch with its places among the activations.
  private enum Part {
    SELF(INPUT, SELF_NORMED, SELF_MEAN, SELF_RSTD),
    CROSS(AFTER_SELF, CROSS_NORMED, CROSS_MEAN, CROSS_RSTD),
    MLP(AFTER_CROSS, MLP_NORMED, MLP_MEAN, MLP_RSTD);

    final Activation before;
    final Activation normed;
    final Activation mean;
    final Activation rstd;

    Part(Activation before, Activation normed, Activation mean, Activation rstd) {
      this.before = before;
      this.normed = normed;
      this.mean = mean;
      this.rstd = rstd;
    }
  }

  private Held after(Part part, SavedLedger saved) {
    Held a = forward(part, saved);
    saved.done(part.normed, part.mean, part.rstd);
    Held sum =
        ledger.keep(() -> {
          if (arithmetic.streamBytes() != arithmetic.bytes()) {
            stream("cast of a branch");
          }
          return stream("residual stream");
        });
    a.close();
    return sum;
  }

  private Held forward(Part part, SavedLedger saved) {
    return switch (part) {
      case SELF -> {
        attendToImage(saved);
        yield linears.forward(saved, tokens, BlockLinear.SELF_OUTPUT);
      }
      case CROSS -> {
        attendToText(saved);
        yield linears.forward(saved, tokens, BlockLinear.CROSS_OUTPUT);
      }
      case MLP -> {
        hidden(saved);
        saved.done(MLP_NORMED);
        activated(saved);
        saved.done(MLP_HIDDEN);
        Held output = linears.forward(saved, tokens, BlockLinear.MLP_DOWN);
        saved.done(MLP_ACTIVATED);
        yield output;
      }
    };
  }

  private void normed(Part part, SavedLedger saved) {
    if (saved.has(part.normed)) {
      return;
    }
    List<Held> normed =
        ledger.keepAll(() -> {
          long batch = shape.batch();
          for (int i = 0; i < batch && batch > 1; i++) {
            ledger.take("norm of a sample", streamUnit() / batch);
          }
          Held result = stream("normed input");
          if (arithmetic.streamBytes() != arithmetic.bytes()) {
            result = wide("normed input");
          }
          return List.of(result, statistic(), statistic());
        });
    saved.free(part.mean, part.rstd);
    saved.put(part.normed, normed.get(0));
    saved.put(part.mean, normed.get(1));
    saved.put(part.rstd, normed.get(2));
  }

  /// `(B, L, 1)`
  private Held statistic() {
    return ledger.take("statistics", shape.batch() * tokens * arithmetic.statisticBytes());
  }

  private void attendToImage(SavedLedger saved) {
    if (saved.has(SELF_ATTENDED)) {
      return;
    }
    projectImage(saved);
    saved.done(SELF_NORMED);
    rotate(saved);
    saved.done(SELF_QUERY, SELF_KEY);
    List<Held> attended = attention.forward(ofImage());
    saved.done(SELF_ROTATED_QUERY, SELF_ROTATED_KEY, SELF_VALUE);
    saved.put(SELF_ATTENDED, attended.getFirst());
    saved.put(SELF_LOGSUMEXP, attended.getLast());
  }

  private Sizes ofImage() {
    return new Sizes(shape.batch(), config.heads(), tokens, tokens, config.headSize(), 0);
  }

  private Sizes ofText() {
    return new Sizes(
        shape.oneLength() ? shape.batch() : 1,
        config.heads(),
        tokens,
        shape.textRows(),
        config.headSize(),
        shape.zeroKeys());
  }

  private void projectImage(SavedLedger saved) {
    if (!saved.has(SELF_VALUE)) {
      normed(Part.SELF, saved);
      List<Held> qkv =
          linears.forward(
              saved,
              tokens,
              tokens,
              BlockLinear.SELF_QUERY,
              BlockLinear.SELF_KEY,
              BlockLinear.SELF_VALUE);
      saved.put(SELF_QUERY, qkv.get(0));
      saved.put(SELF_KEY, qkv.get(1));
      saved.put(SELF_VALUE, qkv.get(2));
    }
  }

  private void rotate(SavedLedger saved) {
    if (!saved.has(SELF_ROTATED_QUERY)) {
      saved.put(SELF_ROTATED_QUERY, rotated());
      saved.put(SELF_ROTATED_KEY, rotated());
    }
  }

  private Held rotated() {
    return ledger.keep(() -> {
      headNorm(tokens);
      return wide("rotated heads");
    });
  }

  /// Forward of [dev.anima.model.block.HeadNorm].
  private Held headNorm(long rows) {
    long bytes = shape.batch() * rows * config.channels() * arithmetic.bytes();
    return ledger.keep(() -> {
      Held result = ledger.take("normed heads", bytes);
      reciprocal(rows);
      if (arithmetic.copiesToWiden()) {
        ledger.brief("wide heads", 2 * bytes * Float.BYTES / arithmetic.bytes());
      }
      return result;
    });
  }

  /// `(B, L, N, 1)` and what comes before it.
  private Held reciprocal(long rows) {
    long elements = shape.batch() * rows * config.heads();
    ledger.take("lengths of heads", elements * arithmetic.statisticBytes());
    if (arithmetic.copiesToWiden()) {
      ledger.brief("wide heads", elements * config.headSize() * Float.BYTES);
    }
    ledger.take("lengths of heads", elements * arithmetic.statisticBytes());
    return ledger.take("lengths of heads", elements * arithmetic.statisticBytes());
  }

  private void attendToText(SavedLedger saved) {
    if (saved.has(CROSS_ATTENDED)) {
      return;
    }
    projectQuery(saved);
    saved.done(CROSS_NORMED);
    projectText(saved);
    normQuery(saved);
    saved.done(CROSS_QUERY, CROSS_KEY);
    List<Held> attended = attended();
    saved.done(CROSS_NORMED_QUERY, CROSS_NORMED_KEY, CROSS_VALUE);
    saved.put(CROSS_ATTENDED, attended.getFirst());
    saved.put(CROSS_LOGSUMEXP, attended.getLast());
  }

  private void projectQuery(SavedLedger saved) {
    if (!saved.has(CROSS_QUERY)) {
      normed(Part.CROSS, saved);
      saved.put(CROSS_QUERY, linears.forward(saved, tokens, BlockLinear.CROSS_QUERY));
    }
  }

  private void projectText(SavedLedger saved) {
    if (!saved.has(CROSS_KEY) || !saved.has(CROSS_VALUE)) {
      List<Held> kv =
          linears.forward(
              saved,
              shape.textRows(),
              shape.paddedRows(),
              BlockLinear.CROSS_KEY,
              BlockLinear.CROSS_VALUE);
      saved.put(CROSS_KEY, kv.get(0));
      saved.put(CROSS_VALUE, kv.get(1));
    }
    if (!saved.has(CROSS_NORMED_KEY)) {
      saved.put(CROSS_NORMED_KEY, headNorm(shape.textRows()));
    }
  }

  private void normQuery(SavedLedger saved) {
    if (!saved.has(CROSS_NORMED_QUERY)) {
      saved.put(CROSS_NORMED_QUERY, headNorm(tokens));
    }
  }

  private List<Held> attended() {
    if (shape.oneLength()) {
      return attention.forward(ofText());
    }
    return ledger.keepAll(() -> {
      for (int i = 0; i < shape.batch(); i++) {
        attention.forward(ofText());
      }
      return List.of(
          wide("attended"),
          ledger.take(
              "logsumexp", tokens * shape.batch() * config.heads() * arithmetic.statisticBytes()));
    });
  }

  private void hidden(SavedLedger saved) {
    if (!saved.has(MLP_HIDDEN)) {
      normed(Part.MLP, saved);
      saved.put(MLP_HIDDEN, linears.forward(saved, tokens, BlockLinear.MLP_UP));
    }
  }

  private void activated(SavedLedger saved) {
    if (!saved.has(MLP_ACTIVATED)) {
      saved.put(MLP_ACTIVATED, hidden("GELU"));
    }
  }

  // ---- backward -------------------------------------------------------------------------------

  /// @return the gradient of the input, null if it is not wanted
  @Nullable Held backward(SavedLedger saved, Wanted wanted) {
    List<Held> results =
        ledger.keepAll(() -> {
          saved.reopen();
          if (saved.policy == SavePolicy.INPUT_ON_HOST && !saved.has(INPUT)) {
            saved.put(INPUT, stream("residual stream"));
          }
          complete(AFTER_SELF, Part.SELF, saved);
          complete(AFTER_CROSS, Part.CROSS, saved);
          Wanted inner = new Wanted(true, wanted.modulation, wanted.context);
          Held dx2 = Objects.requireNonNull(before(Part.MLP, saved, inner));
          var _ = before(Part.CROSS, saved, inner); // stays to the end, as there
          dx2.close();
          Held dx = before(Part.SELF, saved, wanted);
          return dx == null || !wanted.input ? List.of() : List.of(dx);
        });
    return results.isEmpty() ? null : results.getFirst();
  }

  private void complete(Activation after, Part part, SavedLedger saved) {
    if (!saved.has(after)) {
      saved.put(after, after(part, saved));
    }
  }

  private @Nullable Held before(Part part, SavedLedger saved, Wanted wanted) {
    if (wanted.modulation) {
      Held a = forward(part, saved);
      ledger.brief("gradient of a gate", streamUnit());
      a.close();
    }
    Held da =
        ledger.keep(() -> {
          Held gated = stream("gated gradient");
          return arithmetic.streamBytes() == arithmetic.bytes() ? gated : wide("gated gradient");
        });
    Wanted inner = new Wanted(wanted.input || wanted.modulation, wanted.modulation, wanted.context);
    Held dn =
        switch (part) {
          case SELF -> selfBackward(saved, inner);
          case CROSS -> crossBackward(saved, inner);
          case MLP -> mlpBackward(saved, inner);
        };
    da.close();
    if (dn == null) {
      return null;
    }
    normed(part, saved);
    Held gradient = normBackward();
    dn.close();
    saved.free(part.normed, part.mean, part.rstd, part.before);
    return gradient;
  }

  /// Backward of [dev.anima.model.block.ModulatedNorm].
  private Held normBackward() {
    return ledger.keep(() -> {
      if (arithmetic.streamBytes() != arithmetic.bytes()) {
        stream("cast of a gradient");
      }
      long batch = shape.batch();
      for (int i = 0; i < batch && batch > 1; i++) {
        ledger.take("gradient of a sample", streamUnit() / batch);
      }
      return stream("gradient of the stream");
    });
  }

  private @Nullable Held mlpBackward(SavedLedger saved, Wanted wanted) {
    hidden(saved);
    Held dg =
        Objects.requireNonNull(
            linears.backward(saved, tokens, () -> activated(saved), true, BlockLinear.MLP_DOWN));
    saved.free(MLP_ACTIVATED);
    Held dh = hidden("gradient of GELU");
    dg.close();
    saved.free(MLP_HIDDEN);
    Held dn =
        linears.backward(
            saved, tokens, () -> normed(Part.MLP, saved), wanted.input, BlockLinear.MLP_UP);
    dh.close();
    return dn;
  }

  private @Nullable Held crossBackward(SavedLedger saved, Wanted wanted) {
    Held gradAttended =
        Objects.requireNonNull(
            linears.backward(saved, tokens, () -> {}, true, BlockLinear.CROSS_OUTPUT));
    projectQuery(saved);
    normQuery(saved);
    projectText(saved);
    List<Held> gradients = crossGradients();
    gradAttended.close();
    saved.free(CROSS_NORMED_QUERY, CROSS_NORMED_KEY, CROSS_VALUE, CROSS_ATTENDED, CROSS_LOGSUMEXP);
    textBackward(saved, wanted.context);
    headNormBackward(tokens);
    gradients.getFirst().close();
    saved.free(CROSS_QUERY, CROSS_KEY);
    return linears.backward(
        saved, tokens, () -> normed(Part.CROSS, saved), wanted.input, BlockLinear.CROSS_QUERY);
  }

  private List<Held> crossGradients() {
    if (shape.oneLength()) {
      return attention.backward(ofText());
    }
    return ledger.keepAll(() -> {
      Held key = ofText("gradient of key");
      Held value = ofText("gradient of value");
      for (int i = 0; i < shape.batch(); i++) {
        attention.backward(ofText());
      }
      return List.of(wide("gradient of query"), key, value);
    });
  }

  private void textBackward(SavedLedger saved, boolean context) {
    if (!linears.isAdapted(BlockLinear.CROSS_KEY)
        && !linears.isAdapted(BlockLinear.CROSS_VALUE)
        && !context) {
      return;
    }
    ledger.scoped(() -> {
      headNormBackward(shape.textRows());
      linears.backward(
          saved,
          shape.textRows(),
          () -> {},
          context,
          BlockLinear.CROSS_KEY,
          BlockLinear.CROSS_VALUE);
    });
  }

  /// Backward of [dev.anima.model.block.HeadNorm], the gradient used up.
  private Held headNormBackward(long rows) {
    long bytes = shape.batch() * rows * config.channels() * arithmetic.bytes();
    long wideBytes = bytes * Float.BYTES / arithmetic.bytes();
    return ledger.keep(() -> {
      reciprocal(rows);
      ledger.take("weighted gradient", bytes);
      if (arithmetic.copiesToWiden()) {
        ledger.brief("wide heads", wideBytes);
      }
      ledger.take("lengths of heads", shape.batch() * rows * config.heads() * 4);
      Held dx = ledger.take("gradient of heads", bytes);
      if (arithmetic.copiesToWiden()) {
        ledger.brief("wide heads", 2 * wideBytes);
      }
      return dx;
    });
  }

  private @Nullable Held selfBackward(SavedLedger saved, Wanted wanted) {
    Held gradAttended =
        Objects.requireNonNull(
            linears.backward(saved, tokens, () -> {}, true, BlockLinear.SELF_OUTPUT));
    projectImage(saved);
    rotate(saved);
    List<Held> gradients = attention.backward(ofImage());
    gradAttended.close();
    saved.free(SELF_ROTATED_QUERY, SELF_ROTATED_KEY, SELF_ATTENDED, SELF_LOGSUMEXP, SELF_VALUE);
    turnedBack();
    turnedBack();
    gradients.get(0).close();
    gradients.get(1).close();
    saved.free(SELF_QUERY, SELF_KEY);
    return linears.backward(
        saved,
        tokens,
        () -> normed(Part.SELF, saved),
        wanted.input,
        BlockLinear.SELF_QUERY,
        BlockLinear.SELF_KEY,
        BlockLinear.SELF_VALUE);
  }

  private Held turnedBack() {
    return ledger.keep(() -> {
      wide("gradient turned back");
      return headNormBackward(tokens);
    });
  }
}
