package dev.anima.model.block;

import static dev.anima.model.block.Activation.SELF_ATTENDED;
import static dev.anima.model.block.Activation.SELF_KEY;
import static dev.anima.model.block.Activation.SELF_LOGSUMEXP;
import static dev.anima.model.block.Activation.SELF_NORMED;
import static dev.anima.model.block.Activation.SELF_QUERY;
import static dev.anima.model.block.Activation.SELF_ROTATED_KEY;
import static dev.anima.model.block.Activation.SELF_ROTATED_QUERY;
import static dev.anima.model.block.Activation.SELF_VALUE;

import dev.anima.engine.AttentionKernel;
import dev.anima.engine.Scope;
import dev.anima.engine.Tensor;
import java.util.List;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/// `a = Wo softmax(q̂ k̂ᵀ / √d) v`, with `q, k, v = Wqkv n`, `q̂ = R(HeadNorm(q))`, `k̂ =
/// R(HeadNorm(k))`.
record SelfAttention(
    AdaptedLinear projections,
    AdaptedLinear output,
    HeadNorm queryNorm,
    HeadNorm keyNorm,
    AttentionKernel kernel)
    implements Branch {

  @Override
  public Tensor forward(Activations saved, BlockInputs inputs, Supplier<Tensor> normed) {
    attend(saved, inputs, normed);
    return Scope.keep(() -> output.forward(Heads.join(saved.get(SELF_ATTENDED)), saved));
  }

  private void attend(Activations saved, BlockInputs inputs, Supplier<Tensor> normed) {
    if (saved.has(SELF_ATTENDED)) {
      return;
    }
    project(saved, normed);
    saved.done(SELF_NORMED);
    rotate(saved, inputs);
    saved.done(SELF_QUERY, SELF_KEY);
    AttentionKernel.Attended attended =
        Heads.attend(
            kernel,
            saved.get(SELF_ROTATED_QUERY),
            saved.get(SELF_ROTATED_KEY),
            Heads.split(saved.get(SELF_VALUE), saved.get(SELF_ROTATED_KEY)));
    saved.done(SELF_ROTATED_QUERY, SELF_ROTATED_KEY, SELF_VALUE);
    saved.put(SELF_ATTENDED, attended.output());
    saved.put(SELF_LOGSUMEXP, attended.logSumExp());
  }

  private void project(Activations saved, Supplier<Tensor> normed) {
    if (!saved.has(SELF_VALUE)) {
      Tensor n = normed.get();
      List<Tensor> qkv = projections.forward(n, saved, n.size(1));
      saved.put(SELF_QUERY, qkv.get(0));
      saved.put(SELF_KEY, qkv.get(1));
      saved.put(SELF_VALUE, qkv.get(2));
    }
  }

  private void rotate(Activations saved, BlockInputs inputs) {
    if (!saved.has(SELF_ROTATED_QUERY)) {
      saved.put(SELF_ROTATED_QUERY, rotated(queryNorm, saved.get(SELF_QUERY), inputs));
      saved.put(SELF_ROTATED_KEY, rotated(keyNorm, saved.get(SELF_KEY), inputs));
    }
  }

  private static Tensor rotated(HeadNorm norm, Tensor x, BlockInputs inputs) {
    return Scope.keep(() -> inputs.rotary().forward(norm.forward(x)));
  }

  @Override
  public @Nullable Tensor backward(
      Tensor da, Activations saved, BlockInputs inputs, Supplier<Tensor> normed, Wanted wanted) {
    Tensor attended = saved.get(SELF_ATTENDED);
    Tensor gradAttended = Heads.outputGradient(output, da, attended, saved);
    project(saved, normed);
    rotate(saved, inputs);
    Tensor value = saved.get(SELF_VALUE);
    List<Tensor> gradients =
        Heads.gradients(
            kernel,
            gradAttended,
            saved.get(SELF_ROTATED_QUERY),
            saved.get(SELF_ROTATED_KEY),
            Heads.split(value, saved.get(SELF_ROTATED_KEY)),
            new AttentionKernel.Attended(attended, saved.get(SELF_LOGSUMEXP)));
    gradAttended.close();
    saved.free(SELF_ROTATED_QUERY, SELF_ROTATED_KEY, SELF_ATTENDED, SELF_LOGSUMEXP, SELF_VALUE);
    Tensor dq = turnedBack(queryNorm, gradients.get(0), saved.get(SELF_QUERY), inputs);
    Tensor dk = turnedBack(keyNorm, gradients.get(1), saved.get(SELF_KEY), inputs);
    Tensor dv = Heads.join(gradients.get(2));
    gradients.get(0).close();
    gradients.get(1).close();
    saved.free(SELF_QUERY, SELF_KEY);
    return projections.backward(List.of(dq, dk, dv), normed, saved, wanted.input());
  }

  private static Tensor turnedBack(HeadNorm norm, Tensor gradient, Tensor x, BlockInputs inputs) {
    return Scope.keep(() -> norm.backward(inputs.rotary().backward(gradient.transpose(1, 2)), x));
  }
}
