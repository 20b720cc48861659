package dev.anima.io;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.Locale;

/// What the hash of a whole file has to be.
///
/// @param kind which hash
/// @param hex lower-case digits
public record Checksum(Kind kind, String hex) {
  private static final int CHUNK_BYTES = 1 << 16;

  /// Hashes that servers tell of their files.
  public enum Kind {
    SHA_256("SHA-256", "SHA-256", 64),
    /// SHA-1 over `blob LENGTH`, a zero byte and the content: Git's name of a file's content.
    GIT_BLOB("Git hash", "SHA-1", 40);

    private final String label;
    private final String algorithm;
    private final int digits;

    Kind(String label, String algorithm, int digits) {
      this.label = label;
      this.algorithm = algorithm;
      this.digits = digits;
    }
  }

  public Checksum {
    hex = hex.toLowerCase(Locale.ROOT);
    if (!hex.matches("[0-9a-f]{" + kind.digits + "}")) {
      throw new IllegalArgumentException(kind + " of the digits " + hex);
    }
  }

  /// A SHA-256 in hex digits.
  public static Checksum sha256(String hex) {
    return new Checksum(Kind.SHA_256, hex);
  }

  /// How people call it.
  public String label() {
    return kind.label;
  }

  /// The hash of this kind that `file` really has.
  public String of(Path file) throws IOException {
    MessageDigest digest = digest();
    if (kind == Kind.GIT_BLOB) {
      digest.update(("blob " + Files.size(file) + "\0").getBytes(StandardCharsets.UTF_8));
    }
    try (InputStream in = Files.newInputStream(file)) {
      byte[] chunk = new byte[CHUNK_BYTES];
      for (int read = in.read(chunk); read >= 0; read = in.read(chunk)) {
        digest.update(chunk, 0, read);
      }
    }
    return HexFormat.of().formatHex(digest.digest());
  }

  private MessageDigest digest() {
    try {
      return MessageDigest.getInstance(kind.algorithm);
    } catch (NoSuchAlgorithmException e) {
      throw new AssertionError("every Java platform has " + kind.algorithm, e);
    }
  }
}
