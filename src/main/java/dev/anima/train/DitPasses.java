package dev.anima.train;

import dev.anima.lora.Network;
import dev.anima.model.Adapters;
import dev.anima.model.dit.AnimaDit;
import java.util.List;
import java.util.function.Supplier;

/// Makes the passes of a run, all of one kind; owns what they share.
final class DitPasses implements AutoCloseable {
  private final Supplier<DitPass> next;
  private final Runnable close;

  private DitPasses(Supplier<DitPass> next, Runnable close) {
    this.next = next;
    this.close = close;
  }

  /// @param sets with their first weights; they and the model outlive this
  static DitPasses of(PassKind kind, AnimaDit dit, List<TrainedSet> sets) {
    Adapters adapters = TrainedSet.beside(sets, Network.DIT);
    return switch (kind) {
      case PassKind.Plain() -> new DitPasses(() -> new PlainPass(dit, adapters), () -> {});
      case PassKind.Checkpointed() ->
          new DitPasses(
              () -> new CheckpointedPass(dit, adapters, TrainedSet.streams(sets)), () -> {});
      case PassKind.Explicit(var mix) -> {
        ExplicitDit model = new ExplicitDit(dit, sets, mix);
        yield new DitPasses(() -> new ExplicitPass(model), model::close);
      }
    };
  }

  /// A fresh pass for one micro-batch.
  DitPass next() {
    return next.get();
  }

  @Override
  public void close() {
    close.run();
  }
}
