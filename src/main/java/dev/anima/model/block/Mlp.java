package dev.anima.model.block;

import static dev.anima.model.block.Activation.MLP_ACTIVATED;
import static dev.anima.model.block.Activation.MLP_HIDDEN;
import static dev.anima.model.block.Activation.MLP_NORMED;

import dev.anima.engine.Ops;
import dev.anima.engine.Tensor;
import java.util.List;
import java.util.Objects;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/// `m = W₂ GELU(h)`, `h = W₁ n`, with the exact (erf) GELU.
record Mlp(AdaptedLinear up, AdaptedLinear down) implements Branch {

  @Override
  public Tensor forward(Activations saved, BlockInputs inputs, Supplier<Tensor> normed) {
    hidden(saved, normed);
    saved.done(MLP_NORMED);
    Tensor activated = activated(saved);
    saved.done(MLP_HIDDEN);
    Tensor output = down.forward(activated, saved);
    saved.done(MLP_ACTIVATED);
    return output;
  }

  private void hidden(Activations saved, Supplier<Tensor> normed) {
    if (!saved.has(MLP_HIDDEN)) {
      saved.put(MLP_HIDDEN, up.forward(normed.get(), saved));
    }
  }

  private static Tensor activated(Activations saved) {
    return saved.has(MLP_ACTIVATED)
        ? saved.get(MLP_ACTIVATED)
        : saved.put(MLP_ACTIVATED, Ops.gelu(saved.get(MLP_HIDDEN)));
  }

  @Override
  public @Nullable Tensor backward(
      Tensor da, Activations saved, BlockInputs inputs, Supplier<Tensor> normed, Wanted wanted) {
    hidden(saved, normed);
    Tensor dg =
        Objects.requireNonNull(down.backward(List.of(da), () -> activated(saved), saved, true));
    saved.free(MLP_ACTIVATED);
    Tensor dh = Ops.geluBackward(dg, saved.get(MLP_HIDDEN));
    dg.close();
    saved.free(MLP_HIDDEN);
    Tensor dn = up.backward(List.of(dh), normed, saved, wanted.input());
    dh.close();
    return dn;
  }
}
