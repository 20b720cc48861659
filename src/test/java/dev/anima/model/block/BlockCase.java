package dev.anima.model.block;

import static java.util.Objects.requireNonNull;

import dev.anima.engine.AttentionChoice;
import dev.anima.engine.AttentionKernel;
import dev.anima.engine.Device;
import dev.anima.engine.Dtype;
import dev.anima.engine.NoGrad;
import dev.anima.engine.Ops;
import dev.anima.engine.RandomStream;
import dev.anima.engine.Tensor;
import dev.anima.model.FrozenMatrix;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.Set;

/// Random blocks, adapters and inputs in float64, and the explicit run over them in any dtype.
final class BlockCase {
  static final int WIDTH = 48;
  static final int HEADS = 4;
  static final int HEAD = WIDTH / HEADS;
  static final int TEXT_WIDTH = 20;
  static final int BOTTLENECK = 5;

  static final Set<BlockLinear> MODULATION =
      EnumSet.range(BlockLinear.SELF_MODULATION_DOWN, BlockLinear.MLP_MODULATION_UP);
  static final Set<BlockLinear> PROJECTIONS =
      EnumSet.range(BlockLinear.SELF_QUERY, BlockLinear.MLP_DOWN);

  record Pair(int block, BlockLinear linear, Tensor down, Tensor up, double scale) {}

  record Dropouts(OptionalDouble element, OptionalDouble rank, OptionalDouble module) {
    static final Dropouts NONE =
        new Dropouts(OptionalDouble.empty(), OptionalDouble.empty(), OptionalDouble.empty());
    static final Dropouts ALL =
        new Dropouts(OptionalDouble.of(0.2), OptionalDouble.of(0.3), OptionalDouble.of(0.15));

    boolean any() {
      return !equals(NONE);
    }
  }

  final List<BlockWeights> blocks = new ArrayList<>();
  final List<Pair> pairs = new ArrayList<>();
  final Tensor x;
  final Tensor context;
  final Tensor embedding;
  final Tensor adaln;
  final Tensor angles;
  final Tensor gradOutput;
  final List<Long> lengths;
  final Dropouts dropouts;

  /// @param adapters how many beside each of `adapted`
  BlockCase(
      long seed,
      int depth,
      long tokens,
      long padded,
      List<Long> lengths,
      Set<BlockLinear> adapted,
      int adapters,
      Dropouts dropouts) {
    this.lengths = lengths;
    this.dropouts = dropouts;
    long batch = lengths.size();
    try (RandomStream random = RandomStream.cpu(seed)) {
      for (int i = 0; i < depth; i++) {
        blocks.add(weights(random));
        for (BlockLinear linear : adapted) {
          for (int j = 0; j < adapters; j++) {
            Tensor weight = blocks.get(i).dense(linear);
            long rank = 3L - j;
            pairs.add(
                new Pair(
                    i,
                    linear,
                    random.randn(Dtype.F64, rank, weight.size(1)).mul(0.2),
                    random.randn(Dtype.F64, weight.size(0), rank).mul(0.2),
                    0.5 + j));
          }
        }
      }
      x = random.randn(Dtype.F64, batch, tokens, WIDTH);
      context = random.randn(Dtype.F64, batch, padded, TEXT_WIDTH);
      for (int i = 0; i < batch; i++) {
        context.narrow(0, i, 1).narrow(1, lengths.get(i), padded - lengths.get(i)).zero_();
      }
      embedding = random.randn(Dtype.F64, batch, 1, WIDTH);
      adaln = random.randn(Dtype.F64, batch, 1, 3L * WIDTH).mul(0.3);
      Tensor half = random.randn(Dtype.F64, tokens, HEAD / 2).mul(3);
      angles = Ops.cat(List.of(half, half), 1);
      gradOutput = random.randn(Dtype.F64, batch, tokens, WIDTH);
    }
  }

  /// The same numbers rounded to `dtype`.
  private BlockCase(BlockCase exact, Dtype dtype) {
    exact.blocks.forEach(weights -> blocks.add(cast(weights, dtype)));
    for (Pair pair : exact.pairs) {
      pairs.add(
          new Pair(pair.block, pair.linear, pair.down.to(dtype), pair.up.to(dtype), pair.scale));
    }
    x = exact.x.to(dtype);
    context = exact.context.to(dtype);
    embedding = exact.embedding.to(dtype);
    adaln = exact.adaln.to(dtype);
    angles = exact.angles.to(dtype);
    gradOutput = exact.gradOutput.to(dtype);
    lengths = exact.lengths;
    dropouts = exact.dropouts;
  }

  BlockCase rounded(Dtype dtype) {
    return new BlockCase(this, dtype);
  }

  private static BlockWeights weights(RandomStream random) {
    return BlockWeights.of(name -> {
      if (name.endsWith("norm.weight")) {
        return random.randn(Dtype.F64, HEAD).mul(0.2).add(1);
      }
      boolean text = name.startsWith("cross_attn.k_proj") || name.startsWith("cross_attn.v_proj");
      long in =
          text
              ? TEXT_WIDTH
              : name.equals("mlp.layer2.weight")
                  ? 4L * WIDTH
                  : name.startsWith("adaln") && name.endsWith("2.weight") ? BOTTLENECK : WIDTH;
      long out =
          name.equals("mlp.layer1.weight")
              ? 4L * WIDTH
              : name.startsWith("adaln")
                  ? name.endsWith("1.weight") ? BOTTLENECK : 3L * WIDTH
                  : WIDTH;
      return random.randn(Dtype.F64, out, in).mul(1 / Math.sqrt((double) in));
    });
  }

