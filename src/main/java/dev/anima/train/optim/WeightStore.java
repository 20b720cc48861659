package dev.anima.train.optim;

import dev.anima.engine.Dtype;
import dev.anima.engine.Ops;
import dev.anima.engine.RandomStream;
import dev.anima.engine.Tensor;
import java.util.Map;

/// Where an optimizer computes new weights, and how they are put back ([WeightRounding]).
///
/// The wider forms compute in float32 on a copy of the piece at hand.
sealed interface WeightStore extends AutoCloseable {

  /// The values to compute with: those of `stored` itself, or a float32 copy.
  ///
  /// @param stored a piece of the weights
  /// @param offset of its first element
  Tensor open(Tensor stored, long offset);

  /// Puts values from [#open] back.
  void store(Tensor stored, long offset, Tensor values);

  /// Whether [#open] gives float32 copies, so that a second set of weights should be float32 too.
  boolean widens();

  /// Before the first piece of an update.
  void beginUpdate();

  void saveTo(Map<String, Tensor> state);

  void restore(Map<String, Tensor> state);

  @Override
  void close();

  /// @param values the weights, bf16 unless `rounding` is [WeightRounding#NEAREST]
  static WeightStore of(WeightRounding rounding, Tensor values) {
    return switch (rounding) {
      case NEAREST -> new InPlace();
      case STOCHASTIC -> new Stochastic(values);
      case KAHAN -> new Kahan(values);
    };
  }

  /// Computes in the weights themselves, or rounds to the nearest.
  record InPlace() implements WeightStore {
    @Override
    public Tensor open(Tensor stored, long offset) {
      return stored;
    }

    @Override
    public void store(Tensor stored, long offset, Tensor values) {
      if (values.dtype() != stored.dtype()) {
        stored.copy_(values);
      }
    }

    @Override
    public boolean widens() {
      return false;
    }

    @Override
    public void beginUpdate() {}

    @Override
    public void saveTo(Map<String, Tensor> state) {}

    @Override
    public void restore(Map<String, Tensor> state) {}

    @Override
    public void close() {}
  }

  /// Adds 16 random bits below those that bf16 keeps, then cuts them off. Every update draws from a
  /// stream of its own, numbered from 0, so that a resumed run draws the same.
  final class Stochastic implements WeightStore {
    private static final String NAME = "rounding.updates";
    private static final long SEED = 0x5eed_b16L;
    private static final long KEPT_BITS = -65536; // 0xffff0000

    private final RandomStream random;
    private long updates;

    Stochastic(Tensor values) {
      random = RandomStream.on(values.device(), SEED);
    }

    @Override
    public Tensor open(Tensor stored, long offset) {
      return stored.to(Dtype.F32);
    }

    @Override
    public void store(Tensor stored, long offset, Tensor values) {
      Tensor chance = random.rand(Dtype.F32, values.shape()).mul_(65536).to(Dtype.I32);
      Tensor bits = values.contiguous().bitsAs(Dtype.I32);
      stored.copy_(chance.add_(bits).bitwiseAnd_(KEPT_BITS).bitsAs(Dtype.F32));
    }

    @Override
    public boolean widens() {
      return true;
    }

    @Override
    public void beginUpdate() {
      random.seed(SEED + updates++);
    }

    @Override
    public void saveTo(Map<String, Tensor> state) {
      state.put(NAME, Ops.of(new long[] {updates}, 1));
    }

    @Override
    public void restore(Map<String, Tensor> state) {
      if (state.containsKey(NAME)) { // a run may change its rounding
        updates = StateTensors.require(state, NAME, 1).toLongs()[0];
      }
    }

    @Override
    public void close() {
      random.close();
    }
  }

  /// Remembers what rounding cut off.
  final class Kahan implements WeightStore {
    private static final String NAME = "rounding.lost";

    private final StateTensors state = new StateTensors();
    private final Tensor lost;

    Kahan(Tensor values) {
      lost = state.zerosLike(NAME, values);
    }

    @Override
    public Tensor open(Tensor stored, long offset) {
      return stored.to(Dtype.F32).add_(lostOf(stored, offset));
    }

    @Override
    public void store(Tensor stored, long offset, Tensor values) {
      stored.copy_(values);
      lostOf(stored, offset).copy_(values.sub(stored));
    }

    private Tensor lostOf(Tensor stored, long offset) {
      return lost.narrow(0, offset, stored.numel()).view(stored.shape());
    }

    @Override
    public boolean widens() {
      return true;
    }

    @Override
    public void beginUpdate() {}

    @Override
    public void saveTo(Map<String, Tensor> saved) {
      saved.putAll(state.view());
    }

    @Override
    public void restore(Map<String, Tensor> saved) {
      if (saved.containsKey(NAME)) { // a run may change its rounding
        state.restore(saved);
      }
    }

    @Override
    public void close() {
      state.close();
    }
  }
}
