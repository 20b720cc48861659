package dev.anima.cli.check;

import static dev.anima.cli.Console.bytes;

import dev.anima.cli.check.Preview.FlagLine;
import dev.anima.cli.check.Preview.Lora;
import dev.anima.cli.check.Preview.Warning;
import dev.anima.config.PythonNumber;
import dev.anima.io.PythonText;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.function.Predicate;

/// A preview for people. The warnings come last: that is where a terminal stops.
final class PreviewText {
  private static final int FILES_SHOWN = 30;
  private static final int OUTPUTS_SHOWN = 12;

  private final Preview preview;
  private final Page page;

  private PreviewText(Preview preview, int columns) {
    this.preview = preview;
    this.page = new Page(columns);
  }

  /// @param preview without errors
  static List<String> of(Preview preview, int columns) {
    PreviewText text = new PreviewText(preview, columns);
    text.run();
    text.costs();
    text.buckets();
    text.files();
    text.flags();
    text.outputs();
    text.warnings();
    return text.page.lines();
  }

  private void run() {
    page.fact(
        "Images",
        "%s, %d an epoch with repeats%s%s%s"
            .formatted(
                count(preview.images(), "image"),
                preview.entriesPerEpoch(),
                preview.captionsMissing() == 0
                    ? ""
                    : "; %d without a caption".formatted(preview.captionsMissing()),
                preview.regImages() == 0
                    ? ""
                    : "; %s for regularisation".formatted(count(preview.regImages(), "image")),
                preview.validationImages() == 0
                    ? ""
                    : "; %s for validation".formatted(count(preview.validationImages(), "image"))));
    page.fact(
        "Steps",
        "%s an epoch, %s an epoch, %s: %s"
            .formatted(
                count(preview.batchesPerEpoch(), "batch"),
                count(preview.stepsPerEpoch(), "step"),
                count(preview.epochs(), "epoch"),
                count(preview.totalSteps(), "step")));
    page.fact(
        "Warm-up",
        preview.warmupSteps() == 0
            ? "none"
            : "%s, %s %% of the run"
                .formatted(
                    count(preview.warmupSteps(), "step"),
                    decimal(1, 100.0 * preview.warmupSteps() / preview.totalSteps())));
    for (Preview.Model model : preview.models()) {
      page.fact(
          switch (model.kind()) {
            case "dit" -> "DiT";
            case "vae" -> "VAE";
            default -> "Text encoder";
          },
          "%s, %s parameters, %s: %s"
              .formatted(
                  model.detail(),
                  millions(model.parameters()),
                  bytes(model.bytes()),
                  model.path()));
    }
    preview.lora().ifPresent(this::lora);
    String label = "Learning rate";
    for (Preview.Group group : preview.learningRates()) {
      page.fact(
          label,
          "%s for %s (%s parameters)"
              .formatted(
                  PythonText.repr(group.rate()),
                  groupName(group.name()),
                  millions(group.parameters())));
      label = "";
    }
    preview
        .schedule()
        .ifPresent(schedule -> {
          page.fact("Schedule", schedule.name());
          RateCurve.draw(schedule.rates()).forEach(page::line);
        });
  }

  private void lora(Lora lora) {
    List<String> parts = new ArrayList<>();
    if (lora.ditModules() > 0) {
      parts.add("%s on the DiT".formatted(count(lora.ditModules(), "module")));
    }
    if (lora.textEncoderModules() > 0) {
      parts.add(
          "%s on the Qwen3 text encoder".formatted(count(lora.textEncoderModules(), "module")));
    }
    page.fact(
        lora.kind(),
        "rank %d, alpha %s, so it counts %s; %s; %s parameters, about %s"
            .formatted(
                lora.rank(),
                plain(lora.alpha()),
                plain(lora.scale()),
                String.join(" and ", parts),
                millions(lora.ditParameters() + lora.textEncoderParameters()),
                bytes(lora.fileBytes())));
  }

  private static String groupName(String name) {
    return name.replaceFirst("^textencoder 1", "the Qwen3 LoRA")
        .replaceFirst("^unet", "the DiT LoRA");
  }

  private void costs() {
    preview
        .swap()
        .ifPresent(swap ->
            page.fact(
                "Block swap",
                "%d of %s wait outside until they are used: on the CPU in the DiT's file, on a card in main memory"
                    .formatted(swap.blocks(), count(swap.of(), "block"))));
    preview
        .memory()
        .ifPresent(memory -> {
          page.fact("Memory", memory.text().getFirst());
          memory.text().stream().skip(1).forEach(line -> page.fact("", line));
        });
    preview
        .time()
        .ifPresent(time ->
            page.fact(
                "Time",
                "about %s a step, %s in all (%s)"
                    .formatted(
                        duration(time.secondsPerStep()),
                        duration(time.secondsTotal()),
                        time.basis())));
  }

