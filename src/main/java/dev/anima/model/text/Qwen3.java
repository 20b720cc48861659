package dev.anima.model.text;

import dev.anima.engine.Device;
import dev.anima.engine.Dtype;
import dev.anima.engine.Ops;
import dev.anima.engine.Scope;
import dev.anima.engine.Tensor;
import dev.anima.io.InputException;
import dev.anima.model.Adapters;
import dev.anima.model.Attention;
import dev.anima.model.Checkpoint;
import dev.anima.model.Linear;
import dev.anima.model.Placement;
import dev.anima.model.RandomTensors;
import dev.anima.model.Rms;
import dev.anima.model.Rotary;
import dev.anima.model.TextPositions;
import dev.anima.model.WeightEdit;
import dev.anima.model.Weights;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.IntStream;

/// The Qwen3 text encoder: the language model's states after its final norm.
///
/// Shapes: `B` batch, `L` tokens. Records an autograd graph where something requires a gradient;
/// the weights are frozen and owned by this.
public final class Qwen3 implements AutoCloseable {
  private final Qwen3Config config;
  private final Weights weights;
  private final Tensor embedding;
  private final List<Layer> layers;
  private final Tensor norm;
  private final TextPositions positions;

  /// The weights of one layer.
  private record Layer(
      Tensor inputNorm,
      Linear q,
      Linear k,
      Linear v,
      Linear o,
      Tensor qNorm,
      Tensor kNorm,
      Tensor mlpNorm,
      Linear gate,
      Linear up,
      Linear down) {
    static Layer load(Weights weights, int index) {
      String layer = "layers." + index + ".";
      return new Layer(
          weights.tensor(layer + "input_layernorm.weight"),
          weights.linear(layer + "self_attn.q_proj"),
          weights.linear(layer + "self_attn.k_proj"),
          weights.linear(layer + "self_attn.v_proj"),
          weights.linear(layer + "self_attn.o_proj"),
          weights.tensor(layer + "self_attn.q_norm.weight"),
          weights.tensor(layer + "self_attn.k_norm.weight"),
          weights.tensor(layer + "post_attention_layernorm.weight"),
          weights.linear(layer + "mlp.gate_proj"),
          weights.linear(layer + "mlp.up_proj"),
          weights.linear(layer + "mlp.down_proj"));
    }
  }

  /// What every layer needs of the batch.
  ///
  /// @param rope positions 0 .. L - 1, padding or not
  /// @param mask boolean `(B, 1, L, L)`: attend to tokens at or before one's own place
  public record Text(Rotary rope, Tensor mask) {}

  private Qwen3(Qwen3Config config, Weights weights) {
    this.config = config;
    this.weights = weights;
    embedding = weights.table("embed_tokens.weight");
    layers = IntStream.range(0, config.layers()).mapToObj(i -> Layer.load(weights, i)).toList();
    norm = weights.tensor("norm.weight");
    positions = new TextPositions(config.headSize(), config.ropeBase(), weights.placement());
    weights.loaded();
  }

  /// Loads a single file, or a Hugging Face folder with `config.json` and `model.safetensors`.
  ///
  /// @throws InputException if it is not a complete Qwen3 text encoder
  public static Qwen3 load(Path fileOrFolder, Placement placement) {
    return load(fileOrFolder, placement, WeightEdit.NONE);
  }

  /// Loads with `edit` applied to the weight of every linear layer.
  public static Qwen3 load(Path fileOrFolder, Placement placement, WeightEdit edit) {
    Checkpoint checkpoint = Checkpoint.open(Qwen3Config.weightsFile(fileOrFolder));
    Weights weights = new Weights(checkpoint, placement, edit);
    try {
      return new Qwen3(Qwen3Config.of(checkpoint, fileOrFolder), weights);
    } catch (RuntimeException e) {
      weights.close();
      throw e;
    }
  }

  /// A text encoder of made-up weights, for measurements.
  public static Qwen3 random(Qwen3Config config, Placement placement, long seed) {
    return new Qwen3(
        config,
        new Weights(
            new RandomTensors(config.layout(), placement, seed), placement, WeightEdit.NONE));
  }

  public Qwen3Config config() {
    return config;
  }

  public Placement placement() {
    return weights.placement();
  }

