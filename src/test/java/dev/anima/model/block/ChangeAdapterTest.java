package dev.anima.model.block;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;

import dev.anima.engine.Device;
import dev.anima.engine.Dtype;
import dev.anima.engine.NoGrad;
import dev.anima.engine.Ops;
import dev.anima.engine.RandomStream;
import dev.anima.engine.Scope;
import dev.anima.engine.Tensor;
import dev.anima.model.FrozenMatrix;
import dev.anima.model.change.Factor;
import dev.anima.model.change.Hadamard;
import dev.anima.model.change.Kronecker;
import dev.anima.model.change.LowRank;
import dev.anima.model.change.Magnitude;
import dev.anima.model.change.RowDroppable;
import dev.anima.model.change.WeightChange;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalDouble;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/// LoHa, LoKr and DoRA beside one layer, with their dropouts, against autograd of the plain formula
/// `W' = (W + s m ∘ ΔW) diag(lengths / |W + s ΔW|)`.
class ChangeAdapterTest {
  private static final int IN = 24;
  private static final int OUT = 40;
  private static final double SCALE = 0.7;
  private static final OptionalDouble OFF = OptionalDouble.empty();

  enum Kind {
    LOHA,
    LOHA_FORMED,
    LOKR,
    LOKR_WHOLE,
    DORA,
    DORA_OF_LOHA,
    DORA_OF_LOKR;

    boolean decomposed() {
      return name().startsWith("DORA");
    }

    boolean isPair() {
      return this == DORA;
    }

    List<long[]> shapes() {
      return switch (this) {
        case LOHA, DORA_OF_LOHA -> loha(3);
        case LOHA_FORMED -> loha(5);
        case LOKR, DORA_OF_LOKR -> List.of(new long[] {5, 4}, new long[] {8, 2}, new long[] {2, 6});
        case LOKR_WHOLE -> List.of(new long[] {5, 4}, new long[] {8, 6});
        case DORA -> List.of(new long[] {3, IN}, new long[] {OUT, 3});
      };
    }

    private static List<long[]> loha(long rank) {
      return List.of(
          new long[] {OUT, rank},
          new long[] {rank, IN},
          new long[] {OUT, rank},
          new long[] {rank, IN});
    }

    WeightChange of(List<Factor> f) {
      return switch (this) {
        case LOHA, LOHA_FORMED, DORA_OF_LOHA ->
            new Hadamard(f.get(0), f.get(1), f.get(2), f.get(3));
        case LOKR, LOKR_WHOLE, DORA_OF_LOKR -> new Kronecker(f.getFirst(), f.subList(1, f.size()));
        case DORA -> new LowRank(f.get(0).value(), f.get(1).value());
      };
    }
  }

  /// Numbers in float64.
  private record Case(Tensor weight, List<Tensor> factors, Tensor lengths, Tensor x, Tensor dy) {
    static Case draw(Kind kind, long seed) {
      try (RandomStream random = RandomStream.cpu(seed)) {
        return new Case(
            random.randn(Dtype.F64, OUT, IN).mul(0.2),
            kind.shapes().stream().map(shape -> random.randn(Dtype.F64, shape).mul(0.4)).toList(),
            random.randn(Dtype.F64, 1, IN).mul(0.3).add(1.2),
            random.randn(Dtype.F64, 2, 5, IN),
            random.randn(Dtype.F64, 2, 5, OUT));
      }
    }
  }

  private static @Nullable Dropping dropping(
      OptionalDouble rank, OptionalDouble module, RandomStream stream) {
    return rank.isEmpty() && module.isEmpty()
        ? null
        : new Dropping(OFF, rank, module, stream, stream);
  }

  /// Output, gradient of the input, gradients of the factors and the lengths.
  private static List<Tensor> plain(
      Kind kind, Case given, OptionalDouble rank, OptionalDouble module, long seed) {
    try (RandomStream stream = RandomStream.cpu(seed)) {
      List<Tensor> leaves =
          given.factors.stream().map(factor -> factor.copy().requiresGrad_(true)).toList();
      Tensor x = given.x.copy().requiresGrad_(true);
      Tensor lengths = given.lengths.copy().requiresGrad_(true);
      boolean skipped =
          module.isPresent() && stream.rand(Dtype.F32, 1).item() < module.getAsDouble();
      Tensor y;
      if (skipped) {
        y = Ops.linear(x, given.weight);
      } else {
        Tensor delta = kind.of(leaves.stream().map(Factor::frozen).toList()).dense().mul(SCALE);
        Tensor gain = lengths.div(given.weight.add(delta).detach().norm(true, 0));
        Tensor changed;
        if (kind.isPair() && rank.isPresent()) { // whole units of a sample
          Tensor mask = stream.rand(Dtype.F32, 2, 3).gt(rank.getAsDouble()).to(Dtype.F64);
          Tensor scaled = x.mul(gain);
          Tensor low = Ops.linear(scaled, leaves.get(0)).mul(mask.unsqueeze(1));
          y =
              Ops.linear(scaled, given.weight)
                  .add(Ops.linear(low, leaves.get(1)).mul(SCALE / (1 - rank.getAsDouble())));
        } else {
          if (rank.isPresent()) {
            Tensor mask = stream.rand(Dtype.F32, OUT).gt(rank.getAsDouble()).to(Dtype.F64);
            delta = delta.mul(mask.unsqueeze(1)).div(1 - rank.getAsDouble());
          }
          changed = given.weight.add(delta);
          y = Ops.linear(x, kind.decomposed() ? changed.mul(gain) : changed);
        }
      }
      // A term of zero for what took no part.
      Tensor touched = y.add(lengths.sum().mul(0));
      for (Tensor leaf : leaves) {
        touched = touched.add(leaf.sum().mul(0));
      }
      List<Tensor> inputs = new ArrayList<>(List.of(x));
      inputs.addAll(leaves);
      inputs.add(lengths);
      List<Tensor> all = new ArrayList<>(List.of(y.detach()));
      all.addAll(Ops.grad(List.of(touched), inputs, List.of(given.dy)));
      return all;
    }
  }

