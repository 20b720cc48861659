package dev.anima.train.team;

import java.io.IOException;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.NetworkInterface;
import java.util.Optional;

/// Under which address the other processes reach this one.
final class OwnAddress {
  private OwnAddress() {}

  /// The address from which this computer reaches `master`. Where that is itself by a loopback
  /// address although other computers take part (a name in its own `/etc/hosts`, `localhost` as
  /// some operators set it for process 0), its first other address.
  ///
  /// @param allHere whether all processes are known to be on this computer
  static String towards(String master, int port, boolean allHere) {
    InetAddress own = route(master, port).orElse(InetAddress.getLoopbackAddress());
    if (own.isLoopbackAddress() && !allHere) {
      own = outer().orElse(own);
    }
    return own.getHostAddress().replaceFirst("%.*", "");
  }

  private static Optional<InetAddress> route(String master, int port) {
    try (DatagramSocket socket = new DatagramSocket()) {
      socket.connect(new InetSocketAddress(master, port)); // sends nothing
      return Optional.of(socket.getLocalAddress());
    } catch (IOException | IllegalArgumentException | java.io.UncheckedIOException _) {
      return Optional.empty();
    }
  }

  private static Optional<InetAddress> outer() {
    try {
      return NetworkInterface.networkInterfaces()
          .filter(OwnAddress::isUsable)
          .flatMap(NetworkInterface::inetAddresses)
          .filter(address -> !address.isLinkLocalAddress())
          .min((a, b) -> Integer.compare(a.getAddress().length, b.getAddress().length));
    } catch (IOException _) {
      return Optional.empty();
    }
  }

  private static boolean isUsable(NetworkInterface network) {
    try {
      return network.isUp() && !network.isLoopback();
    } catch (IOException _) {
      return false;
    }
  }
}
