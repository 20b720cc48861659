package dev.anima.model.change;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;

import dev.anima.engine.Device;
import dev.anima.engine.Dtype;
import dev.anima.engine.NoGrad;
import dev.anima.engine.Ops;
import dev.anima.engine.RandomStream;
import dev.anima.engine.Scope;
import dev.anima.engine.Tensor;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// The hand-written gradients against autograd of the plain formula.
class WeightChangeTest {
  private static final int IN = 24;
  private static final int OUT = 40;
  private static final int ROWS = 11;

  /// Shapes of the factors, and the change they make.
  record Form(String name, List<long[]> shapes, Function<List<Factor>, RowDroppable> of) {
    @Override
    public String toString() {
      return name;
    }
  }

  static Stream<Form> forms() {
    return Stream.of(
        loha(1),
        loha(3), // unfolded: 9 (24 + 40) < 24 * 40
        loha(4), // formed
        lokr("whole", new long[] {5, 4}, new long[] {8, 6}),
        lokr("low rank", new long[] {5, 4}, new long[] {8, 2}, new long[] {2, 6}),
        lokr("tall", new long[] {2, 2}, new long[] {20, 3}, new long[] {3, 12}),
        lokr("one by one", new long[] {1, 1}, new long[] {40, 24}),
        lokr("wide first", new long[] {40, 24}, new long[] {1, 1}));
  }

  private static Form loha(long rank) {
    return new Form(
        "LoHa of rank " + rank,
        List.of(
            new long[] {OUT, rank},
            new long[] {rank, IN},
            new long[] {OUT, rank},
            new long[] {rank, IN}),
        f -> new Hadamard(f.get(0), f.get(1), f.get(2), f.get(3)));
  }

  private static Form lokr(String name, long[]... shapes) {
    return new Form(
        "LoKr, " + name, List.of(shapes), f -> new Kronecker(f.getFirst(), f.subList(1, f.size())));
  }

  /// Numbers in float64.
  private record Case(List<Tensor> factors, Tensor x, Tensor y, Tensor dy, Tensor rows) {
    static Case draw(Form form, long seed) {
      try (RandomStream random = RandomStream.cpu(seed)) {
        List<Tensor> factors =
            form.shapes.stream().map(shape -> random.randn(Dtype.F64, shape).mul(0.4)).toList();
        return new Case(
            factors,
            random.randn(Dtype.F64, ROWS, IN),
            random.randn(Dtype.F64, ROWS, OUT),
            random.randn(Dtype.F64, ROWS, OUT),
            random.rand(Dtype.F32, OUT).gt(0.4).to(Dtype.F32));
      }
    }
  }

  /// Output, gradient of the input, gradients of the factors.
  private static List<Tensor> plain(Form form, Case given, boolean dropped, double scale) {
    List<Tensor> leaves =
        given.factors.stream().map(factor -> factor.copy().requiresGrad_(true)).toList();
    Tensor x = given.x.copy().requiresGrad_(true);
    Tensor delta = form.of.apply(leaves.stream().map(Factor::frozen).toList()).dense();
    Tensor kept = dropped ? delta.mul(given.rows.to(Dtype.F64).unsqueeze(1)) : delta;
    Tensor y = given.y.add(Ops.linear(x, kept).mul(scale));
    List<Tensor> inputs = new ArrayList<>(List.of(x));
    inputs.addAll(leaves);
    List<Tensor> all = new ArrayList<>(List.of(y.detach()));
    all.addAll(Ops.grad(List.of(y), inputs, List.of(given.dy)));
    return all;
  }

  private static List<Tensor> byHand(
      Form form, Case given, boolean dropped, double scale, Dtype own, Dtype compute) {
    try (NoGrad _ = new NoGrad()) {
      List<Factor> factors =
          given.factors.stream()
              .map(factor -> new Factor(factor.to(own), Ops.zeros(own, Device.CPU, factor.shape())))
              .toList();
      RowDroppable change = form.of.apply(factors);
      Kept kept = new Kept(dropped ? given.rows : null, scale);
      Tensor x = given.x.to(compute);
      // As a part of joined projections: rows further apart than they are long.
      Tensor wide = Ops.zeros(compute, Device.CPU, ROWS, OUT + 7L);
      Tensor y = wide.narrow(1, 3, OUT);
      y.copy_(given.y);
      Tensor dx = Ops.zeros(compute, Device.CPU, ROWS, IN);
      Tensor inner = change.inner(x);
      change.addTo(y, x, inner, kept);
      change.backward(given.dy.to(compute), x, inner, kept, dx);
      List<Tensor> all = new ArrayList<>(List.of(y, dx));
      factors.forEach(factor -> all.add(requireNonNull(factor.gradient())));
      return all;
    }
  }

