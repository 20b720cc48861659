package dev.anima.model.block;

import static dev.anima.model.block.Activation.CROSS_ATTENDED;
import static dev.anima.model.block.Activation.CROSS_KEY;
import static dev.anima.model.block.Activation.CROSS_LOGSUMEXP;
import static dev.anima.model.block.Activation.CROSS_NORMED;
import static dev.anima.model.block.Activation.CROSS_NORMED_KEY;
import static dev.anima.model.block.Activation.CROSS_NORMED_QUERY;
import static dev.anima.model.block.Activation.CROSS_QUERY;
import static dev.anima.model.block.Activation.CROSS_VALUE;

import dev.anima.engine.AttentionKernel;
import dev.anima.engine.Ops;
import dev.anima.engine.Scope;
import dev.anima.engine.Tensor;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/// `a = Wo softmax(q̂ k̂ᵀ / √d) v`, with `q = Wq n`, `k, v = Wkv text`, `q̂ = HeadNorm(q)`, `k̂ =
/// HeadNorm(k)`. The padded rows of the text are zero keys.
record CrossAttention(
    AdaptedLinear queryProjection,
    AdaptedLinear textProjections,
    AdaptedLinear output,
    HeadNorm queryNorm,
    HeadNorm keyNorm,
    AttentionKernel kernel)
    implements Branch {

  @Override
  public Tensor forward(Activations saved, BlockInputs inputs, Supplier<Tensor> normed) {
    attend(saved, inputs, normed);
    return Scope.keep(() -> output.forward(Heads.join(saved.get(CROSS_ATTENDED)), saved));
  }

  private void attend(Activations saved, BlockInputs inputs, Supplier<Tensor> normed) {
    if (saved.has(CROSS_ATTENDED)) {
      return;
    }
    projectQuery(saved, normed);
    saved.done(CROSS_NORMED);
    projectText(saved, inputs.text());
    normQuery(saved);
    saved.done(CROSS_QUERY, CROSS_KEY);
    AttentionKernel.Attended attended = attend(saved, inputs.text());
    saved.done(CROSS_NORMED_QUERY, CROSS_NORMED_KEY, CROSS_VALUE);
    saved.put(CROSS_ATTENDED, attended.output());
    saved.put(CROSS_LOGSUMEXP, attended.logSumExp());
  }

  private void projectQuery(Activations saved, Supplier<Tensor> normed) {
    if (!saved.has(CROSS_QUERY)) {
      saved.put(CROSS_QUERY, queryProjection.forward(normed.get(), saved));
    }
  }

  private void projectText(Activations saved, TextContext text) {
    if (!saved.has(CROSS_KEY) || !saved.has(CROSS_VALUE)) {
      List<Tensor> kv = textProjections.forward(text.rows(), saved, text.drawn());
      saved.put(CROSS_KEY, kv.get(0));
      saved.put(CROSS_VALUE, kv.get(1));
    }
    if (!saved.has(CROSS_NORMED_KEY)) {
      saved.put(CROSS_NORMED_KEY, keyNorm.forward(saved.get(CROSS_KEY)));
    }
  }

  private void normQuery(Activations saved) {
    if (!saved.has(CROSS_NORMED_QUERY)) {
      saved.put(CROSS_NORMED_QUERY, queryNorm.forward(saved.get(CROSS_QUERY)));
    }
  }

  private AttentionKernel.Attended attend(Activations saved, TextContext text) {
    Tensor query = saved.get(CROSS_NORMED_QUERY);
    Tensor key = saved.get(CROSS_NORMED_KEY);
    Tensor value = Heads.split(saved.get(CROSS_VALUE), key);
    if (text.allOfOneLength()) {
      return Heads.attend(kernel, query, key, value, text.zeroKeys(0));
    }
    List<Tensor> joined =
        Scope.keepAll(() -> {
          List<Tensor> outputs = new ArrayList<>();
          List<Tensor> sums = new ArrayList<>();
          for (int i = 0; i < text.lengths().size(); i++) {
            AttentionKernel.Attended one =
                Heads.attend(
                    kernel,
                    query.narrow(0, i, 1),
                    ofSample(key, text, i),
                    ofSample(value, text, i),
                    text.zeroKeys(i));
            outputs.add(one.output().transpose(1, 2));
            sums.add(perSample(one.logSumExp(), query));
          }
          return List.of(Ops.cat(outputs, 0).transpose(1, 2), Ops.cat(sums, 0));
        });
    return new AttentionKernel.Attended(joined.getFirst(), joined.getLast());
  }

  /// A kernel keeps no logsumexp for a sample without zero keys: zeros take its place in the batch.
  private static Tensor perSample(Tensor logSumExp, Tensor query) {
    return logSumExp.numel() > 0
        ? logSumExp
        : Ops.zeros(logSumExp.dtype(), query.device(), 1, query.size(2), query.size(1));
  }

  private static Tensor ofSample(Tensor text, TextContext context, int sample) {
    return text.narrow(0, sample, 1).narrow(1, 0, context.length(sample));
  }

  @Override
  public @Nullable Tensor backward(
      Tensor da, Activations saved, BlockInputs inputs, Supplier<Tensor> normed, Wanted wanted) {
    Tensor gradAttended = Heads.outputGradient(output, da, saved.get(CROSS_ATTENDED), saved);
    projectQuery(saved, normed);
    normQuery(saved);
    projectText(saved, inputs.text());
    List<Tensor> gradients = gradients(gradAttended, saved, inputs.text());
    gradAttended.close();
    saved.free(CROSS_NORMED_QUERY, CROSS_NORMED_KEY, CROSS_VALUE, CROSS_ATTENDED, CROSS_LOGSUMEXP);
    textBackward(gradients, saved, inputs.text(), wanted.context());
    Tensor dq =
        Scope.keep(
            () -> queryNorm.backward(gradients.get(0).transpose(1, 2), saved.get(CROSS_QUERY)));
    gradients.get(0).close();
    saved.free(CROSS_QUERY, CROSS_KEY);
    return queryProjection.backward(List.of(dq), normed, saved, wanted.input());
  }

  private List<Tensor> gradients(Tensor gradAttended, Activations saved, TextContext text) {
    Tensor query = saved.get(CROSS_NORMED_QUERY);
    Tensor key = saved.get(CROSS_NORMED_KEY);
    Tensor value = Heads.split(saved.get(CROSS_VALUE), key);
    AttentionKernel.Attended attended =
        new AttentionKernel.Attended(saved.get(CROSS_ATTENDED), saved.get(CROSS_LOGSUMEXP));
    if (text.allOfOneLength()) {
      return Heads.gradients(kernel, gradAttended, query, key, value, attended, text.zeroKeys(0));
    }
    return Scope.keepAll(() -> {
      List<Tensor> queries = new ArrayList<>();
      Tensor gradKey = zerosLike(key);
      Tensor gradValue = zerosLike(key);
      for (int i = 0; i < text.lengths().size(); i++) {
        List<Tensor> one =
            Heads.gradients(
                kernel,
                gradAttended.narrow(0, i, 1),
                query.narrow(0, i, 1),
                ofSample(key, text, i),
                ofSample(value, text, i),
                new AttentionKernel.Attended(
                    attended.output().narrow(0, i, 1), attended.logSumExp().narrow(0, i, 1)),
                text.zeroKeys(i));
        queries.add(one.get(0).transpose(1, 2));
        ofSample(gradKey, text, i).copy_(one.get(1).transpose(1, 2));
        ofSample(gradValue, text, i).copy_(one.get(2).transpose(1, 2));
      }
      return List.of(
          Ops.cat(queries, 0).transpose(1, 2), gradKey.transpose(1, 2), gradValue.transpose(1, 2));
    });
  }

  private static Tensor zerosLike(Tensor tensor) {
    return Ops.zeros(tensor.dtype(), tensor.device(), tensor.shape());
  }

  /// Into the text's adapters and, if wanted, the text itself.
  private void textBackward(
      List<Tensor> gradients, Activations saved, TextContext text, @Nullable Tensor gradContext) {
    if (!textProjections.isAdapted() && gradContext == null) {
      return;
    }
    try (Scope _ = new Scope()) {
      Tensor dk = keyNorm.backward(gradients.get(1).transpose(1, 2), saved.get(CROSS_KEY));
      Tensor dv = Heads.join(gradients.get(2));
      Tensor dtext =
          textProjections.backward(List.of(dk, dv), text::rows, saved, gradContext != null);
      if (gradContext != null && dtext != null) {
        gradContext.add_(dtext);
      }
    }
  }
}
