package dev.anima.engine;

import org.bytedeco.javacpp.Pointer;
import org.bytedeco.javacpp.PointerPointer;
import org.bytedeco.pytorch.DeviceGuardImplInterface;
import org.bytedeco.pytorch.global.torch;
import org.jspecify.annotations.Nullable;

/// Numbers on their way from the device. Asking for them waits for the work that makes them, but
/// not for what the device was given after it. On the CPU they are there at once.
///
/// For the thread that computes.
public final class Readback implements AutoCloseable {
  private final Tensor host;
  private final @Nullable Mark mark;

  private Readback(Tensor host, @Nullable Mark mark) {
    this.host = host;
    this.mark = mark;
  }

  /// Starts to read `tensor`, which may be freed or changed right after this.
  public static Readback of(Tensor tensor) {
    try (Scope _ = new Scope()) {
      Tensor plain = tensor.detach();
      return plain.device().isCpu()
          ? new Readback(plain.copy().retain(), null)
          : new Readback(plain.toHost().retain(), new Mark(plain.device()));
    }
  }

  /// Whether [#values] would not wait.
  public boolean arrived() {
    return mark == null || mark.reached();
  }

  /// All elements in row-major order.
  public double[] values() {
    if (mark != null) {
      mark.await();
    }
    return host.toDoubles();
  }

  /// The single element.
  public double value() {
    double[] values = values();
    if (values.length != 1) {
      throw new IllegalStateException("expected one number, got " + values.length);
    }
    return values[0];
  }

  @Override
  public void close() {
    host.close();
    if (mark != null) {
      mark.close();
    }
  }

  /// A place in a card's queue of work.
  ///
  /// Through c10's device interface, which is part of every build of libtorch: `CUDAStream` and its
  /// relatives need JavaCPP's binding of CUDA.
  private static final class Mark {
    private final DeviceGuardImplInterface driver;
    private final PointerPointer<Pointer> event;
    private final byte card;

    /// Right behind the work given until now.
    Mark(Device device) {
      card = (byte) device.index();
      driver = torch.getDeviceGuardImpl(torch.DeviceType.CUDA);
      driver.retainReference();
      event = new PointerPointer<>(1);
      event.retainReference();
      event.put(0, null); // made by the driver when it is first recorded
      driver.record(event, driver.getStream(device.raw()), card, torch.EventFlag.PYTORCH_DEFAULT);
    }

    boolean reached() {
      try (Scope _ = new Scope()) {
        return driver.queryEvent(event.get(0));
      }
    }

    void await() {
      try (Scope _ = new Scope()) {
        driver.synchronizeEvent(event.get(0));
      }
    }

    void close() {
      try (Scope _ = new Scope()) {
        driver.destroyEvent(event.get(0), card);
      }
      event.close();
      driver.close();
    }
  }
}
