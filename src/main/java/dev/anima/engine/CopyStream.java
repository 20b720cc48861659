package dev.anima.engine;

import java.util.ArrayList;
import java.util.List;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.javacpp.PointerPointer;
import org.bytedeco.pytorch.DeviceGuardImplInterface;
import org.bytedeco.pytorch.Stream;
import org.bytedeco.pytorch.global.torch;
import org.jspecify.annotations.Nullable;

/// Copies to a device beside what it computes. On a card the program waits for none of it: events
/// keep the order of the card's two queues. On the CPU a copy happens at once.
///
/// Copies are numbered by their target (a staging buffer), so that work waits for just the one it
/// needs. For the thread that computes.
public final class CopyStream implements AutoCloseable {
  private final @Nullable Queue queue;

  private CopyStream(@Nullable Queue queue) {
    this.queue = queue;
  }

  /// @param targets how many buffers there are
  public static CopyStream on(Device device, int targets) {
    Libtorch.load();
    return new CopyStream(device.isCpu() ? null : new Queue(device, targets));
  }

  /// Copies into buffer `target` as soon as the device has done all the work it was given until
  /// now.
  ///
  /// @param from in pinned memory if the copy is to run beside other work; not changed before it is
  ///   done
  /// @param to one for each of `from`, in its shape and dtype
  public void copy(int target, List<Tensor> from, List<Tensor> to) {
    if (queue == null) {
      copyAll(from, to);
    } else {
      queue.copy(target, from, to);
    }
  }

  /// Work given to the device from now on waits for the last copy into buffer `target`.
  public void await(int target) {
    if (queue != null) {
      queue.await(target);
    }
  }

  private static void copyAll(List<Tensor> from, List<Tensor> to) {
    for (int i = 0; i < from.size(); i++) {
      to.get(i).copyLater_(from.get(i));
    }
  }

  /// The device must have done its work: buffers may be freed after this.
  @Override
  public void close() {
    if (queue != null) {
      queue.close();
    }
  }

  /// A second queue of work of a card.
  ///
  /// Through c10's device interface, which is part of every build. `CUDAStream` and its relatives
  /// are natives of the CUDA build alone, need the Java classes of CUDA's own binding, and come
  /// without events.
  private static final class Queue {
    private final byte card;
    private final DeviceGuardImplInterface driver;
    private final org.bytedeco.pytorch.Device device;
    private final Stream copies;

    /// The place that work given now has in the queue of computation.
    private final PointerPointer<Pointer> issued = event();

    /// The end of the last copy into each buffer.
    private final List<PointerPointer<Pointer>> arrived = new ArrayList<>();

    Queue(Device device, int targets) {
      this.card = (byte) device.index();
      this.device = device.raw();
      this.device.retainReference();
      driver = torch.getDeviceGuardImpl(torch.DeviceType.CUDA);
      driver.retainReference();
      copies = driver.getStreamFromGlobalPool(this.device, false);
      copies.retainReference();
      for (int i = 0; i < targets; i++) {
        arrived.add(event());
      }
    }

    /// Made by the driver when it is first recorded.
    private static PointerPointer<Pointer> event() {
      PointerPointer<Pointer> event = new PointerPointer<>(1);
      event.retainReference();
      return event.put(0, null);
    }

    void copy(int target, List<Tensor> from, List<Tensor> to) {
      try (Scope _ = new Scope()) {
        Stream computation = driver.getStream(device);
        driver.record(issued, computation, card, torch.EventFlag.PYTORCH_DEFAULT);
        driver.block(issued.get(0), copies);
        driver.exchangeStream(copies);
        try {
          copyAll(from, to);
        } finally {
          driver.exchangeStream(computation);
        }
        driver.record(arrived.get(target), copies, card, torch.EventFlag.PYTORCH_DEFAULT);
      }
    }

    void await(int target) {
      try (Scope _ = new Scope()) {
        Pointer event = arrived.get(target).get(0);
        if (event != null) {
          driver.block(event, driver.getStream(device));
        }
      }
    }

    void close() {
      try (Scope _ = new Scope()) {
        driver.synchronizeStream(copies);
        arrived.add(issued);
        for (PointerPointer<Pointer> event : arrived) {
          if (event.get(0) != null) {
            driver.destroyEvent(event.get(0), card);
          }
          event.close();
        }
      }
      copies.close();
      driver.close();
      device.close();
    }
  }
}
