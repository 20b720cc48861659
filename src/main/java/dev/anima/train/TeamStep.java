package dev.anima.train;

import dev.anima.engine.Device;
import dev.anima.engine.Dtype;
import dev.anima.engine.NoGrad;
import dev.anima.engine.Ops;
import dev.anima.engine.Readback;
import dev.anima.engine.Scope;
import dev.anima.engine.Tensor;
import dev.anima.lora.LoraAdapter;
import dev.anima.lora.LoraSet;
import dev.anima.train.team.Team;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// What the processes of a team tell each other at every optimizer step, in one sum over one flat
/// buffer of float32:
///
/// `[ gradients | which modules took part | losses of the window | who was asked to stop ]`
///
/// Afterwards all processes have the same gradients to the bit, and so the same weights after the
/// step.
final class TeamStep implements AutoCloseable {
  private final Team team;
  private final LoraSet loras;
  private final List<LoraAdapter> dropped;
  private final Tensor buffer;
  private final List<Tensor> losses = new ArrayList<>();

  /// @param accumulation micro-batches of one process in a window
  /// @param device that computes
  TeamStep(Team team, LoraSet loras, int accumulation, Device device) {
    this.team = team;
    this.loras = loras;
    // Without module dropout every module takes part in every step, on every process.
    this.dropped = loras.dropouts().module().isPresent() ? loras.modules() : List.of();
    try (Scope _ = new Scope()) {
      long length = loras.layout().trainable() + dropped.size() + accumulation + 1;
      this.buffer = Ops.zeros(Dtype.F32, device, length).retain();
    }
  }

  /// The window's next loss, a scalar.
  void add(Tensor loss) {
    losses.add(loss.detach().copy().retain());
  }

  /// What was agreed on at a step.
  ///
  /// @param tail mean losses, then how many were asked to stop
  @SuppressWarnings("ArrayRecordComponent") // nobody compares them
  record Agreed(double[] tail) {
    /// Mean over the processes of the loss of the window's micro-batch `i`.
    double loss(int i) {
      return tail[i];
    }

    boolean stops() {
      return tail[tail.length - 1] > 0;
    }
  }

  /// On its way from the device.
  static final class Agreement {
    private final int size;
    private final int losses;
    private final Readback tail;
    private @Nullable Agreed agreed;

    private Agreement(Tensor tail, int losses, int size) {
      this.tail = Readback.of(tail);
      this.losses = losses;
      this.size = size;
    }

    /// Waits for the device, the first time.
    Agreed get() {
      if (agreed == null) {
        double[] values = tail.values();
        double[] own = new double[losses + 1];
        for (int i = 0; i < losses; i++) {
          own[i] = values[i] / size;
        }
        own[losses] = values[values.length - 1];
        agreed = new Agreed(own);
        tail.close();
      }
      return agreed;
    }
  }

  /// Replaces the gradients by their mean over the processes, and ends the window.
  ///
  /// @param stop whether this process was asked to stop
  /// @throws dev.anima.engine.PeerLost if a process is gone; nothing but the gradients has changed
  Agreement exchange(boolean stop) {
    try (Scope _ = new Scope();
        NoGrad _ = new NoGrad()) {
      long gradients = loras.layout().trainable();
      buffer.narrow(0, 0, gradients).copy_(loras.gradients());
      if (!dropped.isEmpty()) {
        float[] took = new float[dropped.size()];
        for (int i = 0; i < took.length; i++) {
          took[i] = dropped.get(i).tookPart() ? 1 : 0;
        }
        buffer.narrow(0, gradients, took.length).copy_(Ops.of(took, took.length));
      }
      long first = gradients + dropped.size();
      long last = buffer.numel() - 1;
      buffer.narrow(0, first, last - first + 1).zero_();
      for (int i = 0; i < losses.size(); i++) {
        buffer.narrow(0, first + i, 1).copy_(losses.get(i).reshape(1));
      }
      if (stop) {
        buffer.narrow(0, last, 1).fill_(1);
      }
      team.sum_(buffer);
      loras.gradients().copy_(buffer.narrow(0, 0, gradients).div_(team.size()));
      markTookPart(gradients);
      return new Agreement(buffer.narrow(0, first, last - first + 1), losses.size(), team.size());
    } finally {
      losses.forEach(Tensor::close);
      losses.clear();
    }
  }

  /// A module that took part anywhere has a gradient everywhere.
  private void markTookPart(long from) {
    if (dropped.isEmpty()) {
      return;
    }
    float[] took = buffer.narrow(0, from, dropped.size()).to(Device.CPU).copy().toFloats();
    for (int i = 0; i < took.length; i++) {
      if (took[i] > 0) {
        dropped.get(i).markTookPart();
      }
    }
  }

  @Override
  public void close() {
    losses.forEach(Tensor::close);
    buffer.close();
  }
}