  /// Output, every gradient that can be asked for, and those of the pairs (down, up, down, ...).
  record Result(
      Tensor output,
      Tensor input,
      Tensor context,
      Tensor embedding,
      Tensor adaln,
      List<Tensor> pairs,
      long savedBytes) {
    List<Tensor> all() {
      List<Tensor> all = new ArrayList<>(List.of(output, input, context, embedding, adaln));
      all.addAll(pairs);
      return all;
    }
  }

  /// How the explicit path runs.
  ///
  /// @param dtype of weights and products
  /// @param stream of the stream, the modulation and the gradient between blocks
  /// @param trimmed whether the text goes in without its padding
  /// @param joined whether projections are joined
  /// @param batched whether modulations are, where possible
  record Mode(
      Dtype dtype,
      Dtype stream,
      AttentionKernel kernel,
      SavePolicy policy,
      boolean trimmed,
      boolean joined,
      boolean batched) {
    static Mode plain(Dtype dtype, SavePolicy policy) {
      return new Mode(
          dtype,
          dtype,
          AttentionChoice.on(Device.CPU, dtype, HEAD).kernel(),
          policy,
          false,
          false,
          false);
    }
  }

  Result explicit(Mode mode) {
    Dtype dtype = mode.dtype;
    try (NoGrad _ = new NoGrad();
        RandomStream random = RandomStream.cpu(5)) {
      List<Tensor> gradients = new ArrayList<>();
      List<ExplicitBlock> explicit = new ArrayList<>();
      List<BlockWeights> cast = blocks.stream().map(weights -> cast(weights, dtype)).toList();
      for (int i = 0; i < blocks.size(); i++) {
        explicit.add(
            new ExplicitBlock(
                cast.get(i), adapters(i, dtype, random, gradients), mode.kernel, mode.joined));
      }
      Tensor fullText = context.to(dtype);
      TextContext text =
          mode.trimmed ? TextContext.trim(fullText, lengths) : TextContext.untrimmed(fullText);
      BatchedModulation batched = mode.batched ? new BatchedModulation(cast, mode.stream) : null;
      try (BlockStack stack =
          new BlockStack(
              explicit::get,
              blocks.stream().map(_ -> mode.policy).toList(),
              new BlockInputs(Rotary.of(angles, dtype), text),
              new BlockStack.Timing(embedding.to(mode.stream), adaln.to(mode.stream), batched))) {
        Tensor output = stack.forward(x.to(mode.stream));
        long bytes = stack.savedBytes();
        Tensor gradText = Ops.zeros(dtype, Device.CPU, text.rows().shape());
        BlockStack.StackGradients wanted =
            stack.backward(
                gradOutput.to(mode.stream), new BlockStack.StackWanted(true, true, gradText));
        return new Result(
            output,
            requireNonNull(wanted.input()),
            gradText,
            requireNonNull(wanted.embedding()),
            requireNonNull(wanted.adaln()),
            gradients,
            bytes);
      } finally {
        explicit.forEach(ExplicitBlock::close);
        if (batched != null) {
          batched.close();
        }
      }
    }
  }

  BlockAdapters adapters(int block, Dtype dtype, RandomStream random, List<Tensor> gradients) {
    Map<BlockLinear, List<LinearAdapter>> byLinear = new EnumMap<>(BlockLinear.class);
    // Adapters stay in float32 beside a reduced base, as in training.
    Dtype own = dtype.isReduced() ? Dtype.F32 : dtype;
    for (Pair pair : pairs) {
      if (pair.block == block) {
        Tensor gradDown = Ops.zeros(own, Device.CPU, pair.down.shape());
        Tensor gradUp = Ops.zeros(own, Device.CPU, pair.up.shape());
        gradients.add(gradDown);
        gradients.add(gradUp);
        byLinear
            .computeIfAbsent(pair.linear, _ -> new ArrayList<>())
            .add(
                new LowRankAdapter(
                    pair.down.to(own),
                    pair.up.to(own),
                    gradDown,
                    gradUp,
                    pair.scale,
                    dropouts.any()
                        ? new Dropping(
                            dropouts.element, dropouts.rank, dropouts.module, random, random)
                        : null));
      }
    }
    return new BlockAdapters(byLinear);
  }

  private static BlockWeights cast(BlockWeights weights, Dtype dtype) {
    Map<BlockLinear, FrozenMatrix> linears = new EnumMap<>(BlockLinear.class);
    weights
        .linears()
        .forEach((name, weight) -> linears.put(name, new FrozenMatrix.Dense(weight.in(dtype))));
    return new BlockWeights(
        linears,
        weights.selfQueryNorm().to(dtype),
        weights.selfKeyNorm().to(dtype),
        weights.crossQueryNorm().to(dtype),
        weights.crossKeyNorm().to(dtype));
  }
}
