package dev.anima.cli.doctor;

import static dev.anima.cli.Console.bytes;

import dev.anima.cli.doctor.Report.Card;
import dev.anima.cli.doctor.Report.Disk;
import dev.anima.cli.doctor.Report.Model;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;

/// A report for people: one line a fact, then what to do.
final class ReportText {
  private final List<String> lines = new ArrayList<>();

  private ReportText() {}

  static List<String> of(Report report) {
    ReportText text = new ReportText();
    text.machine(report);
    text.models(report);
    text.cuda(report);
    text.advice(report);
    return text.lines;
  }

  private void fact(String name, String value) {
    lines.add("%-12s %s".formatted(name, value));
  }

  private void machine(Report report) {
    fact("anima", report.version());
    fact(
        "machine",
        report.machine().system()
            + " "
            + report.machine().architecture()
            + ", "
            + report.machine().processor()
            + ", "
            + report.machine().cores()
            + " cores");
    fact(
        "JDK",
        report.jdk().version()
            + " "
            + report.jdk().vendor()
            + ", heap up to "
            + bytes(report.jdk().maxHeapBytes())
            + ", "
            + report.jdk().home());
    Report.Libtorch libtorch = report.libtorch();
    fact(
        "libtorch",
        libtorch.version()
            + " for "
            + libtorch.build()
            + (libtorch.error().isEmpty()
                ? ", "
                    + libtorch.cpuKernels()
                    + " kernels, "
                    + libtorch.blas()
                    + " for matrix products"
                : ", NOT LOADED"));
    if (libtorch.error().isEmpty()) {
      fact("devices", String.join(", ", report.devices()));
      fact("threads", String.valueOf(libtorch.threads()));
    }
    for (Card card : report.cards()) {
      fact("card", card.name() + ", " + bytes(card.memoryBytes()) + ", driver " + card.driver());
    }
    fact(
        "memory",
        bytes(report.memory().totalBytes())
            + ", "
            + bytes(report.memory().availableBytes())
            + " available");
    for (Disk disk : report.disks()) {
      fact("disk", bytes(disk.freeBytes()) + " free for the " + disk.use() + ", " + disk.path());
    }
  }

  private void models(Report report) {
    if (report.models().isEmpty()) {
      fact("models", "none found");
    }
    for (Model model : report.models()) {
      fact("model", model.kind() + (model.fits() ? "" : " (does not fit)") + ": " + model.path());
      fact(
          "",
          bytes(model.bytes())
              + (model.dtype().isEmpty() ? "" : " " + model.dtype())
              + ", "
              + model.detail());
    }
  }

  private void cuda(Report report) {
    if (!report.cuda().driver() && report.cuda().found().isEmpty()) {
      fact("CUDA", "no NVIDIA driver, no CUDA 13 libraries");
      return;
    }
    fact("CUDA", report.cuda().driver() ? "NVIDIA driver found" : "no NVIDIA driver");
    Map<String, List<String>> byFolder =
        report.cuda().found().entrySet().stream()
            .collect(
                Collectors.groupingBy(
                    Map.Entry::getValue,
                    TreeMap::new,
                    Collectors.mapping(Map.Entry::getKey, Collectors.toList())));
    byFolder.forEach((folder, names) -> fact("", String.join(", ", names) + " in " + folder));
    if (!report.cuda().missing().isEmpty()) {
      fact("", "missing: " + String.join(", ", report.cuda().missing()));
    }
  }

  private void advice(Report report) {
    lines.add("");
    if (report.advice().isEmpty()) {
      lines.add("Nothing is missing.");
      return;
    }
    lines.add("What to do:");
    report.advice().forEach(advice -> lines.add("- " + advice));
  }
}
