package dev.anima.io;

import java.io.IOException;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.InstantSource;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;

/// Writes a TensorBoard event file: numbers, texts and pictures over steps. Every call is on the
/// disk's side of the process before it returns, so that a killed run loses nothing.
///
/// Messages are those of `event.proto` and `summary.proto` of TensorBoard. Not for several threads.
public final class EventFileWriter implements AutoCloseable {
  private static final String FILE_VERSION = "brain.Event:2";
  private static final int DT_STRING = 7;

  /// Offsets in a PNG file.
  private static final int PNG_WIDTH = 16;

  private static final int PNG_HEIGHT = 20;
  private static final AtomicInteger FILES = new AtomicInteger();

  private final Path file;
  private final FileChannel channel;
  private final InstantSource clock;

  /// Starts a new file `events.out.tfevents.SECONDS.HOST.PROCESS.NUMBER` in `folder`, which is made
  /// if need be.
  ///
  /// @throws InputException if the folder cannot be made or written to
  public EventFileWriter(Path folder) {
    this(folder, InstantSource.system());
  }

  @SuppressWarnings("MustBeClosedChecker") // the channel is closed by close()
  EventFileWriter(Path folder, InstantSource clock) {
    this.clock = clock;
    try {
      Files.createDirectories(folder);
      file = create(folder, clock);
      channel = FileChannel.open(file, StandardOpenOption.WRITE);
    } catch (IOException e) {
      throw new InputException(
          folder + ": no log can be written into this folder (" + e.getMessage() + ")", e);
    }
    write(event().string(3, FILE_VERSION));
  }

  /// A file of a name that is free: with a clock set back, another process may have had this one.
  private static Path create(Path folder, InstantSource clock) throws IOException {
    while (true) {
      try {
        return Files.createFile(folder.resolve(fileName(clock)));
      } catch (FileAlreadyExistsException _) {
        // the next number
      }
    }
  }

  private static String fileName(InstantSource clock) {
    return "events.out.tfevents.%010d.%s.%d.%d"
        .formatted(
            clock.instant().getEpochSecond(),
            hostName(),
            ProcessHandle.current().pid(),
            FILES.getAndIncrement());
  }

  private static String hostName() {
    try {
      return InetAddress.getLocalHost().getHostName().replaceAll("[^A-Za-z0-9._-]", "_");
    } catch (UnknownHostException _) {
      return "localhost";
    }
  }

  public Path file() {
    return file;
  }

  /// One number; stored as float32.
  ///
  /// @throws RunFailedException if the disk is full or fails
  public void scalar(String tag, long step, double value) {
    summary(step, new ProtoWriter().string(1, tag).fixedFloat(2, (float) value));
  }

  /// A text, shown as Markdown. TensorBoard finds it under `TAG/text_summary`.
  public void text(String tag, long step, String text) {
    ProtoWriter plugin = new ProtoWriter().message(1, new ProtoWriter().string(1, "text"));
    ProtoWriter oneText = new ProtoWriter().message(2, new ProtoWriter().varint(1, 1));
    ProtoWriter tensor = new ProtoWriter().varint(1, DT_STRING).message(2, oneText).string(8, text);
    summary(
        step,
        new ProtoWriter().string(1, tag + "/text_summary").message(9, plugin).message(8, tensor));
  }

  /// A picture, as PNG.
  public void image(String tag, long step, Pixels image) {
    ProtoWriter picture =
        new ProtoWriter()
            .varint(1, image.height())
            .varint(2, image.width())
            .varint(3, image.channels())
            .bytes(4, PngWriter.encode(image));
    summary(step, new ProtoWriter().string(1, tag).message(4, picture));
  }

  /// A picture that is a PNG already.
  ///
  /// @param png 8-bit RGB
  public void image(String tag, long step, byte[] png) {
    ByteBuffer header = ByteBuffer.wrap(png);
    ProtoWriter picture =
        new ProtoWriter()
            .varint(1, header.getInt(PNG_HEIGHT))
            .varint(2, header.getInt(PNG_WIDTH))
            .varint(3, 3)
            .bytes(4, png);
    summary(step, new ProtoWriter().string(1, tag).message(4, picture));
  }

  /// The settings of the run, for TensorBoard's HPARAMS tab. Numbers are given as numbers, so that
  /// they can be sorted by.
  public void settings(Map<String, String> settings) {
    ProtoWriter start = new ProtoWriter();
    settings.forEach((name, value) -> start.message(1, entry(name, value)));
    start.fixedDouble(5, (double) clock.instant().getEpochSecond());
    ProtoWriter content = new ProtoWriter().message(3, start);
    ProtoWriter plugin = new ProtoWriter().string(1, "hparams").message(2, content);
    summary(
        0,
        new ProtoWriter()
            .string(1, "_hparams_/session_start_info")
            .message(9, new ProtoWriter().message(1, plugin)));
  }

  /// An entry of a map from names to `google.protobuf.Value`.
  private static ProtoWriter entry(String name, String value) {
    ProtoWriter wrapped = new ProtoWriter();
    try {
      wrapped.fixedDouble(2, Double.parseDouble(value));
    } catch (NumberFormatException _) {
      wrapped.string(3, value);
    }
    return new ProtoWriter().string(1, name).message(2, wrapped);
  }

  private void summary(long step, ProtoWriter value) {
    ProtoWriter event = event();
    if (step != 0) {
      event.varint(2, step); // zero is the default and is left out
    }
    write(event.message(5, new ProtoWriter().message(1, value)));
  }

  /// An event with its wall time, in seconds since 1970.
  private ProtoWriter event() {
    var now = clock.instant();
    return new ProtoWriter().fixedDouble(1, now.getEpochSecond() + now.getNano() / 1e9);
  }

  private void write(ProtoWriter event) {
    try {
      AtomicFiles.writeFully(channel, EventRecords.frame(event.toBytes()));
    } catch (IOException e) {
      throw new RunFailedException(file + ": could not be written (" + e.getMessage() + ")", e);
    }
  }

  @Override
  public void close() {
    try {
      channel.force(true);
      channel.close();
    } catch (IOException e) {
      throw new RunFailedException(file + ": could not be written (" + e.getMessage() + ")", e);
    }
  }
}
