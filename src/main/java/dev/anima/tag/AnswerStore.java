package dev.anima.tag;

import dev.anima.io.FileHashes;
import java.io.ByteArrayOutputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Stream;
import java.util.zip.CRC32;
import org.jspecify.annotations.Nullable;

/// What a model said of pictures, kept so that a run that was interrupted, or is repeated with
/// other thresholds, asks about no picture twice. One file per model and profile; pictures are
/// known by their content, so they may be moved and renamed.
///
/// File: `anima-tags 1\n`, the number of labels (4 bytes), then records that are appended: length
/// (4), check sum (4), and the body: 32 bytes SHA-256 of the picture's file, width (4), height (4),
/// then label (4) and probability (4) of all that reach [#FLOOR] and of all ratings and qualities.
/// A torn record at the end is cut off.
public final class AnswerStore implements AutoCloseable {
  /// Lower probabilities are forgotten; no threshold below this is served from here.
  static final float FLOOR = 0.01f;

  private static final byte[] MAGIC = {
    'a', 'n', 'i', 'm', 'a', '-', 't', 'a', 'g', 's', ' ', '1', '\n'
  };
  private static final int HASH_BYTES = 32;
  private static final int LONGEST_RECORD = 1 << 20;
  private static final ThreadLocal<MessageDigest> SHA_256 =
      ThreadLocal.withInitial(AnswerStore::sha256);

  private final TagList tags;
  private final boolean looksUp;
  private final Map<String, byte[]> known = new ConcurrentHashMap<>();
  private final Map<Path, byte[]> hashes = new ConcurrentHashMap<>();
  private final FileChannel channel;
  private final @Nullable FileLock lock;

  private AnswerStore(TagList tags, boolean looksUp, FileChannel channel, @Nullable FileLock lock) {
    this.tags = tags;
    this.looksUp = looksUp;
    this.channel = channel;
    this.lock = lock;
  }

  /// The store for a model and profile; empty if there can be none (the folder cannot be written
  /// to) or it would not serve the settings.
  ///
  /// @param folder where stores are kept; made if needed
  /// @param looksUp false to ask about every picture anew
  public static Optional<AnswerStore> open(
      Path folder, TaggerModel model, TagSettings settings, boolean looksUp) {
    if (settings.rules().thresholds().lowest() < FLOOR) {
      return Optional.empty();
    }
    try {
      Files.createDirectories(folder);
      Path file =
          folder.resolve(
              "%s-%s-%d.answers"
                  .formatted(
                      identity(model.files().onnx()).substring(0, 32),
                      settings.profile().flag(),
                      model.side()));
      return Optional.of(open(file, model.tags(), looksUp));
    } catch (IOException _) {
      return Optional.empty(); // without a memory it works too
    }
  }

  private static AnswerStore open(Path file, TagList tags, boolean looksUp) throws IOException {
    FileChannel channel =
        FileChannel.open(
            file, StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE);
    AnswerStore store = new AnswerStore(tags, looksUp, channel, lock(channel));
    store.read();
    return store;
  }

  /// Another process may be writing: then this one only reads.
  private static @Nullable FileLock lock(FileChannel channel) throws IOException {
    try {
      return channel.tryLock();
    } catch (OverlappingFileLockException _) {
      return null;
    }
  }

  /// The hash of the network, with the sizes of files that hold its weights beside it.
  private static String identity(Path onnx) throws IOException {
    String hash = FileHashes.sha256(onnx);
    Path folder = onnx.toAbsolutePath().getParent();
    long beside = 0;
    if (folder != null) {
      try (Stream<Path> files = Files.list(folder)) {
        for (Path file : files.toList()) {
          String name = String.valueOf(file.getFileName());
          if (name.startsWith(onnx.getFileName() + "") && !name.equals(onnx.getFileName() + "")) {
            beside = 31 * beside + Files.size(file);
          }
        }
      }
    }
    return beside == 0 ? hash : Long.toHexString(beside) + hash;
  }

  // ---- reading --------------------------------------------------------------------------------

