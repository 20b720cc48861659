package dev.anima.train;

import dev.anima.engine.Device;
import dev.anima.engine.Dtype;
import dev.anima.engine.NoGrad;
import dev.anima.engine.Ops;
import dev.anima.engine.Scope;
import dev.anima.engine.Tensor;
import dev.anima.model.Adapters;
import dev.anima.model.Placement;
import dev.anima.model.text.LlmAdapter;
import dev.anima.model.text.Qwen3;
import dev.anima.model.text.Tokenizers;
import dev.anima.model.text.Tokens;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// Captions in, the context the DiT attends to out; each piece of work is done as rarely as the run
/// allows.
///
/// What nothing trained precedes is computed once per caption and kept: the Qwen3 states, and
/// behind them the LLM adapter's output. Kept states hold only the rows of real tokens.
///
/// Shapes: `B` batch, `L` padded Qwen3 tokens, `T` padded T5 tokens.
final class TextPipeline implements AutoCloseable {
  /// Captions whose outputs are kept; shuffled captions hardly ever come twice.
  private static final int KEPT = 2048;

  private final Tokenizers tokenizers;
  private final Path qwen3Path;
  private final Placement placement;
  private final int qwen3Length;
  private final int t5Length;
  private final WarmModels models;
  private final boolean ownsModels;
  private @Nullable Qwen3 qwen3;
  private final Map<String, Encoded> encoded = new LinkedHashMap<>(64, 0.75f, true);
  private final Map<String, Tensor> contexts = new LinkedHashMap<>(64, 0.75f, true);

  /// One text after Qwen3, without padding.
  ///
  /// @param states `(n, hidden)` of the n tokens, owned by the pipeline
  /// @param t5 its T5 tokens
  record Encoded(Tensor states, Tokens t5) {}

  /// A batch after Qwen3, ready for the LLM adapter.
  ///
  /// @param states `(B, L, hidden)`, padding 0; with a graph if the text encoder trains
  /// @param mask `(B, L)` 1 for tokens
  /// @param t5 tokens per sample
  /// @param used Qwen3 tokens of the longest text
  record Batch(Tensor states, Tensor mask, List<Tokens> t5, int used) {
    /// T5 tokens of each text.
    List<Long> lengths() {
      return t5.stream().map(tokens -> (long) tokens.used()).toList();
    }
  }

  /// With a text encoder of its own.
  TextPipeline(
      Tokenizers tokenizers, Path qwen3Path, Placement placement, int qwen3Length, int t5Length) {
    this(tokenizers, qwen3Path, placement, qwen3Length, t5Length, new WarmModels(), true);
  }

  /// @param models where the text encoder comes from
  TextPipeline(
      Tokenizers tokenizers,
      Path qwen3Path,
      Placement placement,
      int qwen3Length,
      int t5Length,
      WarmModels models) {
    this(tokenizers, qwen3Path, placement, qwen3Length, t5Length, models, false);
  }

  private TextPipeline(
      Tokenizers tokenizers,
      Path qwen3Path,
      Placement placement,
      int qwen3Length,
      int t5Length,
      WarmModels models,
      boolean ownsModels) {
    this.tokenizers = tokenizers;
    this.qwen3Path = qwen3Path;
    this.placement = placement;
    this.qwen3Length = qwen3Length;
    this.t5Length = t5Length;
    this.models = models;
    this.ownsModels = ownsModels;
  }

  int qwen3Length() {
    return qwen3Length;
  }

  int t5Length() {
    return t5Length;
  }

  /// The text encoder, loaded at the first call.
  Qwen3 qwen3() {
    Qwen3 model = qwen3;
    if (model == null) {
      model = models.qwen3(qwen3Path, placement);
      qwen3 = model;
    }
    return model;
  }

  /// Frees the text encoder; what has been encoded stays.
  void releaseTextEncoder() {
    if (qwen3 != null) {
      models.releaseQwen3();
      qwen3 = null;
    }
  }

  Tokens t5(String caption) {
    return tokenizers.t5().encode(caption, t5Length);
  }

  // ---- nothing before the adapter trains ------------------------------------------------------

  /// Keeps `entry` under `key`, for texts encoded elsewhere (a cache file).
  void keep(String key, Tensor states, Tokens t5) {
    Encoded before = encoded.put(key, new Encoded(states.retain(), t5));
    if (before != null) {
      before.states().close();
    }
  }

  boolean isKept(String key) {
    return encoded.containsKey(key);
  }

  /// The Qwen3 states of every text not kept yet, in one batch.
  void encode(List<String> captions) {
    List<String> missing =
        captions.stream().distinct().filter(caption -> !encoded.containsKey(caption)).toList();
    if (missing.isEmpty()) {
      return;
    }
    try (Scope _ = new Scope();
        NoGrad _ = new NoGrad()) {
      List<Tokens> tokens =
          missing.stream().map(text -> tokenizers.qwen3().encode(text, qwen3Length)).toList();
      // An empty text has no tokens and needs no encoder.
      Tensor states =
          Tokens.longest(tokens) == 0
              ? null
              : qwen3()
                  .encode(
                      Tokens.ids(tokens).to(placement.device()),
                      Tokens.mask(tokens).to(placement.device()),
                      Tokens.longest(tokens),
                      Adapters.NONE);
      for (int i = 0; i < missing.size(); i++) {
        int used = tokens.get(i).used();
        Tensor own =
            states == null
                ? Ops.zeros(placement.dtype(), placement.device(), 0, 1)
                : states.select(0, i).narrow(0, 0, used).copy();
        keep(missing.get(i), own, t5(missing.get(i)));
      }
    }
    forgetOldest();
  }

