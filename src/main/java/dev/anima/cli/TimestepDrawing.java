package dev.anima.cli;

import dev.anima.config.Flags;
import dev.anima.io.InputException;
import dev.anima.io.PngWriter;
import dev.anima.sample.BarChart;
import dev.anima.train.TimestepPreview;
import dev.anima.train.TimestepPreview.Band;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;

/// Shows what `--show_timesteps` asks for, in the terminal or as a picture.
final class TimestepDrawing {
  private static final int BAR = 40;

  private TimestepDrawing() {}

  /// Draws and ends; no model or image is needed.
  static void show(Flags flags, Path workingDir, Console console) {
    TimestepPreview preview = TimestepPreview.of(flags);
    String title =
        "%d timesteps of --timestep_sampling=%s, --weighting_scheme=%s; noise on top"
            .formatted(
                preview.samples(),
                flags.text("timestep_sampling", "sigmoid"),
                flags.text("weighting_scheme", "uniform"));
    if (flags.text("show_timesteps", "").equals("image")) {
      Path file = file(flags, workingDir);
      PngWriter.write(
          file,
          BarChart.draw(
              title,
              preview.bands().stream()
                  .map(band -> new BarChart.Row(range(band), length(band, preview), note(band)))
                  .toList()));
      console.print("wrote " + file);
      return;
    }
    console.print(title);
    for (Band band : preview.bands()) {
      int bar = (int) Math.round(BAR * length(band, preview));
      console.print(
          "%10s |%s| %s"
              .formatted(range(band), "#".repeat(bar) + " ".repeat(BAR - bar), note(band)));
    }
  }

  private static String range(Band band) {
    return band.from() + "-" + band.to();
  }

  private static double length(Band band, TimestepPreview preview) {
    return band.share() / preview.largestShare();
  }

  private static String note(Band band) {
    return String.format(
        Locale.ROOT, "%5.2f %%, loss weight %.3g", 100 * band.share(), band.weight());
  }

  /// `NAME-timesteps.png` in the output folder, or where the user is.
  private static Path file(Flags flags, Path workingDir) {
    Path folder = flags.path("output_dir").map(workingDir::resolve).orElse(workingDir);
    try {
      Files.createDirectories(folder);
    } catch (IOException e) {
      throw new InputException(
          "--output_dir: %s cannot be made (%s)".formatted(folder, e.getMessage()), e);
    }
    return folder.resolve(flags.text("output_name", "last") + "-timesteps.png");
  }
}
