package dev.anima.model.block;

import static org.assertj.core.api.Assertions.assertThat;

import dev.anima.engine.AttentionKernel;
import dev.anima.engine.ChunkedAttention;
import dev.anima.engine.Dtype;
import dev.anima.engine.FusedAttention;
import dev.anima.engine.NoGrad;
import dev.anima.engine.RandomStream;
import dev.anima.engine.Scope;
import dev.anima.engine.Tensor;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.function.IntToDoubleFunction;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/// The explicit path against autograd of the plain forward.
class ExplicitBlockTest {
  private static final Set<BlockLinear> ALL = EnumSet.allOf(BlockLinear.class);

  record Shape(String name, int depth, long tokens, long padded, List<Long> lengths) {
    BlockCase with(Set<BlockLinear> adapted, int adapters, BlockCase.Dropouts dropouts) {
      return new BlockCase(11, depth, tokens, padded, lengths, adapted, adapters, dropouts);
    }

    @Override
    public String toString() {
      return name;
    }
  }

  private static final Shape ONE = new Shape("one sample", 2, 15, 9, List.of(6L));
  private static final Shape TWO = new Shape("two samples", 2, 7, 9, List.of(4L, 9L));

  static Stream<Shape> shapes() {
    return Stream.of(
        ONE,
        TWO,
        new Shape("one token", 1, 1, 5, List.of(1L, 5L, 2L)),
        new Shape("equal texts", 1, 6, 8, List.of(3L, 3L)));
  }

  @ParameterizedTest
  @MethodSource("shapes")
  void everyGradientEqualsAutogradInFloat64(Shape shape) {
    for (BlockCase.Dropouts dropouts : List.of(BlockCase.Dropouts.NONE, BlockCase.Dropouts.ALL)) {
      try (Scope _ = new Scope()) {
        BlockCase given = shape.with(ALL, 2, dropouts);
        BlockCase.Result expected = PlainBlocks.run(given);
        for (SavePolicy policy : SavePolicy.values()) {
          BlockCase.Result actual = given.explicit(BlockCase.Mode.plain(Dtype.F64, policy));
          assertClose(actual, expected, 1e-9);
        }
      }
    }
  }

  @ParameterizedTest
  @MethodSource("shapes")
  void trimmedTextGivesTheSameGradients(Shape shape) {
    for (AttentionKernel kernel : List.of(FusedAttention.CPU_FLASH, new ChunkedAttention(60))) {
      try (Scope _ = new Scope()) {
        BlockCase given = shape.with(ALL, 1, BlockCase.Dropouts.ALL);
        BlockCase.Result expected = PlainBlocks.run(given);
        BlockCase.Result actual =
            given.explicit(
                new BlockCase.Mode(
                    Dtype.F64, Dtype.F64, kernel, SavePolicy.UNITS_13, true, true, true));
        long longest = actual.context().size(1);
        BlockCase.Result cut =
            new BlockCase.Result(
                expected.output(),
                expected.input(),
                ofGivenRows(expected.context(), given.lengths).narrow(1, 0, longest),
                expected.embedding(),
                expected.adaln(),
                expected.pairs(),
                0);
        assertClose(actual, cut, 1e-9);
      }
    }
  }

  /// The model cuts the gradient of padded rows off (they are set to zero by a mask).
  private static Tensor ofGivenRows(Tensor gradient, List<Long> lengths) {
    Tensor cut = gradient.copy();
    for (int i = 0; i < lengths.size(); i++) {
      cut.narrow(0, i, 1).narrow(1, lengths.get(i), cut.size(1) - lengths.get(i)).zero_();
    }
    return cut;
  }

  @Test
  void joinedProjectionsAndBatchedModulationChangeNothing() {
    try (Scope _ = new Scope()) {
      BlockCase given = TWO.with(BlockCase.PROJECTIONS, 1, BlockCase.Dropouts.NONE);
      BlockCase.Result expected = PlainBlocks.run(given);
      BlockCase.Result actual =
          given.explicit(
              new BlockCase.Mode(
                  Dtype.F64,
                  Dtype.F64,
                  FusedAttention.CPU_FLASH,
                  SavePolicy.ATTENTION_ONLY,
                  false,
                  true,
                  true));
      assertClose(actual, expected, 1e-9);
    }
  }

  @ParameterizedTest
  @EnumSource(
      value = Dtype.class,
      names = {"F32", "F64", "BF16"})
  void everyPolicyAgreesToTheBit(Dtype dtype) {
    for (boolean trimmed : new boolean[] {false, true}) {
      try (Scope _ = new Scope()) {
        BlockCase given = TWO.with(ALL, 2, BlockCase.Dropouts.ALL);
        List<Tensor> expected = given.explicit(mode(dtype, SavePolicy.EVERYTHING, trimmed)).all();
        for (SavePolicy policy : SavePolicy.values()) {
          List<Tensor> actual = given.explicit(mode(dtype, policy, trimmed)).all();
          for (int i = 0; i < expected.size(); i++) {
            assertThat(actual.get(i).toBytes())
                .as(policy + " tensor " + i)
                .isEqualTo(expected.get(i).toBytes());
          }
        }
      }
    }
  }

