package dev.anima;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.anima.engine.Device;
import dev.anima.engine.Dtype;
import dev.anima.engine.NoGrad;
import dev.anima.engine.Ops;
import dev.anima.engine.Scope;
import dev.anima.engine.Tensor;

/// The card of the tests tagged `cuda`, which run only with `ANIMA_GPU=1 ./anima test`.
///
/// `-Dtests.excluded= -Dgroups=cuda -Danima.cuda.device=cpu` rehearses them on the CPU: all but
/// what only a card can show.
public final class Card {
  private Card() {}

  /// Ends the test, as not done, where there is no card.
  public static Device required() {
    Device device = Device.parse(System.getProperty("anima.cuda.device", "cuda"));
    assumeTrue(
        device.isCpu() || Device.cudaCards() > device.index(),
        "libtorch can use no card here: see anima doctor");
    return device;
  }

  /// Ends the test, as not done, in a rehearsal.
  public static Device requiredReally() {
    Device device = required();
    assumeTrue(!device.isCpu(), "the CPU does its work at once");
    return device;
  }

  /// Gives the card work for about so many seconds, in few enough pieces that its queue has room
  /// for what comes after.
  public static void keepBusy(Device device, double seconds) {
    try (Scope _ = new Scope();
        NoGrad _ = new NoGrad()) {
      Tensor matrix = Ops.full(1e-4, Dtype.F32, device, 8192, 8192);
      Tensor product = Ops.empty(Dtype.F32, device, 1, 8192, 8192);
      multiply(product, matrix);
      device.await();
      long start = System.nanoTime();
      multiply(product, matrix);
      device.await();
      double one = (System.nanoTime() - start) / 1e9;
      for (int i = 0; i < Math.min(400, Math.ceil(seconds / one)); i++) {
        multiply(product, matrix);
      }
    }
  }

  private static void multiply(Tensor product, Tensor matrix) {
    Tensor batch = matrix.unsqueeze(0);
    product.baddbmm_(batch, batch, 0, 1);
  }
}
