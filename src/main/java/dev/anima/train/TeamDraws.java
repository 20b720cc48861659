package dev.anima.train;

import dev.anima.engine.Device;
import dev.anima.engine.RandomStream;
import dev.anima.lora.StreamDraws;

/// Dropout masks of a process of a team. How many numbers a mask takes depends on the pictures, so
/// no process can pass over those of another: masks come from streams of their own, which begin
/// anew for every batch, by its place in the run. Noise and times do not, see [Trainer].
final class TeamDraws implements AutoCloseable {
  private final long seed;
  private final RandomStream host;
  private final RandomStream device;

  TeamDraws(long seed, Device where) {
    this.seed = seed;
    this.host = RandomStream.cpu(seed);
    this.device = where.isCpu() ? host : RandomStream.on(where, seed);
  }

  StreamDraws streams() {
    return new StreamDraws(host, device);
  }

  /// Begins the masks of a batch.
  ///
  /// @param epoch counted from 1
  /// @param place of the batch in its epoch, over all processes
  void begin(int epoch, long place) {
    begin(streams(), seed, epoch, place);
  }

  static void begin(StreamDraws draws, long seed, int epoch, long place) {
    long mixed = mix(mix(mix(seed) + epoch) + place) >>> 1;
    draws.host().seed(mixed);
    if (draws.device() != draws.host()) {
      draws.device().seed(mixed);
    }
  }

  /// SplitMix64's finalizer: neighbours become strangers.
  private static long mix(long z) {
    long x = z + 0x9E3779B97F4A7C15L;
    x = (x ^ (x >>> 30)) * 0xBF58476D1CE4E5B9L;
    x = (x ^ (x >>> 27)) * 0x94D049BB133111EBL;
    return x ^ (x >>> 31);
  }

  @Override
  public void close() {
    host.close();
    if (device != host) {
      device.close();
    }
  }
}
