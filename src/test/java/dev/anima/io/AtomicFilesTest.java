package dev.anima.io;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class AtomicFilesTest {
  @TempDir Path folder;

  private List<String> names() throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      return files.map(file -> file.getFileName().toString()).sorted().toList();
    }
  }

  @Test
  void writesAndReplaces() throws IOException {
    Path file = folder.resolve("caption.txt");
    AtomicFiles.writeString(file, "1girl, été\n");
    assertThat(Files.readString(file)).isEqualTo("1girl, été\n");
    AtomicFiles.writeString(file, "");
    assertThat(Files.readString(file)).isEmpty();
    assertThat(names()).containsExactly("caption.txt");
  }

  @Test
  void aWriterThatFailsMidwayLeavesTheOldFileWholeAndNoTemporary() throws IOException {
    Path file = folder.resolve("lora.safetensors");
    AtomicFiles.writeString(file, "old");
    assertThatThrownBy(() ->
            AtomicFiles.write(
                file,
                channel -> {
                  AtomicFiles.writeFully(channel, ByteBuffer.wrap(new byte[100]));
                  throw new IllegalStateException("stop");
                }))
        .isInstanceOf(IllegalStateException.class);
    assertThat(Files.readString(file)).isEqualTo("old");
    assertThat(names()).containsExactly("lora.safetensors");
  }

  @Test
  void aFullDiskIsSaidAndTheOldFileStays() throws IOException {
    Path full = Path.of("/dev/full");
    assumeTrue(Files.isWritable(full), "this system has no /dev/full");
    Path file = folder.resolve("lora.safetensors");
    AtomicFiles.writeString(file, "old");
    assertThatThrownBy(() ->
            AtomicFiles.write(
                file,
                channel -> {
                  AtomicFiles.writeFully(channel, ByteBuffer.wrap(new byte[100]));
                  try (FileChannel device = FileChannel.open(full, StandardOpenOption.WRITE)) {
                    AtomicFiles.writeFully(device, ByteBuffer.wrap(new byte[100]));
                  }
                }))
        .isInstanceOf(RunFailedException.class)
        .hasMessageStartingWith(file + ": could not be written, the disk is full (")
        .hasMessageEndingWith("; the file that was there before is unchanged");
    assertThat(Files.readString(file)).isEqualTo("old");
    assertThat(names()).containsExactly("lora.safetensors");
  }

  @Test
  void anotherDiskErrorIsPassedOnInOneSentence() throws IOException {
    Path file = folder.resolve("a");
    assertThatThrownBy(() ->
            AtomicFiles.write(
                file,
                _ -> {
                  throw new IOException("Input/output error");
                }))
        .isInstanceOf(RunFailedException.class)
        .hasMessage(file + ": could not be written (Input/output error)");
    assertThat(names()).isEmpty();
  }

  @Test
  void wrongPlacesAreInputErrors() throws IOException {
    Path file = Files.writeString(folder.resolve("file"), "x");
    assertThatThrownBy(() -> AtomicFiles.writeString(folder.resolve("none/a.txt"), ""))
        .isInstanceOf(InputException.class)
        .hasMessageEndingWith("none: there is no such folder");
    assertThatThrownBy(() -> AtomicFiles.writeString(file.resolve("a.txt"), ""))
        .isInstanceOf(InputException.class)
        .hasMessageEndingWith("file: is a file, expected a folder");
    assertThatThrownBy(() -> AtomicFiles.writeString(folder, ""))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("is a folder");
  }

  @Test
  void aFolderWithoutPermissionIsAnInputError() {
    // Even root may create nothing there.
    Path closed = Path.of("/sys");
    assumeTrue(Files.isDirectory(closed), "this system has no /sys");
    assertThatThrownBy(() -> AtomicFiles.writeString(closed.resolve("a.txt"), ""))
        .isInstanceOf(InputException.class)
        .hasMessage("/sys: no permission to write into this folder");
  }

  @Test
  void keepsASymbolicLinkAndReplacesWhatItPointsTo() throws IOException {
    Path real = Files.writeString(folder.resolve("real.txt"), "old");
    Path link = folder.resolve("link.txt");
    try {
      Files.createSymbolicLink(link, real);
    } catch (IOException | UnsupportedOperationException e) {
      assumeTrue(false, "no symbolic links here: " + e);
    }
    AtomicFiles.writeString(link, "new");
    assertThat(Files.isSymbolicLink(link)).isTrue();
    assertThat(Files.readString(real)).isEqualTo("new");
  }

  @Test
  void writesNativeMemory() throws IOException {
    Path file = folder.resolve("bytes");
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment bytes = arena.allocate(3);
      bytes.copyFrom(MemorySegment.ofArray(new byte[] {1, 2, 3}));
      AtomicFiles.write(file, channel -> AtomicFiles.writeFully(channel, bytes));
    }
    assertThat(Files.readAllBytes(file)).containsExactly(1, 2, 3);
  }
}
