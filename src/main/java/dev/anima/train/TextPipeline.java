package dev.anima.train;

import static java.util.Objects.requireNonNull;

import dev.anima.engine.Device;
import dev.anima.engine.Dtype;
import dev.anima.engine.NoGrad;
import dev.anima.engine.Ops;
import dev.anima.engine.Scope;
import dev.anima.engine.Tensor;
import dev.anima.model.Adapters;
import dev.anima.model.Placement;
import dev.anima.model.text.LlmAdapter;
import dev.anima.model.text.Tokens;
import dev.anima.train.TextEncoder.Encoded;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Supplier;

/// Captions in, the context the DiT attends to out; each piece of work is done as rarely as the run
/// allows.
///
/// What nothing trained precedes is computed once per caption and kept: the Qwen3 states, or behind
/// them the LLM adapter's output. Only the rows of real tokens are kept.
///
/// On the CPU texts go through Qwen3 and the adapter one at a time: what a text becomes does not
/// depend on the texts that came with it, so a resumed run is the same to the last bit. Nothing is
/// lost: from about 48 tokens on, the products of one text keep all cores busy. A graphics card
/// gets texts of like length together.
///
/// Shapes: `B` batch, `L` padded Qwen3 tokens, `T` padded T5 tokens.
final class TextPipeline implements AutoCloseable {
  /// Captions whose outputs are kept, beside the lasting ones: 0.3 GB of contexts of 80 tokens in
  /// bf16, a quarter of the encoder. Shuffled captions hardly ever come twice.
  static final int KEPT = 2048;

  /// Texts that go through the models together on a graphics card.
  private static final int TOGETHER = 32;

  private final TextEncoder encoder;
  private final Placement placement;
  private final int together;

  /// Not to be computed again, so never forgotten: read from a cache file, or told by the caller.
  private final Map<String, Encoded> given = new HashMap<>();

  /// Those among them that nobody has needed yet.
  private final Map<String, Supplier<Encoded>> later = new HashMap<>();

  private final KeptTexts<Encoded> encoded = new KeptTexts<>(Encoded::close);
  private final KeptTexts<Tensor> contexts = new KeptTexts<>(Tensor::close);
  private Set<String> lasting = Set.of();

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

  /// Told how many texts went through Qwen3, again and again.
  interface Progress {
    Progress NONE = (_, _) -> {};

    void at(int done, int total);
  }

  /// @param encoder owned from here on
  TextPipeline(TextEncoder encoder) {
    this(encoder, encoder.placement().device().isCpu() ? 1 : TOGETHER);
  }

  /// @param together texts that go through the models together
  TextPipeline(TextEncoder encoder, int together) {
    this.encoder = encoder;
    this.placement = encoder.placement();
    this.together = together;
  }

  TextEncoder encoder() {
    return encoder;
  }

  // ---- nothing before the adapter trains ------------------------------------------------------

  /// Keeps `entry` under `key` for good, for texts encoded elsewhere (a cache file).
  void keep(String key, Tensor states, Tokens t5) {
    Encoded before = given.put(key, new Encoded(states.retain(), t5));
    if (before != null) {
      before.close();
    }
  }

  /// As [#keep], but what belongs to `key` is read only when it is needed.
  ///
  /// @param read gives an entry that is owned here from then on
  void keepLater(String key, Supplier<Encoded> read) {
    later.put(key, read);
  }

  /// Reads now what [#keepLater] would read at the first use.
  void read(List<String> keys) {
    for (String key : keys) {
      Supplier<Encoded> read = later.remove(key);
      if (read != null) {
        given.put(key, read.get());
      }
    }
  }

  /// Texts that come again and again (sample prompts, validation captions): not forgotten while
  /// others come and go.
  void keepForGood(Collection<String> texts) {
    lasting = Set.copyOf(texts);
  }

  /// The Qwen3 states of every text not kept yet.
  void encode(List<String> captions) {
    encode(captions, Progress.NONE);
  }

  void encode(List<String> captions, Progress progress) {
    List<String> missing = captions.stream().distinct().filter(text -> !isEncoded(text)).toList();
    if (missing.isEmpty()) {
      return;
    }
    Map<String, Tokens> tokens = new LinkedHashMap<>();
    missing.forEach(text -> tokens.put(text, encoder.tokens(text)));
    int finished = 0;
    for (List<String> chunk : chunks(tokens)) {
      List<Encoded> results = encoder.encode(chunk, chunk.stream().map(tokens::get).toList());
      for (int i = 0; i < chunk.size(); i++) {
        encoded.put(chunk.get(i), results.get(i));
      }
      finished += chunk.size();
      progress.at(finished, missing.size());
    }
    forgetOldest(encoded, captions);
  }

  /// Texts to be computed together: sorted by length, so that little is padded.
  private List<List<String>> chunks(Map<String, Tokens> tokens) {
    List<String> texts = new ArrayList<>(tokens.keySet());
    if (together > 1) {
      texts.sort(Comparator.comparingInt(text -> requireNonNull(tokens.get(text)).used()));
    }
    List<List<String>> chunks = new ArrayList<>();
    for (int i = 0; i < texts.size(); i += together) {
      chunks.add(texts.subList(i, Math.min(texts.size(), i + together)));
    }
    return chunks;
  }