  private static BlockCase.Mode mode(Dtype dtype, SavePolicy policy, boolean trimmed) {
    BlockCase.Mode plain = BlockCase.Mode.plain(dtype, policy);
    return new BlockCase.Mode(dtype, dtype, plain.kernel(), policy, trimmed, true, false);
  }

  @ParameterizedTest
  @MethodSource("shapes")
  void float32StaysWithinItsRounding(Shape shape) {
    try (Scope _ = new Scope()) {
      BlockCase given = shape.with(ALL, 2, BlockCase.Dropouts.NONE);
      BlockCase.Result expected = PlainBlocks.run(given);
      List<Tensor> plain = PlainBlocks.run(given.rounded(Dtype.F32)).all();
      for (AttentionKernel kernel :
          List.of(FusedAttention.CPU_FLASH, ChunkedAttention.standard())) {
        BlockCase.Result actual =
            given.explicit(
                new BlockCase.Mode(
                    Dtype.F32, Dtype.F32, kernel, SavePolicy.UNITS_13, false, true, false));
        // A small sum of large terms loses more, in plain operations just as here.
        assertClose(
            actual,
            expected,
            i -> Math.max(5e-6, 1.5 * relative(plain.get(i), expected.all().get(i))));
      }
    }
  }

  @Test
  void trimmedTextEqualsPaddedTextInFloat32() {
    try (Scope _ = new Scope()) {
      BlockCase given =
          new BlockCase(
              11, 1, 33, 512, List.of(17L), BlockCase.PROJECTIONS, 1, BlockCase.Dropouts.NONE);
      BlockCase.Result padded = given.explicit(mode(Dtype.F32, SavePolicy.UNITS_13, false));
      BlockCase.Result trimmed = given.explicit(mode(Dtype.F32, SavePolicy.UNITS_13, true));

      assertThat(relative(trimmed.output(), padded.output())).isLessThan(1e-6);
      for (int i = 0; i < padded.pairs().size(); i++) {
        assertThat(relative(trimmed.pairs().get(i), padded.pairs().get(i))).isLessThan(2e-6);
      }
    }
  }

  /// bf16 rounds to 3 digits, so the yardstick is what plain bf16 operations lose, over several
  /// draws.
  @Test
  void bf16LosesLessThanPlainOperations() {
    double ours = 0;
    double theirs = 0;
    for (long seed = 11; seed < 23; seed++) {
      try (Scope _ = new Scope()) {
        BlockCase given =
            new BlockCase(
                seed,
                2,
                64,
                40,
                List.of(30L, 12L),
                BlockCase.PROJECTIONS,
                1,
                BlockCase.Dropouts.NONE);
        BlockCase.Result expected = PlainBlocks.run(given);
        BlockCase.Result plain = PlainBlocks.run(given.rounded(Dtype.BF16));
        BlockCase.Result actual = given.explicit(mode(Dtype.BF16, SavePolicy.UNITS_13, true));

        assertThat(relative(actual.output(), expected.output()))
            .isLessThan(relative(plain.output(), expected.output()));
        assertThat(relative(actual.input(), expected.input()))
            .isLessThan(relative(plain.input(), expected.input()));
        for (int i = 0; i < expected.pairs().size(); i++) {
          assertThat(cosine(actual.pairs().get(i), expected.pairs().get(i))).isGreaterThan(0.998);
        }
        ours += relativeTogether(actual.pairs(), expected.pairs());
        theirs += relativeTogether(plain.pairs(), expected.pairs());
      }
    }
    assertThat(ours).isLessThan(theirs);
  }

  /// As fp16 needs it: float32 stream and modulation over reduced products.
  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void aWideStreamOverReducedProductsLosesLess(boolean batched) {
    try (Scope _ = new Scope()) {
      Set<BlockLinear> adapted = batched ? BlockCase.PROJECTIONS : ALL;
      BlockCase given =
          new BlockCase(11, 2, 64, 40, List.of(30L, 12L), adapted, 1, BlockCase.Dropouts.NONE);
      BlockCase.Result expected = PlainBlocks.run(given);
      BlockCase.Mode narrow = mode(Dtype.BF16, SavePolicy.INPUT_ONLY, false);
      BlockCase.Result wide =
          given.explicit(
              new BlockCase.Mode(
                  Dtype.BF16,
                  Dtype.F32,
                  narrow.kernel(),
                  SavePolicy.INPUT_ONLY,
                  false,
                  true,
                  batched));

      assertThat(wide.output().dtype()).isEqualTo(Dtype.F32);
      assertThat(wide.input().dtype()).isEqualTo(Dtype.F32);
      assertThat(relative(wide.output(), expected.output()))
          .isLessThan(0.8 * relative(given.explicit(narrow).output(), expected.output()));
      for (int i = 0; i < expected.pairs().size(); i++) {
        assertThat(cosine(wide.pairs().get(i), expected.pairs().get(i))).isGreaterThan(0.998);
      }
    }
  }