  private void buckets() {
    page.heading("Buckets (width x height: images, with repeats, batches)");
    boolean several = preview.buckets().stream().anyMatch(bucket -> bucket.dataset() > 0);
    for (Preview.Bucket bucket : preview.buckets()) {
      page.line(
          "  %5d x %-5d %5d %6d %6d%s"
              .formatted(
                  bucket.width(),
                  bucket.height(),
                  bucket.images(),
                  bucket.repeats(),
                  bucket.batches(),
                  several ? "   dataset " + (bucket.dataset() + 1) : ""));
    }
  }

  private void files() {
    page.heading("Files (size > resized > bucket, crop at left,top, times an epoch)");
    for (Preview.ImageFile file : preview.files().stream().limit(FILES_SHOWN).toList()) {
      page.entry(
          "%s %dx%d > %s > %s%s, x%d%s"
              .formatted(
                  file.path(),
                  file.width(),
                  file.height(),
                  size(file.resized()),
                  size(file.bucket()),
                  file.resized().equals(file.bucket())
                      ? ""
                      : ", crop at %d,%d".formatted(file.crop().get(0), file.crop().get(1)),
                  file.repeats(),
                  switch (file.role()) {
                    case "reg" -> ", regularisation";
                    case "validation" -> ", validation";
                    default -> "";
                  }));
    }
    more(preview.files().size() - FILES_SHOWN, "image");
  }

  private void flags() {
    flags(
        "Flags that do something",
        line -> line.status().equals("effective") || line.status().equals("abbreviated"));
    flags(
        "Flags that do nothing in this run",
        line -> line.status().equals("ignored") || line.status().equals("overridden"));
  }

  private void flags(String title, Predicate<FlagLine> which) {
    List<FlagLine> lines = preview.flags().stream().filter(which).toList();
    if (lines.isEmpty()) {
      return;
    }
    page.heading(title);
    for (FlagLine line : lines) {
      boolean plain = line.resolved().isEmpty() || sameText(line);
      page.entry(
          "%s %s%s%s"
              .formatted(
                  line.flag(),
                  line.value().equals("true") ? "" : line.value(),
                  plain ? "" : " = " + line.resolved(),
                  line.reason().isEmpty() ? "" : " (" + line.reason() + ")"));
    }
  }

  /// Whether the resolved value tells no more than the typed one, such as `1e-4` and `0.0001`.
  private static boolean sameText(FlagLine line) {
    String resolved = line.resolved();
    if (resolved.equals(line.value()) || resolved.equals("True") || resolved.startsWith("[")) {
      return true;
    }
    return PythonNumber.parseFloat(resolved).isPresent()
        && PythonNumber.parseFloat(resolved).equals(PythonNumber.parseFloat(line.value()));
  }

  private void outputs() {
    page.heading("It would write");
    for (Preview.Output output : preview.outputs().stream().limit(OUTPUTS_SHOWN).toList()) {
      page.entry(
          "step %-6d %s, about %s%s%s"
              .formatted(
                  output.step(),
                  output.path(),
                  bytes(output.bytes()),
                  output.kept() ? "" : ", deleted again later",
                  output.exists() ? ", replaces what is there" : ""));
    }
    more(preview.outputs().size() - OUTPUTS_SHOWN, "file");
    preview.alsoWrites().forEach(text -> page.entry(text));
  }

  private void more(int rest, String what) {
    if (rest > 0) {
      page.line("  and %s more (all of them with --json)".formatted(count(rest, what)));
    }
  }

  private void warnings() {
    if (preview.warnings().isEmpty()) {
      page.heading("The run can start. No warnings.");
      return;
    }
    page.heading(
        "The run can start, with %s:".formatted(count(preview.warnings().size(), "warning")));
    preview.warnings().stream().map(Warning::message).forEach(page::item);
  }

  private static String size(List<Integer> size) {
    return size.get(0) + "x" + size.get(1);
  }

  /// `1 image`, `2 images`, `2 batches`.
  private static String count(int number, String what) {
    String plural = what.equals("batch") ? "batches" : what + "s";
    return number + " " + (number == 1 ? what : plural);
  }

  private static String millions(long count) {
    return count < 1_000_000
        ? String.format(Locale.ROOT, "%,d", count)
        : String.format(Locale.ROOT, "%.1f million", count / 1e6);
  }

  /// Whole numbers without a decimal point.
  private static String plain(double value) {
    return PythonText.repr(value).replaceFirst("\\.0$", "");
  }

  private static String decimal(int digits, double value) {
    return String.format(Locale.ROOT, "%." + digits + "f", value);
  }

  private static String duration(double seconds) {
    if (seconds < 60) {
      return decimal(seconds < 10 ? 2 : 0, seconds) + " s";
    }
    Duration duration = Duration.ofSeconds(Math.round(seconds));
    return duration.toHours() == 0
        ? "%d min".formatted(duration.toMinutes())
        : "%d h %d min".formatted(duration.toHours(), duration.toMinutesPart());
  }
}