  @ParameterizedTest
  @MethodSource("forms")
  void everyGradientEqualsAutogradInFloat64(Form form) {
    for (long seed = 0; seed < 20; seed++) {
      for (boolean dropped : new boolean[] {false, true}) {
        try (Scope _ = new Scope()) {
          Case given = Case.draw(form, seed);
          List<Tensor> expected = plain(form, given, dropped, 0.7);
          List<Tensor> actual = byHand(form, given, dropped, 0.7, Dtype.F64, Dtype.F64);
          for (int i = 0; i < expected.size(); i++) {
            assertThat(relative(actual.get(i), expected.get(i)))
                .as("seed %d, tensor %d", seed, i)
                .isLessThan(1e-12);
          }
        }
      }
    }
  }

  @ParameterizedTest
  @MethodSource("forms")
  void float32AndBf16StayWithinTheirRounding(Form form) {
    for (boolean dropped : new boolean[] {false, true}) {
      try (Scope _ = new Scope()) {
        Case given = Case.draw(form, 3);
        List<Tensor> expected = plain(form, given, dropped, 0.7);
        List<Tensor> single = byHand(form, given, dropped, 0.7, Dtype.F32, Dtype.F32);
        List<Tensor> half = byHand(form, given, dropped, 0.7, Dtype.F32, Dtype.BF16);
        for (int i = 0; i < expected.size(); i++) {
          assertThat(relative(single.get(i), expected.get(i))).as("tensor " + i).isLessThan(2e-6);
          assertThat(relative(half.get(i), expected.get(i))).as("tensor " + i).isLessThan(2e-2);
        }
      }
    }
  }

  @ParameterizedTest
  @MethodSource("forms")
  void whatIsNotWantedIsLeftOut(Form form) {
    try (Scope _ = new Scope();
        NoGrad _ = new NoGrad()) {
      Case given = Case.draw(form, 1);
      List<Factor> factors = new ArrayList<>();
      for (int i = 0; i < given.factors.size(); i++) {
        Tensor value = given.factors.get(i);
        factors.add(
            i == 0
                ? Factor.frozen(value)
                : new Factor(value, Ops.zeros(Dtype.F64, Device.CPU, value.shape())));
      }
      RowDroppable change = form.of.apply(factors);
      Kept kept = new Kept(null, 0.7);
      change.backward(given.dy, given.x, change.inner(given.x), kept, null);
      List<Tensor> expected = byHand(form, given, false, 0.7, Dtype.F64, Dtype.F64);
      for (int i = 1; i < factors.size(); i++) {
        assertThat(requireNonNull(factors.get(i).gradient()).toDoubles())
            .isEqualTo(expected.get(2 + i).toDoubles());
      }
    }
  }

  @ParameterizedTest
  @MethodSource("forms")
  void applyAndNormAreThoseOfTheWholeMatrix(Form form) {
    try (Scope _ = new Scope()) {
      Case given = Case.draw(form, 2);
      WeightChange change = form.of.apply(given.factors.stream().map(Factor::frozen).toList());
      Tensor x = given.x.view(1, ROWS, 1, IN);
      assertThat(relative(change.apply(x), Ops.linear(x, change.dense()))).isLessThan(1e-12);
      assertThat(relative(change.squaredNorm(Dtype.F64), change.dense().square().sum()))
          .isLessThan(1e-12);
    }
  }

  private static double relative(Tensor actual, Tensor expected) {
    assertThat(actual.shape()).isEqualTo(expected.shape());
    Tensor wide = expected.to(Dtype.F64);
    return actual.to(Dtype.F64).sub(wide).norm().item() / wide.norm().item();
  }
}