  @Test
  void adapterGradientsDoNotDependOnWhatElseIsWanted() {
    try (Scope _ = new Scope();
        NoGrad _ = new NoGrad()) {
      BlockCase given = TWO.with(BlockCase.PROJECTIONS, 1, BlockCase.Dropouts.NONE);
      List<Tensor> expected =
          given.explicit(BlockCase.Mode.plain(Dtype.F64, SavePolicy.UNITS_13)).pairs();
      List<Tensor> gradients = new ArrayList<>();
      List<ExplicitBlock> blocks = new ArrayList<>();
      try (RandomStream random = RandomStream.cpu(0)) {
        for (int i = 0; i < given.blocks.size(); i++) {
          blocks.add(
              new ExplicitBlock(
                  given.blocks.get(i),
                  given.adapters(i, Dtype.F64, random, gradients),
                  FusedAttention.CPU_FLASH,
                  false));
        }
      }
      try (BlockStack stack =
          new BlockStack(
              blocks::get,
              List.of(SavePolicy.INPUT_ONLY, SavePolicy.ATTENTION_ONLY),
              new BlockInputs(
                  Rotary.of(given.angles, Dtype.F64), TextContext.untrimmed(given.context)),
              new BlockStack.Timing(given.embedding, given.adaln, null))) {
        stack.forward(given.x);
        BlockStack.StackGradients others =
            stack.backward(given.gradOutput, BlockStack.StackWanted.ADAPTERS);

        assertThat(others).isEqualTo(new BlockStack.StackGradients(null, null, null));
        assertThat(stack.savedBytes()).isZero();
        for (int i = 0; i < expected.size(); i++) {
          assertThat(gradients.get(i).toDoubles()).isEqualTo(expected.get(i).toDoubles());
        }
      }
    }
  }

  @Test
  void policiesHoldWhatTheySay() {
    try (Scope _ = new Scope()) {
      BlockCase given =
          new BlockCase(
              11,
              1,
              64,
              8,
              List.of(8L),
              EnumSet.noneOf(BlockLinear.class),
              0,
              BlockCase.Dropouts.NONE);
      long unit = 64L * BlockCase.WIDTH * Dtype.F32.bytes();

      assertThat(units(given, SavePolicy.UNITS_13, unit)).isBetween(13.0, 13.5);
      assertThat(units(given, SavePolicy.ATTENTION_ONLY, unit)).isBetween(3.0, 3.5);
      assertThat(units(given, SavePolicy.INPUT_ONLY, unit)).isBetween(1.0, 1.2);
      assertThat(units(given, SavePolicy.EVERYTHING, unit)).isBetween(22.0, 24.0);
    }
  }

  private static double units(BlockCase given, SavePolicy policy, long unit) {
    BlockCase.Result result = given.explicit(mode(Dtype.F32, policy, false));
    return (double) result.savedBytes() / unit;
  }

  private static void assertClose(
      BlockCase.Result actual, BlockCase.Result expected, double tolerance) {
    assertClose(actual, expected, _ -> tolerance);
  }

  private static void assertClose(
      BlockCase.Result actual, BlockCase.Result expected, IntToDoubleFunction tolerances) {
    List<Tensor> ours = actual.all();
    List<Tensor> theirs = expected.all();
    double zero = tolerances.applyAsDouble(0);
    for (int i = 0; i < theirs.size(); i++) {
      assertThat(ours.get(i).shape()).as("shape of " + i).isEqualTo(theirs.get(i).shape());
      if (theirs.get(i).norm().item() == 0) {
        // One token attends to itself alone: its query and key get no gradient, up to rounding.
        assertThat(ours.get(i).norm().item()).as("tensor " + i).isLessThan(zero);
      } else {
        assertThat(relative(ours.get(i), theirs.get(i)))
            .as("tensor " + i)
            .isLessThan(tolerances.applyAsDouble(i));
      }
    }
  }

  private static double relative(Tensor actual, Tensor expected) {
    Tensor wide = expected.to(Dtype.F64);
    return actual.to(Dtype.F64).sub(wide).norm().item() / wide.norm().item();
  }

  /// `||actual - expected|| / ||expected||` over all tensors, as the golden index measures
  /// gradients.
  private static double relativeTogether(List<Tensor> actual, List<Tensor> expected) {
    double difference = 0;
    double length = 0;
    for (int i = 0; i < expected.size(); i++) {
      Tensor wide = expected.get(i).to(Dtype.F64);
      difference += Math.pow(actual.get(i).to(Dtype.F64).sub(wide).norm().item(), 2);
      length += Math.pow(wide.norm().item(), 2);
    }
    return Math.sqrt(difference / length);
  }

  private static double cosine(Tensor a, Tensor b) {
    Tensor left = a.to(Dtype.F64);
    Tensor right = b.to(Dtype.F64);
    return left.mul(right).sum().item() / (left.norm().item() * right.norm().item());
  }
}