  /// What is kept under `key`, padded as cache files hold it.
  ///
  /// @return `(L, hidden)` in the caller's scope
  Tensor paddedStates(String key, int hidden) {
    return padded(require(key), hidden);
  }

  Encoded require(String key) {
    Encoded entry = encoded.get(key);
    if (entry == null) {
      throw new IllegalStateException("text was not encoded: " + key);
    }
    return entry;
  }

  /// A batch of texts that are kept, without a graph.
  Batch kept(List<String> keys, int hidden) {
    List<Tensor> states = new ArrayList<>();
    List<Tensor> masks = new ArrayList<>();
    List<Tokens> t5 = new ArrayList<>();
    int longest = 0;
    for (String key : keys) {
      Encoded entry = require(key);
      int used = tokens(entry);
      states.add(padded(entry, hidden));
      masks.add(Ops.pad(Ops.full(1, Dtype.I64, placement.device(), used), 0, qwen3Length - used));
      t5.add(entry.t5());
      longest = Math.max(longest, used);
    }
    return new Batch(Ops.stack(states, 0), Ops.stack(masks, 0), t5, longest);
  }

  private Tensor padded(Encoded entry, int hidden) {
    int used = tokens(entry);
    return used == 0
        ? Ops.zeros(placement.dtype(), placement.device(), qwen3Length, hidden)
        : Ops.pad(
            entry.states().to(placement.device(), placement.dtype()), 0, 0, 0, qwen3Length - used);
  }

  private static int tokens(Encoded entry) {
    return Math.toIntExact(entry.states().size(0));
  }

  /// The context of texts before which nothing trains: computed once per key.
  ///
  /// @param keys captions (encoded on demand) or keys given to [#keep]
  /// @return `(B, T, context)` in the model's dtype, in the caller's scope
  Tensor context(List<String> keys, LlmAdapter adapter, int hidden) {
    List<String> missing =
        keys.stream().distinct().filter(key -> !contexts.containsKey(key)).toList();
    // One at a time: what a text becomes must not depend on which texts came with it, or a resumed
    // run would differ in the last bits.
    for (String key : missing) {
      encode(List.of(key));
      try (Scope _ = new Scope();
          NoGrad _ = new NoGrad()) {
        Tensor computed = context(kept(List.of(key), hidden), adapter, true, Adapters.NONE);
        int used = Math.max(1, require(key).t5().used());
        contexts.put(key, computed.select(0, 0).narrow(0, 0, used).copy().retain());
      }
    }
    Tensor result = Scope.keep(() -> Ops.stack(keys.stream().map(this::paddedContext).toList(), 0));
    forgetOldest();
    return result;
  }

  /// Rows of kept contexts that are text, at least 1.
  List<Long> lengths(List<String> keys) {
    return keys.stream().map(key -> keptContext(key).size(0)).toList();
  }

  private Tensor paddedContext(String key) {
    Tensor rows = keptContext(key);
    return Ops.pad(rows, 0, 0, 0, t5Length - rows.size(0));
  }

  private Tensor keptContext(String key) {
    Tensor rows = contexts.get(key);
    if (rows == null) {
      throw new IllegalStateException("no context of " + key);
    }
    return rows;
  }

  private void forgetOldest() {
    while (contexts.size() > KEPT) {
      Map.Entry<String, Tensor> oldest = contexts.entrySet().iterator().next();
      contexts.remove(oldest.getKey());
      oldest.getValue().close();
    }
    // States of a text whose encoder is gone could not be computed again.
    while (qwen3 != null && encoded.size() > KEPT) {
      Map.Entry<String, Encoded> oldest = encoded.entrySet().iterator().next();
      encoded.remove(oldest.getKey());
      oldest.getValue().states().close();
    }
  }

  // ---- something before the DiT trains --------------------------------------------------------

  /// Texts through a Qwen3 that trains (or carries a LoRA): computed every time.
  ///
  /// @param wholeLength compute padding too: element dropout draws its masks over all L tokens
  Batch encodeLive(List<String> captions, boolean wholeLength, Adapters adapters) {
    List<Tokens> tokens =
        captions.stream().map(text -> tokenizers.qwen3().encode(text, qwen3Length)).toList();
    Tensor ids = Tokens.ids(tokens).to(placement.device());
    Tensor mask = Tokens.mask(tokens).to(placement.device());
    int used = Tokens.longest(tokens);
    Tensor states =
        wholeLength
            ? qwen3().encode(ids, mask, adapters)
            : qwen3().encode(ids, mask, used, adapters);
    return new Batch(states, mask, captions.stream().map(this::t5).toList(), used);
  }

  /// The LLM adapter over a batch; a graph where something trains.
  ///
  /// @param trimmed leave padding out of the computation (no dropout draws depend on it)
  /// @return `(B, T, context)`, padded rows 0, in the caller's scope
  Tensor context(Batch batch, LlmAdapter adapter, boolean trimmed, Adapters adapters) {
    Device device = placement.device();
    Tensor ids = Tokens.ids(batch.t5()).to(device);
    Tensor mask = Tokens.mask(batch.t5()).to(device);
    return trimmed
        ? adapter.context(
            batch.states(),
            batch.mask(),
            ids,
            mask,
            batch.used(),
            Tokens.longest(batch.t5()),
            adapters)
        : adapter.context(batch.states(), batch.mask(), ids, mask, adapters);
  }

  @Override
  public void close() {
    if (ownsModels) {
      models.close();
    }
    encoded.values().forEach(entry -> entry.states().close());
    contexts.values().forEach(Tensor::close);
    tokenizers.close();
  }
}