  /// Frees the states of texts that are not needed again.
  void forget(Collection<String> texts) {
    texts.forEach(encoded::forget);
  }

  private boolean isEncoded(String key) {
    return given.containsKey(key) || later.containsKey(key) || encoded.contains(key);
  }

  /// What is kept under `key`, padded as cache files hold it.
  ///
  /// @return `(L, hidden)` in the caller's scope
  Tensor paddedStates(String key, int hidden) {
    return padded(require(key), hidden);
  }

  Encoded require(String key) {
    read(List.of(key));
    Encoded entry = given.get(key);
    if (entry == null) {
      entry = encoded.find(key);
    }
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
      int used = entry.used();
      states.add(padded(entry, hidden));
      masks.add(
          Ops.pad(
              Ops.full(1, Dtype.I64, placement.device(), used), 0, encoder.qwen3Length() - used));
      t5.add(entry.t5());
      longest = Math.max(longest, used);
    }
    return new Batch(Ops.stack(states, 0), Ops.stack(masks, 0), t5, longest);
  }

  private Tensor padded(Encoded entry, int hidden) {
    int used = entry.used();
    return used == 0
        ? Ops.zeros(placement.dtype(), placement.device(), encoder.qwen3Length(), hidden)
        : Ops.pad(
            entry.states().to(placement.device(), placement.dtype()),
            0,
            0,
            0,
            encoder.qwen3Length() - used);
  }

  /// Whether nothing has to be computed to use these texts.
  ///
  /// @param asContexts through the LLM adapter too, else only through Qwen3
  boolean isReady(List<String> keys, boolean asContexts) {
    return keys.stream().allMatch(asContexts ? contexts::contains : this::isEncoded);
  }

  /// The context of texts before which nothing trains: computed once per key.
  ///
  /// @param keys captions (encoded on demand) or keys given to [#keep]
  /// @return `(B, T, context)` in the model's dtype, in the caller's scope
  Tensor context(List<String> keys, LlmAdapter adapter, int hidden) {
    prepareContexts(keys, adapter, hidden, Progress.NONE);
    return Scope.keep(() -> Ops.stack(keys.stream().map(this::paddedContext).toList(), 0));
  }

  /// Computes the contexts of all `keys` that are not kept, for [#context].
  void prepareContexts(List<String> keys, LlmAdapter adapter, int hidden, Progress progress) {
    List<String> missing = keys.stream().distinct().filter(key -> !contexts.contains(key)).toList();
    if (missing.isEmpty()) {
      return;
    }
    encode(missing, progress);
    Map<String, Tokens> tokens = new LinkedHashMap<>();
    missing.forEach(key -> tokens.put(key, require(key).t5()));
    for (List<String> chunk : chunks(tokens)) {
      try (Scope _ = new Scope();
          NoGrad _ = new NoGrad()) {
        Tensor computed = context(kept(chunk, hidden), adapter, true, Adapters.NONE);
        for (int i = 0; i < chunk.size(); i++) {
          int used = Math.max(1, require(chunk.get(i)).t5().used());
          Tensor rows = computed.select(0, i).narrow(0, 0, used).copy();
          contexts.put(chunk.get(i), rows.retain());
          encoded.forget(chunk.get(i)); // not needed again
        }
      }
    }
    forgetOldest(contexts, keys);
  }

  /// Rows of kept contexts that are text, at least 1.
  List<Long> lengths(List<String> keys) {
    return keys.stream().map(key -> keptContext(key).size(0)).toList();
  }

  private Tensor paddedContext(String key) {
    Tensor rows = keptContext(key);
    return Ops.pad(rows, 0, 0, 0, encoder.t5Length() - rows.size(0));
  }

  private Tensor keptContext(String key) {
    Tensor rows = contexts.find(key);
    if (rows == null) {
      throw new IllegalStateException("no context of " + key);
    }
    return rows;
  }

  /// Makes room, but not at the cost of `now` and the lasting texts.
  private void forgetOldest(KeptTexts<?> texts, List<String> now) {
    lasting.forEach(texts::find);
    now.forEach(texts::find);
    texts.forgetOldest(Math.max(KEPT, now.size()) + lasting.size());
  }

  // ---- something before the DiT trains --------------------------------------------------------

  /// Texts through a Qwen3 that trains (or carries a LoRA): computed every time.
  ///
  /// @param wholeLength compute padding too: element dropout draws its masks over all L tokens
  Batch encodeLive(List<String> captions, boolean wholeLength, Adapters adapters) {
    List<Tokens> tokens = captions.stream().map(encoder::tokens).toList();
    return new Batch(
        encoder.states(tokens, wholeLength, adapters),
        Tokens.mask(tokens).to(placement.device()),
        captions.stream().map(encoder::t5).toList(),
        Tokens.longest(tokens));
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
    given.values().forEach(Encoded::close);
    given.clear();
    encoded.close();
    contexts.close();
    encoder.close();
  }
}
