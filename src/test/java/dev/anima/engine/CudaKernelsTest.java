package dev.anima.engine;

import static org.assertj.core.api.Assertions.assertThat;

import dev.anima.Card;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/// The engine on a card.
@Tag("cuda")
class CudaKernelsTest {
  private static Device card = Device.CPU;

  @BeforeAll
  static void findCard() {
    card = Card.required();
  }

  /// Pair, dtype, head size, and the largest relative error.
  static Stream<Arguments> pairs() {
    List<Arguments> all =
        Card.required().isCpu()
            ? List.of(Arguments.of(FusedAttention.CPU_FLASH, Dtype.F32, 1e-5))
            : List.of(
                Arguments.of(FusedAttention.CUDA_EFFICIENT, Dtype.F32, 1e-5),
                Arguments.of(FusedAttention.CUDA_EFFICIENT, Dtype.BF16, 2e-2),
                Arguments.of(FusedAttention.CUDA_EFFICIENT, Dtype.F16, 5e-3),
                Arguments.of(FusedAttention.CUDA_FLASH, Dtype.BF16, 2e-2),
                Arguments.of(FusedAttention.CUDA_FLASH, Dtype.F16, 5e-3),
                Arguments.of(FusedAttention.CUDA_CUDNN, Dtype.BF16, 2e-2),
                Arguments.of(FusedAttention.CUDA_CUDNN, Dtype.F16, 5e-3),
                Arguments.of(ChunkedAttention.standard(), Dtype.F64, 1e-12));
    return all.stream()
        .flatMap(pair ->
            Stream.of(64L, 128L)
                .map(head -> Arguments.of(pair.get()[0], pair.get()[1], head, pair.get()[2])));
  }

  /// Output and all three gradients against products in float64 on the CPU (which other tests
  /// compare with autograd): self-attention, cross-attention over a trimmed text, uneven numbers.
  @ParameterizedTest(name = "{0} {1} heads of {2}")
  @MethodSource("pairs")
  void attentionIsTheFormula(AttentionKernel pair, Dtype dtype, long head, double bound) {
    for (long[] shape : new long[][] {{256, 256, 0}, {256, 37, 475}, {45, 21, 5}, {1, 1, 511}}) {
      try (Scope _ = new Scope();
          NoGrad _ = new NoGrad();
          RandomStream random = RandomStream.cpu(1)) {
        AttentionTrial given =
            AttentionTrial.draw(random, dtype, 3, shape[0], shape[1], head, shape[2]);
        List<Tensor> expected = given.to(Dtype.F64).solve(ChunkedAttention.standard());
        List<Tensor> actual = on(card, given).solve(pair);
        for (int i = 0; i < actual.size(); i++) {
          assertThat(error(actual.get(i), expected.get(i)))
              .as(List.of("output", "dQ", "dK", "dV").get(i) + " of " + shape[0] + " x " + shape[1])
              .isLessThan(bound);
        }
      }
    }
  }

  /// The value as the middle of a buffer that holds more, the way joined projections leave it.
  @ParameterizedTest(name = "{0} {1} heads of {2}")
  @MethodSource("pairs")
  void stridedInputsGiveTheSameNumbers(AttentionKernel pair, Dtype dtype, long head, double bound) {
    try (Scope _ = new Scope();
        NoGrad _ = new NoGrad();
        RandomStream random = RandomStream.cpu(2)) {
      AttentionTrial given = on(card, AttentionTrial.draw(random, dtype, 3, 64, 64, head, 0));
      Tensor rows = given.value().transpose(1, 2).flatten(2, 3); // (1, L, D)
      Tensor joined = Ops.cat(List.of(rows.mul(2), rows, rows.mul(3)), -1);
      Tensor strided = joined.narrow(-1, 3 * head, 3 * head).view(1, 64, 3, head).transpose(1, 2);
      List<Tensor> expected = given.solve(pair);
      List<Tensor> actual =
          new AttentionTrial(given.query(), given.key(), strided, given.gradOutput(), 0)
              .solve(pair);
      for (int i = 0; i < actual.size(); i++) {
        assertThat(error(actual.get(i), expected.get(i))).isLessThan(bound);
      }
    }
  }

  private static AttentionTrial on(Device device, AttentionTrial trial) {
    return new AttentionTrial(
        trial.query().to(device),
        trial.key().to(device),
        trial.value().to(device),
        trial.gradOutput().to(device),
        trial.zeroKeys());
  }

  private static double error(Tensor actual, Tensor expected) {
    Tensor exact = expected.to(Device.CPU).to(Dtype.F64);
    return actual.to(Device.CPU).to(Dtype.F64).sub(exact).norm().item() / exact.norm().item();
  }

  /// The real model's heads get a fused pair in every dtype, and none is left out for a wrong
  /// result.
  @Test
  void aFusedPairIsChosen() {
    Card.requiredReally();
    for (Dtype dtype : List.of(Dtype.F32, Dtype.BF16, Dtype.F16)) {
      AttentionChoice choice = AttentionChoice.on(card, dtype, 128);
      assertThat(choice.kernel()).as(choice.description()).isInstanceOf(FusedAttention.class);
      assertThat(choice.leftOut())
          .as(choice.description())
          .noneMatch(line -> line.contains(" off"));
    }
  }

  @Test
  void streamsOfTheCardRepeatAndGoOn() {
    try (Scope _ = new Scope();
        RandomStream stream = RandomStream.on(card, 7);
        RandomStream again = RandomStream.on(card, 7)) {
      assertThat(again.randn(Dtype.F32, 8).toFloats())
          .isEqualTo(stream.randn(Dtype.F32, 8).toFloats());
      byte[] state = stream.state();
      float[] next = stream.rand(Dtype.F32, 8).toFloats();
      again.restore(state);
      assertThat(again.rand(Dtype.F32, 8).toFloats()).isEqualTo(next);
    }
  }

  @Test
  void numbersAreReadBackWithoutWaitingForLaterWork() {
    Card.requiredReally();
    try (Scope _ = new Scope()) {
      Tensor loss = Ops.full(0.25, Dtype.F32, card);
      try (Readback early = Readback.of(loss)) {
        Card.keepBusy(card, 1);
        try (Readback late = Readback.of(loss)) {
          assertThat(early.value()).isEqualTo(0.25);
          assertThat(late.arrived()).isFalse();
          assertThat(late.value()).isEqualTo(0.25);
          assertThat(late.arrived()).isTrue();
        }
      }
    }
  }

  /// To the card, back to pinned memory and to the card again: in order, and nobody waits.
  @Test
  void copiesKeepTheirOrderAndDoNotWait() {
    Card.requiredReally();
    try (Scope _ = new Scope();
        RandomStream random = RandomStream.cpu(3)) {
      Tensor numbers = random.randn(Dtype.F32, 1 << 20);
      float[] expected = numbers.toFloats();
      var _ = numbers.to(card).toHost().to(card); // pinned memory is made once
      card.await();
      Card.keepBusy(card, 2);
      Tensor there = numbers.to(card);
      numbers.zero_();
      Tensor host = there.toHost();
      there.close();
      Tensor again = host.to(card);
      host.close();
      try (Readback end = Readback.of(again.narrow(0, 0, 1))) {
        assertThat(end.arrived()).as("the program waited").isFalse();
        assertThat(again.toFloats()).isEqualTo(expected);
      }
    }
  }
}
