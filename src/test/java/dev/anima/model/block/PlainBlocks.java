package dev.anima.model.block;

import dev.anima.engine.Dtype;
import dev.anima.engine.Ops;
import dev.anima.engine.RandomStream;
import dev.anima.engine.Tensor;
import java.util.ArrayList;
import java.util.List;

/// The blocks of `spec/models.md` §2.5 as plain operations under autograd: what the explicit path
/// is measured against.
final class PlainBlocks {
  private final BlockCase given;
  private final List<Tensor> leaves = new ArrayList<>();
  private final RandomStream random = RandomStream.cpu(5);

  private PlainBlocks(BlockCase given) {
    this.given = given;
    for (BlockCase.Pair pair : given.pairs) {
      leaves.add(pair.down().copy().requiresGrad_(true));
      leaves.add(pair.up().copy().requiresGrad_(true));
    }
  }

  static BlockCase.Result run(BlockCase given) {
    PlainBlocks plain = new PlainBlocks(given);
    Tensor x = given.x.copy().requiresGrad_(true);
    Tensor context = given.context.copy().requiresGrad_(true);
    Tensor embedding = given.embedding.copy().requiresGrad_(true);
    Tensor adaln = given.adaln.copy().requiresGrad_(true);
    Tensor output = x;
    for (int i = 0; i < given.blocks.size(); i++) {
      output = plain.block(i, output, context, embedding, adaln);
    }
    // Dropped modules take no part in the graph: a term of zero keeps their gradient defined.
    Tensor touched = output;
    for (Tensor leaf : plain.leaves) {
      touched = touched.add(leaf.sum().mul(0).to(output.dtype()));
    }
    List<Tensor> inputs = new ArrayList<>(List.of(x, context, embedding, adaln));
    inputs.addAll(plain.leaves);
    List<Tensor> gradients = Ops.grad(List.of(touched), inputs, List.of(given.gradOutput));
    plain.random.close();
    return new BlockCase.Result(
        output.detach(),
        gradients.get(0),
        gradients.get(1),
        gradients.get(2),
        gradients.get(3),
        gradients.subList(4, gradients.size()),
        0);
  }

  private Tensor block(int i, Tensor input, Tensor context, Tensor embedding, Tensor adaln) {
    Tensor e = Ops.silu(embedding);
    Tensor self = modulation(i, "self_attn", e, adaln);
    Tensor cross = modulation(i, "cross_attn", e, adaln);
    Tensor mlp = modulation(i, "mlp", e, adaln);
    BlockWeights weights = given.blocks.get(i);

    Tensor n = modulate(input, self);
    Tensor q = heads(linear(i, BlockLinear.SELF_QUERY, n));
    Tensor k = heads(linear(i, BlockLinear.SELF_KEY, n));
    Tensor v = heads(linear(i, BlockLinear.SELF_VALUE, n));
    q = rotate(rms(q, weights.selfQueryNorm()));
    k = rotate(rms(k, weights.selfKeyNorm()));
    Tensor a = linear(i, BlockLinear.SELF_OUTPUT, attention(q, k, v));
    Tensor x = input.add(gate(self).mul(a));

    n = modulate(x, cross);
    q = heads(linear(i, BlockLinear.CROSS_QUERY, n));
    k = heads(linear(i, BlockLinear.CROSS_KEY, context));
    v = heads(linear(i, BlockLinear.CROSS_VALUE, context));
    q = rms(q, weights.crossQueryNorm());
    k = rms(k, weights.crossKeyNorm());
    a = linear(i, BlockLinear.CROSS_OUTPUT, attention(q, k, v));
    x = x.add(gate(cross).mul(a));

    n = modulate(x, mlp);
    a = linear(i, BlockLinear.MLP_DOWN, Ops.gelu(linear(i, BlockLinear.MLP_UP, n)));
    return x.add(gate(mlp).mul(a));
  }

  private Tensor modulation(int i, String branch, Tensor e, Tensor adaln) {
    Tensor inner = linear(i, named("adaln_modulation_" + branch + ".1"), e);
    return linear(i, named("adaln_modulation_" + branch + ".2"), inner).add(adaln);
  }

  private static BlockLinear named(String path) {
    for (BlockLinear linear : BlockLinear.values()) {
      if (linear.path().equals(path)) {
        return linear;
      }
    }
    throw new AssertionError(path);
  }

  private static Tensor modulate(Tensor x, Tensor m) {
    return Ops.layerNorm(x, 1e-6)
        .mul(m.narrow(-1, BlockCase.WIDTH, BlockCase.WIDTH).add(1))
        .add(m.narrow(-1, 0, BlockCase.WIDTH));
  }

  private static Tensor gate(Tensor m) {
    return m.narrow(-1, 2 * BlockCase.WIDTH, BlockCase.WIDTH);
  }

  private static Tensor heads(Tensor x) {
    return x.view(x.size(0), x.size(1), BlockCase.HEADS, BlockCase.HEAD).transpose(1, 2);
  }

  private static Tensor rms(Tensor x, Tensor weight) {
    return x.mul(x.square().mean(true, -1).add(1e-6).rsqrt()).mul(weight);
  }

  private Tensor rotate(Tensor x) {
    long half = BlockCase.HEAD / 2;
    Tensor turned = Ops.cat(List.of(x.narrow(-1, half, half).neg(), x.narrow(-1, 0, half)), -1);
    return x.mul(given.angles.cos()).add(turned.mul(given.angles.sin()));
  }

  private static Tensor attention(Tensor q, Tensor k, Tensor v) {
    Tensor shares = q.matmul(k.t()).mul(1 / Math.sqrt(BlockCase.HEAD)).softmax(-1);
    return shares.matmul(v).transpose(1, 2).reshape(q.size(0), q.size(2), BlockCase.WIDTH);
  }

  /// As `spec/models.md` §5.2.
  private Tensor linear(int block, BlockLinear name, Tensor x) {
    Tensor y = Ops.linear(x, given.blocks.get(block).dense(name));
    BlockCase.Dropouts dropouts = given.dropouts;
    for (int j = 0; j < given.pairs.size(); j++) {
      BlockCase.Pair pair = given.pairs.get(j);
      if (pair.block() != block || pair.linear() != name) {
        continue;
      }
      if (dropouts.module().isPresent()
          && random.rand(Dtype.F32, 1).item() < dropouts.module().getAsDouble()) {
        continue;
      }
      Tensor u = Ops.linear(x, leaves.get(2 * j));
      double scale = pair.scale();
      if (dropouts.element().isPresent()) {
        double p = dropouts.element().getAsDouble();
        Tensor mask = Ops.empty(x.dtype(), x.device(), u.shape());
        random.bernoulli_(mask, 1 - p);
        u = u.mul(mask.div(1 - p));
      }
      if (dropouts.rank().isPresent()) {
        double p = dropouts.rank().getAsDouble();
        Tensor mask = random.rand(Dtype.F32, u.size(0), u.size(2)).gt(p);
        u = u.mul(mask.unsqueeze(1).to(u.dtype()));
        scale /= 1 - p;
      }
      y = y.add(Ops.linear(u, leaves.get(2 * j + 1)), scale);
    }
    return y;
  }
}