  /// Bytes of all weights.
  public long bytes() {
    return weights.bytes();
  }

  /// The text's states with the padded rows set to 0, as the LLM adapter wants them.
  ///
  /// @param ids `(B, L)` int64 token ids, padded on the right
  /// @param mask `(B, L)` 1 = token, 0 = padding
  /// @return `(B, L, hidden)` in the model's dtype, in the caller's scope
  public Tensor encode(Tensor ids, Tensor mask, Adapters adapters) {
    return Scope.keep(() -> forward(ids, mask, adapters).maskedFill(mask.eq(0).unsqueeze(-1), 0));
  }

  /// The same with the padding left out of the computation: much faster for short captions, equal
  /// but for the order of sums.
  ///
  /// @param used tokens of the longest text in the batch
  public Tensor encode(Tensor ids, Tensor mask, int used, Adapters adapters) {
    int length = Math.max(1, used);
    return Scope.keep(() ->
        Ops.pad(
            encode(ids.narrow(1, 0, length), mask.narrow(1, 0, length), adapters),
            0,
            0,
            0,
            ids.size(1) - length));
  }

  /// The states after the final norm; padded rows are meaningless.
  public Tensor forward(Tensor ids, Tensor mask, Adapters adapters) {
    return Scope.keep(() -> {
      Text text = text(mask);
      Tensor h = embed(ids);
      for (int i = 0; i < layers.size(); i++) {
        Tensor next = layer(i, h, text, adapters);
        h.close(); // the graph, if there is one, keeps what it needs
        h = next;
      }
      return finish(h);
    });
  }

  /// Positions and mask for a batch, in the current scope.
  ///
  /// @param mask `(B, L)` 1 = token, 0 = padding
  public Text text(Tensor mask) {
    long length = mask.size(1);
    Device device = mask.device();
    Tensor at = Ops.arange(length, Dtype.I64, device);
    Tensor causal = at.unsqueeze(1).sub(at.unsqueeze(0)).gt(-1); // (L, L), row >= column
    Tensor tokens = mask.ne(0).unsqueeze(1).unsqueeze(1); // (B, 1, 1, L)
    return new Text(positions.upTo(length), causal.logicalAnd(tokens));
  }

  /// `(B, L)` ids to `(B, L, hidden)`.
  public Tensor embed(Tensor ids) {
    return Ops.embedding(embedding, ids).to(norm.dtype());
  }

  /// Layer `index`, a pure function that may be run again.
  ///
  /// @param h `(B, L, hidden)`
  /// @return `(B, L, hidden)` in the caller's scope
  public Tensor layer(int index, Tensor h, Text text, Adapters adapters) {
    Layer layer = layers.get(index);
    return Scope.keep(() -> {
      Tensor attended =
          h.add(attention(layer, Rms.norm(h, layer.inputNorm, config.epsilon()), text, adapters));
      Tensor n = Rms.norm(attended, layer.mlpNorm, config.epsilon());
      Tensor gate = Ops.silu(layer.gate.apply(n, adapters));
      Tensor up = layer.up.apply(n, adapters);
      return attended.add(layer.down.apply(gate.mul(up), adapters));
    });
  }

  /// The final norm.
  public Tensor finish(Tensor h) {
    return Rms.norm(h, norm, config.epsilon());
  }

  private Tensor attention(Layer layer, Tensor n, Text text, Adapters adapters) {
    Tensor q = Attention.split(layer.q.apply(n, adapters), config.headSize());
    Tensor k = Attention.split(layer.k.apply(n, adapters), config.headSize());
    Tensor v = Attention.split(layer.v.apply(n, adapters), config.headSize());
    Tensor turnedQ = text.rope.apply(Rms.norm(q, layer.qNorm, config.epsilon()));
    Tensor turnedK = text.rope.apply(Rms.norm(k, layer.kNorm, config.epsilon()));
    // Key head j serves the query heads j r .. j r + r - 1.
    long sharing = config.heads() / config.keyHeads();
    Tensor attended =
        Attention.attend(
            turnedQ,
            turnedK.repeatInterleave(sharing, 2),
            v.repeatInterleave(sharing, 2),
            text.mask);
    return layer.o.apply(attended, adapters);
  }

  @Override
  public void close() {
    positions.close();
    weights.close();
  }
}
