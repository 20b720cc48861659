package dev.anima.model.block;

import dev.anima.engine.Dtype;
import dev.anima.engine.Ops;
import dev.anima.engine.RandomStream;
import dev.anima.engine.Scope;
import dev.anima.engine.Tensor;
import java.util.Objects;
import java.util.OptionalDouble;
import org.jspecify.annotations.Nullable;

/// The three dropouts of an adapter and the streams they draw from. Absent and 0 differ: with 0 the
/// numbers are still drawn, except for `element` (where 0 and 1 draw nothing).
///
/// Draw order of one call: `module` (one uniform number of the host stream; below p the adapter
/// adds nothing), then `element` (each rank activation), then `rank` (whole units of a sample; for
/// LoHa and LoKr rows of the weight), both from the device stream.
///
/// @param host stream on the CPU
/// @param device stream on the device of the activations
public record Dropping(
    OptionalDouble element,
    OptionalDouble rank,
    OptionalDouble module,
    RandomStream host,
    RandomStream device) {

  boolean skipsModule() {
    if (module.isEmpty()) {
      return false;
    }
    try (Scope _ = new Scope()) {
      // In float32, as torch compares rand(1) with a number.
      return (float) host.rand(Dtype.F32, 1).item() < (float) module.getAsDouble();
    }
  }

  /// Share of the activations that stays, on average; their scale is divided by it.
  double kept() {
    return (1 - element.orElse(0)) * (1 - rank.orElse(0));
  }

  /// Share of the rows that stays, on average.
  double keptRows() {
    return 1 - rank.orElse(0);
  }

  /// Which rows of a change stay, retained: float32 `(out)` of 0 and 1; null for all. One draw for
  /// the whole batch: what is dropped is a part of the weight.
  @Nullable Tensor rows(long out) {
    return rank.isEmpty()
        ? null
        : Scope.keep(
            () -> device.rand(Dtype.F32, out).gt(rank.getAsDouble()).to(Dtype.F32).retain());
  }

  /// Which rank activations stay, retained: boolean, `(B, L, r)` or `(B, 1, r)`; null for all.
  @Nullable Tensor mask(Dtype dtype, long batch, long tokens, long drawnTokens, long units) {
    // torch's dropout draws nothing for 0 and 1; with 1 the adapter adds nothing, see kept()
    boolean elements =
        element.isPresent() && element.getAsDouble() > 0 && element.getAsDouble() < 1;
    if (!elements && rank.isEmpty()) {
      return null;
    }
    return Scope.keep(() -> {
      Tensor mask = null;
      if (elements) {
        Tensor drawn = Ops.empty(dtype, device.device(), batch, drawnTokens, units);
        device.bernoulli_(drawn, 1 - element.getAsDouble());
        mask = drawn.narrow(1, 0, tokens).gt(0.5);
      }
      if (rank.isPresent()) {
        Tensor ranks = device.rand(Dtype.F32, batch, units).gt(rank.getAsDouble()).unsqueeze(1);
        mask = mask == null ? ranks : mask.logicalAnd(ranks);
      }
      return Objects.requireNonNull(mask).retain();
    });
  }
}
