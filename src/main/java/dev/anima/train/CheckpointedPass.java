package dev.anima.train;

import dev.anima.engine.NoGrad;
import dev.anima.engine.RandomStream;
import dev.anima.engine.Scope;
import dev.anima.engine.Tensor;
import dev.anima.model.Adapters;
import dev.anima.model.dit.AnimaDit;
import dev.anima.model.dit.AnimaDit.Embedded;
import dev.anima.model.dit.Conditioning;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// `--gradient_checkpointing`: only the input of each block is kept; backward runs a block again
/// under autograd, with the random streams set back so that the dropout masks are the same.
final class CheckpointedPass implements DitPass {
  private final AnimaDit dit;
  private final Adapters adapters;
  private final List<RandomStream> streams;

  /// Inputs of the blocks and, last, of the final layer.
  private final List<Tensor> inputs = new ArrayList<>();

  private final List<List<byte[]>> states = new ArrayList<>();
  private @Nullable Embedded embedded;
  private @Nullable Tensor context;

  /// @param streams that dropouts draw from; empty if there are none
  CheckpointedPass(AnimaDit dit, Adapters adapters, List<RandomStream> streams) {
    this.dit = dit;
    this.adapters = adapters;
    this.streams = streams;
  }

  @Override
  public Tensor forward(Tensor noisy, Tensor timesteps, DitContext given) {
    Tensor text = given.rows();
    context = text;
    Embedded start = dit.embed(noisy, timesteps, null, adapters); // a graph only if LoRAs are there
    embedded = start;
    try (NoGrad _ = new NoGrad()) {
      Tensor x = start.x().detach();
      for (int i = 0; i < dit.config().blocks(); i++) {
        remember(x);
        x = dit.block(i, x, start, text, adapters);
      }
      remember(x);
      return dit.finish(x, start, adapters);
    }
  }

  @Override
  public @Nullable Tensor backward(Tensor gradient, boolean contextWanted) {
    if (embedded == null || context == null) {
      throw new IllegalStateException("backward before forward");
    }
    List<byte[]> end = streamStates();
    boolean embeddingTrains =
        embedded.x().requiresGrad() || embedded.conditioning().adaln().requiresGrad();
    Tensor text = context.detach().requiresGrad_(contextWanted);
    Tensor adaln =
        embedded
            .conditioning()
            .adaln()
            .detach()
            .requiresGrad_(embedded.conditioning().adaln().requiresGrad());
    Embedded leaves = withAdaln(embedded, adaln);

    int blocks = dit.config().blocks();
    Tensor gradX = again(blocks, true, gradient, x -> dit.finish(x, leaves, adapters));
    for (int i = blocks - 1; i >= 0; i--) {
      int index = i;
      boolean wanted = i > 0 || embeddingTrains;
      Tensor next = again(i, wanted, gradX, x -> dit.block(index, x, leaves, text, adapters));
      gradX.close();
      gradX = next;
    }
    if (embedded.x().requiresGrad()) {
      embedded.x().backward(gradX);
    }
    if (embedded.conditioning().adaln().requiresGrad() && adaln.hasGrad()) {
      embedded.conditioning().adaln().backward(adaln.grad());
    }
    restore(end);
    inputs.clear();
    states.clear();
    return contextWanted && text.hasGrad() ? text.grad() : null;
  }

  private interface Part {
    Tensor apply(Tensor x);
  }

  /// Runs part `index` again under autograd and backward; the gradient of its input in the caller's
  /// scope (zeros nobody reads where it is not wanted).
  private Tensor again(int index, boolean wanted, Tensor gradient, Part part) {
    restore(states.get(index));
    Tensor input = inputs.get(index);
    Tensor result =
        Scope.keep(() -> {
          Tensor x = input.detach().requiresGrad_(wanted);
          Tensor y = part.apply(x);
          if (y.requiresGrad()) {
            y.backward(gradient);
          }
          // A copy: the gradient's handle belongs to the leaf that ends here.
          return wanted && x.hasGrad() ? x.grad().detach() : gradient.detach();
        });
    input.close();
    return result;
  }

  private void remember(Tensor x) {
    inputs.add(x);
    states.add(streamStates());
  }

  private List<byte[]> streamStates() {
    return streams.stream().map(RandomStream::state).toList();
  }

  private void restore(List<byte[]> saved) {
    for (int i = 0; i < saved.size(); i++) {
      streams.get(i).restore(saved.get(i));
    }
  }

  private static Embedded withAdaln(Embedded embedded, Tensor adaln) {
    Conditioning before = embedded.conditioning();
    return new Embedded(
        embedded.x(),
        new Conditioning(before.emb(), before.activated(), adaln),
        embedded.rope(),
        embedded.rows(),
        embedded.columns());
  }
}
