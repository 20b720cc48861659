package dev.anima.model.text;

import dev.anima.engine.Ops;
import dev.anima.engine.Scope;
import dev.anima.engine.Tensor;
import dev.anima.model.Adapters;
import dev.anima.model.Attention;
import dev.anima.model.Linear;
import dev.anima.model.Rms;
import dev.anima.model.Rotary;
import dev.anima.model.TextPositions;
import dev.anima.model.Weights;
import java.util.List;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/// The LLM adapter: T5 token ids ask, the Qwen3 states answer; what comes out is the text the DiT
/// attends to.
///
/// Shapes: `B` batch, `S` source rows (Qwen3 tokens), `T` target rows (T5 tokens), `m` inner width.
/// Records an autograd graph where something requires a gradient.
public final class LlmAdapter implements AutoCloseable {
  private static final double ROPE_BASE = 10000;

  private final Tensor embedding;
  private final @Nullable Linear inputProjection;
  private final List<Block> blocks;
  private final Linear outputProjection;
  private final Tensor norm;
  private final TextPositions positions;

  /// The weights of one block.
  private record Block(
      Tensor normSelf,
      AttentionWeights self,
      Tensor normCross,
      AttentionWeights cross,
      Tensor normMlp,
      Linear mlp0,
      Linear mlp2) {
    static Block load(Weights weights, int index) {
      String block = LlmAdapterConfig.PREFIX + "blocks." + index + ".";
      return new Block(
          weights.tensor(block + "norm_self_attn.weight"),
          AttentionWeights.load(weights, block + "self_attn"),
          weights.tensor(block + "norm_cross_attn.weight"),
          AttentionWeights.load(weights, block + "cross_attn"),
          weights.tensor(block + "norm_mlp.weight"),
          weights.linear(block + "mlp.0"),
          weights.linear(block + "mlp.2"));
    }
  }

  private record AttentionWeights(
      Linear q, Linear k, Linear v, Linear o, Tensor qNorm, Tensor kNorm) {
    static AttentionWeights load(Weights weights, String module) {
      return new AttentionWeights(
          weights.linear(module + ".q_proj"),
          weights.linear(module + ".k_proj"),
          weights.linear(module + ".v_proj"),
          weights.linear(module + ".o_proj"),
          weights.tensor(module + ".q_norm.weight"),
          weights.tensor(module + ".k_norm.weight"));
    }
  }

  /// What attention needs of one side.
  ///
  /// @param mask boolean `(B, 1, 1, length)`, true = attend
  record Side(Rotary rope, Tensor mask) {}

  /// @param weights owner of the tensors; outlives this
  public LlmAdapter(LlmAdapterConfig config, Weights weights) {
    embedding = weights.table(LlmAdapterConfig.PREFIX + "embed.weight");
    inputProjection =
        config.hasInputProjection() ? weights.linear(LlmAdapterConfig.PREFIX + "in_proj") : null;
    blocks = IntStream.range(0, config.layers()).mapToObj(i -> Block.load(weights, i)).toList();
    outputProjection = weights.linear(LlmAdapterConfig.PREFIX + "out_proj");
    norm = weights.tensor(LlmAdapterConfig.PREFIX + "norm.weight");
    positions = new TextPositions(config.headSize(), ROPE_BASE, weights.placement());
  }

  /// The DiT's text: [#forward] with the padded target rows set to 0.
  ///
  /// @param source `(B, S, source width)` Qwen3 states in the model's dtype, padded rows 0
  /// @param sourceMask `(B, S)` 1 = token, 0 = padding
  /// @param ids `(B, T)` int64 T5 ids
  /// @param idsMask `(B, T)` 1 = token, 0 = padding
  /// @return `(B, T, context)` in the caller's scope
  public Tensor context(
      Tensor source, Tensor sourceMask, Tensor ids, Tensor idsMask, Adapters adapters) {
    return Scope.keep(() ->
        forward(source, sourceMask, ids, idsMask, adapters)
            .maskedFill(idsMask.eq(0).unsqueeze(-1), 0));
  }

  /// The same with the padding left out of the computation: much faster for short captions, equal
  /// but for the order of sums.
  ///
  /// @param usedSource source tokens of the longest text in the batch
  /// @param usedTarget target tokens of the longest text in the batch
  public Tensor context(
      Tensor source,
      Tensor sourceMask,
      Tensor ids,
      Tensor idsMask,
      int usedSource,
      int usedTarget,
      Adapters adapters) {
    int s = Math.max(1, usedSource); // an empty prompt: one masked row, attention gives 0
    int t = Math.max(1, usedTarget);
    return Scope.keep(() -> {
      Tensor used =
          context(
              source.narrow(1, 0, s),
              sourceMask.narrow(1, 0, s),
              ids.narrow(1, 0, t),
              idsMask.narrow(1, 0, t),
              adapters);
      return Ops.pad(used, 0, 0, 0, ids.size(1) - t);
    });
  }

  /// The adapter's output as computed; rows of padded targets are meaningless.
  Tensor forward(Tensor source, Tensor sourceMask, Tensor ids, Tensor idsMask, Adapters adapters) {
    return Scope.keep(() -> {
      Side target = new Side(positions.upTo(ids.size(1)), keyMask(idsMask));
      Side text = new Side(positions.upTo(source.size(1)), keyMask(sourceMask));
      Tensor x = embed(ids, adapters);
      for (int i = 0; i < blocks.size(); i++) {
        x = block(i, x, target, source, text, adapters);
      }
      return Rms.norm(outputProjection.apply(x, adapters), norm, Rms.EPSILON);
    });
  }

  Tensor embed(Tensor ids, Adapters adapters) {
    Tensor embedded = Ops.embedding(embedding, ids).to(norm.dtype());
    return inputProjection == null ? embedded : inputProjection.apply(embedded, adapters);
  }

  static Tensor keyMask(Tensor mask) {
    return mask.ne(0).unsqueeze(1).unsqueeze(1); // (B, 1, 1, length)
  }

  /// @param x `(B, T, m)`
  Tensor block(int index, Tensor x, Side target, Tensor source, Side text, Adapters adapters) {
    Block block = blocks.get(index);
    return Scope.keep(() -> {
      Tensor n = Rms.norm(x, block.normSelf, Rms.EPSILON);
      Tensor y = x.add(attention(block.self, n, target, n, target, adapters));
      n = Rms.norm(y, block.normCross, Rms.EPSILON);
      y = y.add(attention(block.cross, n, target, source, text, adapters));
      n = Rms.norm(y, block.normMlp, Rms.EPSILON);
      return y.add(block.mlp2.apply(Ops.gelu(block.mlp0.apply(n, adapters)), adapters));
    });
  }

  // Queries from n, keys and values from source; both turned by their own positions.
  private static Tensor attention(
      AttentionWeights weights,
      Tensor n,
      Side target,
      Tensor source,
      Side keys,
      Adapters adapters) {
    long headSize = weights.qNorm.size(0);
    Tensor q = Attention.split(weights.q.apply(n, adapters), headSize); // (B, T, N, d)
    Tensor k = Attention.split(weights.k.apply(source, adapters), headSize);
    Tensor v = Attention.split(weights.v.apply(source, adapters), headSize);
    Tensor turnedQ = target.rope.apply(Rms.norm(q, weights.qNorm, Rms.EPSILON));
    Tensor turnedK = keys.rope.apply(Rms.norm(k, weights.kNorm, Rms.EPSILON));
    return weights.o.apply(Attention.attend(turnedQ, turnedK, v, keys.mask), adapters);
  }

  @Override
  public void close() {
    positions.close();
  }
}
