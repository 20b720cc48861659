package dev.anima.lora;

import dev.anima.engine.Device;
import dev.anima.engine.Dtype;
import dev.anima.engine.Ops;
import dev.anima.engine.RandomStream;
import dev.anima.engine.Scope;
import dev.anima.engine.Tensor;

/// Dropout draws from a run's random streams. Whoever recomputes a forward must restore both.
///
/// @param host a CPU stream, for the modules' draws
/// @param device the stream of the device that computes, for elements and ranks; on a CPU run the
///   same as `host`
public record StreamDraws(RandomStream host, RandomStream device) implements LoraDraws {
  @Override
  public float module() {
    try (Scope _ = new Scope()) {
      return (float) host.rand(Dtype.F32, 1).item();
    }
  }

  /// As torch's dropout on the CPU; for a probability of 0 or 1 it draws nothing there.
  @Override
  public Tensor element(Tensor activations, double probability) {
    Tensor mask = Ops.empty(activations.dtype(), activations.device(), activations.shape());
    if (probability == 0 || probability == 1) {
      return mask.fill_(1 - probability);
    }
    device.bernoulli_(mask, 1 - probability);
    return mask.div_(1 - probability);
  }

  @Override
  public Tensor rank(long batch, int rank, Device where) {
    return device.rand(Dtype.F32, batch, rank).to(where);
  }

  @Override
  public Tensor rows(long rows, Device where) {
    return device.rand(Dtype.F32, rows).to(where);
  }
}
