package dev.anima.train;

import dev.anima.engine.Dtype;
import dev.anima.engine.Ops;
import dev.anima.engine.Readback;
import dev.anima.engine.Tensor;
import java.util.Arrays;
import java.util.List;

/// The losses of a micro-batch on their way from the device, all in one piece: whoever asks for the
/// mean waits no longer than for the mean alone.
final class StepLosses implements AutoCloseable {
  private final Readback numbers;
  private double[] read = {};

  private StepLosses(Readback numbers) {
    this.numbers = numbers;
  }

  /// @param losses of the step
  /// @param sigmas `(B, 1, 1, 1)` noise shares of its samples
  static StepLosses of(DitStep.Losses losses, Tensor sigmas) {
    return new StepLosses(
        Readback.of(
            Ops.cat(
                List.of(
                    losses.mean().to(Dtype.F32).view(1),
                    losses.samples().to(Dtype.F32).view(-1),
                    sigmas.to(Dtype.F32).view(-1)),
                0)));
  }

  private double[] read() {
    if (read.length == 0) {
      read = numbers.values();
    }
    return read;
  }

  /// The batch's loss. What was read once can be asked for after [#close].
  double value() {
    return read()[0];
  }

  /// Of each sample, without its weight.
  double[] samples() {
    return Arrays.copyOfRange(read(), 1, 1 + read().length / 2);
  }

  /// Noise share of each sample.
  double[] sigmas() {
    return Arrays.copyOfRange(read(), 1 + read().length / 2, read().length);
  }

  @Override
  public void close() {
    numbers.close();
  }
}