  private void read() throws IOException {
    ByteBuffer file = ByteBuffer.allocate(Math.toIntExact(channel.size()));
    while (file.hasRemaining() && channel.read(file) >= 0) {
      // until it is whole
    }
    file.flip();
    int end = readHeader(file) ? readRecords(file) : 0;
    if (lock == null) {
      return;
    }
    channel.truncate(end);
    channel.position(end);
    if (end == 0) {
      channel.write(ByteBuffer.allocate(MAGIC.length + 4).put(MAGIC).putInt(tags.size()).flip());
    }
  }

  private boolean readHeader(ByteBuffer file) {
    byte[] magic = new byte[MAGIC.length];
    if (file.remaining() < MAGIC.length + 4) {
      return false;
    }
    file.get(magic);
    return java.util.Arrays.equals(magic, MAGIC) && file.getInt() == tags.size();
  }

  /// @return where the last whole record ends
  private int readRecords(ByteBuffer file) {
    int end = file.position();
    while (file.remaining() >= 8) {
      int length = file.getInt();
      int sum = file.getInt();
      if (length < HASH_BYTES + 8 || length > LONGEST_RECORD || length > file.remaining()) {
        break;
      }
      byte[] body = new byte[length];
      file.get(body);
      if (checkSum(body) != sum) {
        break;
      }
      known.put(HexFormat.of().formatHex(body, 0, HASH_BYTES), body);
      end = file.position();
    }
    return end;
  }

  private static int checkSum(byte[] body) {
    CRC32 sum = new CRC32();
    sum.update(body);
    return (int) sum.getValue();
  }

  /// What is known of a picture.
  Optional<Outcome.Answered> of(Path image) {
    byte[] hash;
    try {
      hash = SHA_256.get().digest(Files.readAllBytes(image));
    } catch (IOException _) {
      return Optional.empty(); // whoever reads it next says why
    }
    byte[] body = looksUp ? known.get(HexFormat.of().formatHex(hash)) : null;
    if (body == null) {
      hashes.put(image, hash); // for the answer that will come
      return Optional.empty();
    }
    ByteBuffer record = ByteBuffer.wrap(body).position(HASH_BYTES);
    int width = record.getInt();
    int height = record.getInt();
    float[] probabilities = new float[tags.size()];
    while (record.remaining() >= 8) {
      int label = record.getInt();
      float probability = record.getFloat();
      if (label >= 0 && label < probabilities.length) {
        probabilities[label] = probability;
      }
    }
    return Optional.of(
        new Outcome.Answered(image, width, height, new Probabilities(probabilities), true));
  }

  private static MessageDigest sha256() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new AssertionError("every Java platform has SHA-256", e);
    }
  }

  // ---- writing --------------------------------------------------------------------------------

  /// Keeps new answers.
  void add(List<Outcome> outcomes) {
    for (Outcome outcome : outcomes) {
      byte[] hash = hashes.remove(outcome.image());
      if (lock != null
          && hash != null
          && outcome instanceof Outcome.Answered answer
          && !answer.remembered()) {
        append(body(hash, answer));
      }
    }
  }

  private void append(byte[] body) {
    ByteBuffer record =
        ByteBuffer.allocate(8 + body.length)
            .putInt(body.length)
            .putInt(checkSum(body))
            .put(body)
            .flip();
    try {
      while (record.hasRemaining()) {
        channel.write(record);
      }
    } catch (IOException _) {
      // A full disk shows itself at the captions; what is remembered is for speed only.
    }
  }

  private byte[] body(byte[] hash, Outcome.Answered answer) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (DataOutputStream out = new DataOutputStream(bytes)) {
      out.write(hash);
      out.writeInt(answer.width());
      out.writeInt(answer.height());
      for (int i = 0; i < tags.size(); i++) {
        TagCategory category = tags.labels().get(i).category();
        boolean always = category == TagCategory.RATING || category == TagCategory.QUALITY;
        if (always || answer.probabilities().of(i) >= FLOOR) {
          out.writeInt(i);
          out.writeFloat(answer.probabilities().of(i));
        }
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return bytes.toByteArray();
  }

  @Override
  public void close() {
    try {
      channel.close(); // gives the lock back
    } catch (IOException _) {
      // nothing depends on it
    }
  }
}
