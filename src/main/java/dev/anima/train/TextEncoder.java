package dev.anima.train;

import dev.anima.engine.NoGrad;
import dev.anima.engine.Ops;
import dev.anima.engine.Scope;
import dev.anima.engine.Tensor;
import dev.anima.model.Adapters;
import dev.anima.model.Placement;
import dev.anima.model.WeightEdit;
import dev.anima.model.text.Qwen3;
import dev.anima.model.text.Tokenizers;
import dev.anima.model.text.Tokens;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// Texts to tokens and to Qwen3's states. The model is loaded when there is something to encode,
/// and stays until [#release].
final class TextEncoder implements AutoCloseable {
  private final Tokenizers tokenizers;
  private final Path qwen3Path;
  private WeightEdit edit;
  private final @Nullable WarmModels models;
  private final Placement placement;
  private final int qwen3Length;
  private final int t5Length;
  private @Nullable Qwen3 qwen3;

  /// One text after Qwen3, without padding.
  ///
  /// @param states `(n, hidden)` of the n tokens, owned by whoever keeps this
  /// @param t5 its T5 tokens
  record Encoded(Tensor states, Tokens t5) implements AutoCloseable {
    int used() {
      return Math.toIntExact(states.size(0));
    }

    @Override
    public void close() {
      states.close();
    }
  }

  /// @param tokenizers owned from here on
  /// @param models where an unedited model comes from; null to load it for this alone
  /// @param edit applied to the model's weights whenever they are loaded
  TextEncoder(
      Tokenizers tokenizers,
      Path qwen3Path,
      WeightEdit edit,
      Placement placement,
      int qwen3Length,
      int t5Length,
      @Nullable WarmModels models) {
    this.models = models;
    this.tokenizers = tokenizers;
    this.edit = edit;
    this.qwen3Path = qwen3Path;
    this.placement = placement;
    this.qwen3Length = qwen3Length;
    this.t5Length = t5Length;
  }

  Placement placement() {
    return placement;
  }

  int qwen3Length() {
    return qwen3Length;
  }

  int t5Length() {
    return t5Length;
  }

  /// The model, loaded if it is not there.
  Qwen3 qwen3() {
    Qwen3 model = qwen3;
    if (model == null) {
      WarmModels shared = shared();
      model =
          shared != null
              ? shared.qwen3(qwen3Path, placement)
              : Qwen3.load(qwen3Path, placement, edit);
      qwen3 = model;
    }
    return model;
  }

  /// Loads the model now, through `another` edit instead of the one given before.
  void loadThrough(WeightEdit another) {
    release();
    edit = another;
    var _ = qwen3();
  }

  /// An edited model is this run's own.
  private @Nullable WarmModels shared() {
    return edit.equals(WeightEdit.NONE) ? models : null;
  }

  /// Whether the model is in memory.
  boolean isLoaded() {
    return qwen3 != null;
  }

  /// Frees the model's memory; it is loaded again when something is to be encoded.
  void release() {
    if (qwen3 != null) {
      WarmModels shared = shared();
      if (shared != null) {
        shared.releaseQwen3();
      } else {
        qwen3.close();
      }
      qwen3 = null;
    }
  }

  Tokens tokens(String text) {
    return tokenizers.qwen3().encode(text, qwen3Length);
  }

  Tokens t5(String text) {
    return tokenizers.t5().encode(text, t5Length);
  }

  /// Encodes texts in one batch.
  ///
  /// @param tokens of each text
  /// @return one for each text, owned by the caller
  List<Encoded> encode(List<String> texts, List<Tokens> tokens) {
    List<Encoded> result = new ArrayList<>();
    try (Scope _ = new Scope();
        NoGrad _ = new NoGrad()) {
      // An empty text has no tokens and needs no model.
      Tensor states = Tokens.longest(tokens) == 0 ? null : states(tokens, false, Adapters.NONE);
      for (int i = 0; i < texts.size(); i++) {
        Tensor own =
            states == null
                ? Ops.zeros(placement.dtype(), placement.device(), 0, 1)
                : states.select(0, i).narrow(0, 0, tokens.get(i).used()).copy();
        result.add(new Encoded(own.retain(), t5(texts.get(i))));
      }
    }
    return result;
  }

  /// The model's states; a graph where something in it trains.
  ///
  /// @param wholeLength compute padding too
  /// @return `(B, L, hidden)`, padding 0, in the caller's scope
  Tensor states(List<Tokens> tokens, boolean wholeLength, Adapters adapters) {
    Tensor ids = Tokens.ids(tokens).to(placement.device());
    Tensor mask = Tokens.mask(tokens).to(placement.device());
    return wholeLength
        ? qwen3().encode(ids, mask, adapters)
        : qwen3().encode(ids, mask, Tokens.longest(tokens), adapters);
  }

  @Override
  public void close() {
    if (qwen3 != null && shared() == null) {
      qwen3.close();
    }
    qwen3 = null;
    tokenizers.close();
  }
}
