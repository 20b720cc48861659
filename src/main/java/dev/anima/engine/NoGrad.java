package dev.anima.engine;

import org.bytedeco.pytorch.AutoGradMode;
import org.bytedeco.pytorch.GradMode;

/// While open, operations of this thread record no autograd graph. Only for try-with-resources: one
/// left open turns gradients off for good.
public final class NoGrad implements AutoCloseable {
  private final AutoGradMode guard = new AutoGradMode(false);

  @Override
  public void close() {
    guard.deallocate();
  }

  /// Whether operations of this thread record no graph now.
  public static boolean isOn() {
    return !GradMode.is_enabled();
  }

  /// The opposite: records a graph although an enclosing [NoGrad] is open (recompute inside an
  /// explicit backward).
  public static Grad grad() {
    return new Grad();
  }

  /// While open, operations of this thread record an autograd graph.
  public static final class Grad implements AutoCloseable {
    private final AutoGradMode guard = new AutoGradMode(true);

    private Grad() {}

    @Override
    public void close() {
      guard.deallocate();
    }
  }
}
