package dev.anima.model.block;

import dev.anima.engine.Ops;
import dev.anima.engine.Scope;
import dev.anima.engine.Tensor;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.function.IntFunction;
import org.jspecify.annotations.Nullable;

/// Runs all blocks of a step: forward with a save policy per block, backward in reverse, each
/// block's activations freed as they are used up. One instance per micro-batch; call under
/// [dev.anima.engine.NoGrad] with an open [Scope].
public final class BlockStack implements AutoCloseable {
  private final IntFunction<ExplicitBlock> blocks;
  private final List<SavePolicy> policies;
  private final BlockInputs inputs;
  private final Timing timing;
  private final int lowest;
  private final List<Activations> saved = new ArrayList<>();

  /// What the modulation of all blocks is made of.
  ///
  /// @param embedding `e (B, 1, D)`, before SiLU
  /// @param adaln `(B, 1, 3D)`
  /// @param batched for blocks whose modulation does not train; null to compute each block's own
  public record Timing(Tensor embedding, Tensor adaln, @Nullable BatchedModulation batched) {}

  /// Which gradients are wanted besides those of the adapters.
  ///
  /// @param input of block 0's input: only if something before the blocks trains
  /// @param timing of `e` and `adaln`: only if the timestep embedder trains
  /// @param context `(B, K, C)`, added to; null if nothing in the text trains
  public record StackWanted(boolean input, boolean timing, @Nullable Tensor context) {
    /// Only adapters inside the blocks train.
    public static final StackWanted ADAPTERS = new StackWanted(false, false, null);
  }

  /// @param input `dL/dx` of block 0, null if not wanted
  /// @param embedding `dL/de`, null if not wanted
  /// @param adaln `dL/dadaln`, null if not wanted
  public record StackGradients(
      @Nullable Tensor input, @Nullable Tensor embedding, @Nullable Tensor adaln) {}

  /// @param blocks gives block `i`; asked for each block right before its forward and its backward,
  ///   so that weights may come and go
  /// @param policies one per block
  public BlockStack(
      IntFunction<ExplicitBlock> blocks,
      List<SavePolicy> policies,
      BlockInputs inputs,
      Timing timing) {
    this(blocks, policies, inputs, timing, 0);
  }

  /// As above, where nothing before block `lowest` trains: those blocks keep nothing and have no
  /// backward.
  public BlockStack(
      IntFunction<ExplicitBlock> blocks,
      List<SavePolicy> policies,
      BlockInputs inputs,
      Timing timing,
      int lowest) {
    this.blocks = blocks;
    this.policies = List.copyOf(policies);
    this.inputs = inputs;
    this.timing = timing;
    this.lowest = lowest;
  }

  /// @param x `(B, L, D)`, contiguous
  public Tensor forward(Tensor x) {
    Tensor activated = Ops.silu(timing.embedding());
    BatchedModulation batched = timing.batched();
    Tensor all = batched == null ? null : batched.forward(activated, timing.adaln());
    Tensor current = x;
    for (int i = 0; i < policies.size(); i++) {
      ExplicitBlock block = blocks.apply(i);
      Activations activations = new Activations(policies.get(i));
      saved.add(activations);
      Tensor before = current;
      int index = i;
      current =
          Scope.keep(() -> {
            Tensor vectors =
                all == null || block.modulation().isAdapted()
                    ? block.modulation().forward(activated, timing.adaln(), activations)
                    : all.select(0, index);
            return block.forward(before, vectors, inputs, activations);
          });
      if (i < lowest) {
        activations.close();
      }
      if (i > 0) {
        before.close();
      }
    }
    return current;
  }

  /// After [#forward], once.
  ///
  /// @param dy gradient of its result, not changed
  public StackGradients backward(Tensor dy, StackWanted wanted) {
    Tensor activated = Ops.silu(timing.embedding());
    Tensor gradActivated = wanted.timing() ? zerosLike(activated) : null;
    Tensor gradAdaln = wanted.timing() ? zerosLike(timing.adaln()) : null;
    Tensor gradient = dy;
    for (int i = policies.size() - 1; i >= lowest; i--) {
      ExplicitBlock block = blocks.apply(i);
      Activations activations = saved.get(i);
      Tensor after = gradient;
      boolean modulation = wanted.timing() || block.modulation().isAdapted();
      Wanted ofBlock = new Wanted(i > lowest || wanted.input(), modulation, wanted.context());
      BlockGradients gradients = block.backward(after, inputs, activations, ofBlock);
      if (modulation) {
        Tensor vectors = Objects.requireNonNull(gradients.modulation());
        block.modulation().backward(vectors, activated, activations, gradActivated);
        if (gradAdaln != null) {
          try (Scope _ = new Scope()) {
            gradAdaln.add_(vectors.sum(false, 0).unsqueeze(1));
          }
        }
      }
      activations.close();
      if (after != dy) {
        after.close();
      }
      if (ofBlock.input()) {
        gradient = Objects.requireNonNull(gradients.input());
      }
    }
    return new StackGradients(
        wanted.input() ? gradient : null,
        gradActivated == null ? null : Ops.siluBackward(gradActivated, timing.embedding()),
        gradAdaln);
  }

  /// Bytes all blocks hold between forward and backward.
  public long savedBytes() {
    return saved.stream().mapToLong(Activations::bytes).sum();
  }

  /// Frees what a backward that did not happen would have used.
  @Override
  public void close() {
    saved.forEach(Activations::close);
    saved.clear();
  }

  private static Tensor zerosLike(Tensor tensor) {
    return Ops.zeros(tensor.dtype(), tensor.device(), tensor.shape());
  }
}
