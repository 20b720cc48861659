package dev.anima.sample;

import dev.anima.engine.Device;
import dev.anima.engine.NoGrad;
import dev.anima.engine.Scope;
import dev.anima.engine.Tensor;
import dev.anima.model.Adapters;
import dev.anima.model.dit.AnimaDit;
import dev.anima.model.text.Qwen3;
import dev.anima.model.text.Tokenizers;
import dev.anima.model.text.Tokens;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/// Contexts computed by Qwen3 and the LLM adapter, each text once.
///
/// Texts asked for before are kept, so the text encoder can be closed once every prompt was asked
/// for. The weights and the adapters must not change while this is in use.
public final class PromptContexts implements Contexts, AutoCloseable {
  private final Tokenizers tokenizers;
  private final Qwen3 qwen3;
  private final AnimaDit dit;
  private final Lengths lengths;
  private final Adapters ofTextEncoder;
  private final Adapters ofDit;
  private final Map<String, Tensor> kept = new HashMap<>();

  /// Rows that texts are cut or padded to. The DiT sees the padding too, so T changes pictures.
  ///
  /// @param qwen3 `--qwen3_max_token_length`
  /// @param t5 `--t5_max_token_length`, the T of the contexts
  public record Lengths(int qwen3, int t5) {
    /// What the reference uses, unless told otherwise.
    public static final Lengths DEFAULT = new Lengths(512, 512);
  }

  /// The models stay the caller's; they work on one device and in one dtype.
  ///
  /// @param ofTextEncoder what stands beside Qwen3's layers
  /// @param ofDit what stands beside the DiT's layers, those of the LLM adapter among them
  public PromptContexts(
      Tokenizers tokenizers,
      Qwen3 qwen3,
      AnimaDit dit,
      Lengths lengths,
      Adapters ofTextEncoder,
      Adapters ofDit) {
    this.tokenizers = tokenizers;
    this.qwen3 = qwen3;
    this.dit = dit;
    this.lengths = lengths;
    this.ofTextEncoder = ofTextEncoder;
    this.ofDit = ofDit;
  }

  /// For models without a LoRA.
  public PromptContexts(Tokenizers tokenizers, Qwen3 qwen3, AnimaDit dit, Lengths lengths) {
    this(tokenizers, qwen3, dit, lengths, Adapters.NONE, Adapters.NONE);
  }

  @Override
  public Tensor of(String prompt) {
    return kept.computeIfAbsent(prompt, this::compute);
  }

  private Tensor compute(String prompt) {
    Device device = dit.placement().device();
    List<Tokens> source = List.of(tokenizers.qwen3().encode(prompt, lengths.qwen3()));
    List<Tokens> target = List.of(tokenizers.t5().encode(prompt, lengths.t5()));
    int used = Tokens.longest(source);
    try (Scope _ = new Scope();
        NoGrad _ = new NoGrad()) {
      Tensor mask = Tokens.mask(source).to(device);
      Tensor states = qwen3.encode(Tokens.ids(source).to(device), mask, used, ofTextEncoder);
      return dit.llmAdapter()
          .context(
              states.to(dit.placement().dtype()),
              mask,
              Tokens.ids(target).to(device),
              Tokens.mask(target).to(device),
              used,
              Tokens.longest(target),
              ofDit)
          .retain();
    }
  }

  /// Frees what is kept.
  @Override
  public void close() {
    kept.values().forEach(Tensor::close);
    kept.clear();
  }
}