  private static List<Tensor> byHand(
      Kind kind,
      Case given,
      OptionalDouble rank,
      OptionalDouble module,
      long seed,
      boolean shrunk,
      Dtype own,
      Dtype compute) {
    try (NoGrad _ = new NoGrad();
        RandomStream stream = RandomStream.cpu(seed)) {
      List<Factor> factors = given.factors.stream().map(tensor -> zeroed(tensor, own)).toList();
      Factor lengths = zeroed(given.lengths, own);
      WeightChange change = kind.of(factors);
      Dropping dropping = dropping(rank, module, stream);
      LinearAdapter inner =
          change instanceof RowDroppable rows
              ? new ChangeAdapter(rows, SCALE, dropping)
              : new LowRankAdapter(
                  factors.get(0).value(),
                  factors.get(1).value(),
                  factors.get(0).gradient(),
                  factors.get(1).gradient(),
                  SCALE,
                  dropping);
      Tensor weight = given.weight.to(compute);
      LinearAdapter adapter =
          kind.decomposed()
              ? new DecomposedAdapter(
                  inner, new FrozenMatrix.Dense(weight), new Magnitude(lengths, change, SCALE))
              : inner;
      Tensor x = given.x.to(compute);
      Tensor dy = given.dy.to(compute);
      Tensor y = Ops.linear(x, weight);
      Tensor dx = dy.matmul(weight);
      try (LinearAdapter.Saved saved = adapter.forward(x, y, x.size(1))) {
        if (shrunk) {
          long before = saved.bytes();
          saved.shrink();
          assertThat(saved.bytes()).isLessThanOrEqualTo(before);
          Tensor again = Ops.linear(x, weight);
          adapter.again(x, again, saved);
          assertThat(again.toDoubles()).isEqualTo(y.toDoubles());
          saved.shrink();
        }
        adapter.backward(dy, x, saved, dx);
      }
      List<Tensor> all = new ArrayList<>(List.of(y, dx));
      factors.forEach(factor -> all.add(requireNonNull(factor.gradient())));
      all.add(requireNonNull(lengths.gradient()));
      return all;
    }
  }

  private static Factor zeroed(Tensor value, Dtype own) {
    return new Factor(value.to(own), Ops.zeros(own, Device.CPU, value.shape()));
  }

  @ParameterizedTest
  @EnumSource(Kind.class)
  void everyGradientEqualsAutogradInFloat64(Kind kind) {
    List<OptionalDouble> chances = List.of(OFF, OptionalDouble.of(0), OptionalDouble.of(0.4));
    for (OptionalDouble rank : chances) {
      for (OptionalDouble module : chances) {
        for (long seed = 0; seed < 6; seed++) {
          try (Scope _ = new Scope()) {
            Case given = Case.draw(kind, seed);
            List<Tensor> expected = plain(kind, given, rank, module, seed);
            for (boolean shrunk : new boolean[] {false, true}) {
              List<Tensor> actual =
                  byHand(kind, given, rank, module, seed, shrunk, Dtype.F64, Dtype.F64);
              for (int i = 0; i < expected.size(); i++) {
                assertThat(relative(actual.get(i), expected.get(i)))
                    .as("rank %s, module %s, seed %d, tensor %d", rank, module, seed, i)
                    .isLessThan(1e-11);
              }
            }
          }
        }
      }
    }
  }

  @ParameterizedTest
  @EnumSource(Kind.class)
  void float32AndBf16StayWithinTheirRounding(Kind kind) {
    OptionalDouble some = OptionalDouble.of(0.3);
    for (long seed = 0; seed < 6; seed++) {
      try (Scope _ = new Scope()) {
        Case given = Case.draw(kind, seed);
        List<Tensor> expected = plain(kind, given, some, OFF, seed);
        List<Tensor> single = byHand(kind, given, some, OFF, seed, true, Dtype.F32, Dtype.F32);
        List<Tensor> half = byHand(kind, given, some, OFF, seed, true, Dtype.F32, Dtype.BF16);
        for (int i = 0; i < expected.size(); i++) {
          assertThat(relative(single.get(i), expected.get(i))).as("tensor " + i).isLessThan(3e-6);
          assertThat(relative(half.get(i), expected.get(i))).as("tensor " + i).isLessThan(3e-2);
        }
      }
    }
  }

  /// Of the size where nothing is expected.
  private static double relative(Tensor actual, Tensor expected) {
    assertThat(actual.shape()).isEqualTo(expected.shape());
    Tensor wide = expected.to(Dtype.F64);
    double difference = actual.to(Dtype.F64).sub(wide).norm().item();
    double length = wide.norm().item();
    return length == 0 ? difference : difference / length;
  }
}
