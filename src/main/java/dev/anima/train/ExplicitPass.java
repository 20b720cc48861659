package dev.anima.train;

import dev.anima.engine.NoGrad;
import dev.anima.engine.Ops;
import dev.anima.engine.Scope;
import dev.anima.engine.Tensor;
import dev.anima.model.block.BlockInputs;
import dev.anima.model.block.BlockStack;
import dev.anima.model.block.BlockStack.StackGradients;
import dev.anima.model.block.BlockStack.StackWanted;
import dev.anima.model.block.Rotary;
import dev.anima.model.block.TextContext;
import dev.anima.model.dit.AnimaDit;
import dev.anima.model.dit.AnimaDit.Embedded;
import dev.anima.model.dit.Conditioning;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/// The training path: blocks forward and backward by hand, each keeping what its policy says. What
/// lies around them is small and goes through autograd: patch and timestep embedding where they
/// carry a LoRA, and the final layer.
///
/// Of the text only the rows that are text are computed. Dropouts draw the same numbers in the same
/// order as in [PlainPass].
final class ExplicitPass implements DitPass {
  private final ExplicitDit model;
  private @Nullable Running running;

  /// Between forward and backward.
  ///
  /// @param embedded with a graph where the embeddings train
  /// @param last `(B, L, c)` after the blocks, a leaf that takes the gradient
  /// @param adaln `(B, 1, 3c)` as the final layer saw it, likewise
  /// @param prediction with the graph of the final layer
  private record Running(
      BlockStack stack,
      Embedded embedded,
      TextContext text,
      long textRows,
      Tensor last,
      Tensor adaln,
      Tensor prediction) {}

  ExplicitPass(ExplicitDit model) {
    this.model = model;
  }

  @Override
  public Tensor forward(Tensor noisy, Tensor timesteps, DitContext context) {
    AnimaDit dit = model.dit();
    Embedded embedded = dit.embed(noisy, timesteps, null, model.adapters());
    Conditioning timing = embedded.conditioning();
    TextContext text;
    BlockStack stack;
    Tensor last;
    try (NoGrad _ = new NoGrad()) {
      text = text(context, embedded.x().size(1));
      stack =
          new BlockStack(
              model::block,
              model.policies(),
              new BlockInputs(new Rotary(embedded.rope().cos(), embedded.rope().sin()), text),
              new BlockStack.Timing(
                  timing.emb().to(timing.adaln().dtype()),
                  timing.adaln().detach(),
                  model.modulation()),
              context.rows().requiresGrad() ? 0 : model.lowestTrained());
      last = stack.forward(embedded.x().detach());
    }
    last.requiresGrad_(true);
    Tensor adaln = timing.adaln().detach().requiresGrad_(model.timingTrains());
    Tensor prediction =
        Scope.keep(() -> dit.finish(last, withAdaln(embedded, adaln), model.adapters()));
    running = new Running(stack, embedded, text, context.rows().size(1), last, adaln, prediction);
    return prediction.detach();
  }

  private TextContext text(DitContext context, long tokens) {
    TextContext text = TextContext.trim(context.rows().detach(), context.lengths());
    return model.dit().cutsText() ? text.cut(tokens) : text;
  }

  @Override
  public @Nullable Tensor backward(Tensor gradient, boolean contextWanted) {
    Running now = Objects.requireNonNull(running, "backward before forward");
    running = null;
    Tensor dy = throughFinalLayer(now, gradient);
    Tensor rows = now.text.rows();
    Tensor gradRows = contextWanted ? Ops.zeros(rows.dtype(), rows.device(), rows.shape()) : null;
    StackGradients gradients;
    try (BlockStack stack = now.stack;
        NoGrad _ = new NoGrad()) {
      gradients =
          stack.backward(dy, new StackWanted(model.patchesTrain(), model.timingTrains(), gradRows));
    }
    intoEmbeddings(now, gradients);
    return gradRows == null ? null : Ops.pad(gradRows, 0, 0, 0, now.textRows - gradRows.size(1));
  }

  /// The gradient of the blocks' result; frees the final layer's graph.
  private static Tensor throughFinalLayer(Running now, Tensor gradient) {
    now.prediction.backward(gradient);
    Tensor dy = now.last.grad().detach();
    now.prediction.close();
    now.last.close();
    return dy;
  }

  private void intoEmbeddings(Running now, StackGradients gradients) {
    Embedded embedded = now.embedded;
    // Without a graph all modules of the embedding were dropped.
    if (gradients.input() != null && embedded.x().requiresGrad()) {
      embedded.x().backward(gradients.input());
    }
    Tensor adaln = embedded.conditioning().adaln();
    if (gradients.adaln() != null && adaln.requiresGrad()) {
      adaln.backward(gradients.adaln().add(now.adaln.grad()));
    }
  }

  private static Embedded withAdaln(Embedded embedded, Tensor adaln) {
    Conditioning before = embedded.conditioning();
    return new Embedded(
        embedded.x(),
        new Conditioning(before.emb(), before.activated(), adaln),
        embedded.rope(),
        embedded.rows(),
        embedded.columns());
  }
}
