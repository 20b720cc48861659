package dev.anima.cli.setup;

import dev.anima.io.Download;
import dev.anima.io.InputException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;

/// A folder of wheels, such as `pip download` makes.
record WheelFolder(Path folder) implements WheelSource {
  @Override
  public Download.Content open(Wheel wheel, long from) throws IOException {
    try {
      InputStream stream = Files.newInputStream(folder.resolve(wheel.file()));
      stream.skipNBytes(Math.min(from, Files.size(folder.resolve(wheel.file()))));
      return new Download.Content(stream, from);
    } catch (NoSuchFileException e) {
      throw new InputException("--index " + folder + ": there is no " + wheel.file() + " in it", e);
    }
  }
}
