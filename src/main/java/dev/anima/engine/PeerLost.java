package dev.anima.engine;

/// A process of a [ProcessGroup] is gone, or did not answer in time; the group is of no use any
/// more.
public final class PeerLost extends RuntimeException {
  private static final long serialVersionUID = 1L;

  PeerLost(String message, Throwable cause) {
    super(message, cause);
  }
}
