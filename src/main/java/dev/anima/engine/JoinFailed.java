package dev.anima.engine;

import java.net.InetAddress;
import java.net.UnknownHostException;
import java.time.Duration;

/// The processes of a run did not find each other.
public final class JoinFailed extends RuntimeException {
  private static final long serialVersionUID = 1L;

  /// Why.
  public enum Reason {
    /// Another program has the port that process 0 should open.
    PORT_TAKEN,
    /// The host's name is unknown here.
    NO_SUCH_HOST,
    /// Nobody answered, or too few came.
    NOBODY_CAME
  }

  private final Reason reason;

  private JoinFailed(Reason reason, String message, Throwable cause) {
    super(message, cause);
    this.reason = reason;
  }

  static JoinFailed of(ProcessGroup.Meeting meeting, Duration joining, RuntimeException e) {
    String text = String.valueOf(e.getMessage());
    if (text.contains("EADDRINUSE") || text.contains("failed to bind")) {
      return new JoinFailed(Reason.PORT_TAKEN, "port " + meeting.port() + " is taken", e);
    }
    if (!isKnown(meeting.host())) {
      return new JoinFailed(Reason.NO_SUCH_HOST, "there is no host " + meeting.host(), e);
    }
    return new JoinFailed(
        Reason.NOBODY_CAME,
        "not all %d processes met at %s:%d within %d seconds (%s)"
            .formatted(
                meeting.size(),
                meeting.host(),
                meeting.port(),
                joining.toSeconds(),
                ProcessGroup.firstLine(e)),
        e);
  }

  private static boolean isKnown(String host) {
    try {
      var _ = InetAddress.getByName(host);
      return true;
    } catch (UnknownHostException _) {
      return false;
    }
  }

  public Reason reason() {
    return reason;
  }
}
