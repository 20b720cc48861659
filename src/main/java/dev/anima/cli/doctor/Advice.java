package dev.anima.cli.doctor;

import dev.anima.cli.Console;
import dev.anima.cli.doctor.Report.Disk;
import java.util.ArrayList;
import java.util.List;

/// What to do about what is missing.
final class Advice {
  /// Training from a memory-mapped model works with little memory, but not pleasantly below this.
  private static final long COMFORTABLE_MEMORY_BYTES = 12_000_000_000L;

  private static final long COMFORTABLE_DISK_BYTES = 5_000_000_000L;

  private Advice() {}

  static List<String> on(Report facts) {
    List<String> advice = new ArrayList<>();
    libtorch(facts, advice);
    models(facts, advice);
    room(facts, advice);
    return advice;
  }

  private static void libtorch(Report facts, List<String> advice) {
    boolean cudaBuild = facts.libtorch().build().equals("CUDA");
    boolean cudaUsable = facts.devices().stream().anyMatch(name -> name.startsWith("cuda"));
    if (!facts.libtorch().error().isEmpty()) {
      advice.add("libtorch could not be loaded: " + facts.libtorch().error());
    }
    if (cudaBuild && !cudaUsable && !facts.cuda().missing().isEmpty()) {
      advice.add(
          "CUDA 13 libraries are missing ("
              + String.join(", ", facts.cuda().missing())
              + "): anima setup --cuda tells how to fetch them; or set ANIMA_CUDA to the folders"
              + " that hold them (torch/lib or nvidia/*/lib of a PyTorch for CUDA 13);"
              + " ANIMA_GPU=0 trains on the CPU meanwhile");
    } else if (cudaBuild && !cudaUsable) {
      advice.add(
          facts.cuda().driver()
              ? "libtorch sees no card: CUDA 13 needs an NVIDIA driver of version 580 or newer"
              : "this is the CUDA build but there is no NVIDIA driver: install one, or start with"
                  + " ANIMA_GPU=0");
    }
    if (!cudaBuild && facts.cuda().driver()) {
      advice.add(
          "there is an NVIDIA card but this is the CPU build: start with ANIMA_GPU=1 to build for"
              + " the card");
    }
    if (facts.machine().architecture().equals("amd64")
        && facts.libtorch().blas().equals("openblas")) {
      advice.add("matrix products run on OpenBLAS: a build with MKL is about twice as fast");
    }
  }

  private static void models(Report facts, List<String> advice) {
    List<String> missing = new ArrayList<>();
    for (ModelRole kind : List.of(ModelRole.DIT, ModelRole.TEXT_ENCODER, ModelRole.VAE)) {
      boolean there =
          facts.models().stream()
              .anyMatch(model -> model.kind().equals(kind.title()) && model.fits());
      if (!there) {
        missing.add(kind.usualFile() + " (" + kind.title() + ", " + kind.flag() + ")");
      }
    }
    if (!missing.isEmpty()) {
      advice.add(
          "to train the real model, get "
              + String.join(", ", missing)
              + " from the Anima model page into ./models, ComfyUI's models folders or a folder named"
              + " in ANIMA_MODELS; anima demo needs none of them");
    }
  }

  private static void room(Report facts, List<String> advice) {
    if (facts.memory().totalBytes() < COMFORTABLE_MEMORY_BYTES) {
      advice.add(
          "only "
              + Console.bytes(facts.memory().totalBytes())
              + " of memory: the real model wants about 12 GB; the demo needs 2 GB");
    }
    for (Disk disk : facts.disks()) {
      if (disk.freeBytes() < COMFORTABLE_DISK_BYTES) {
        advice.add(
            "only "
                + Console.bytes(disk.freeBytes())
                + " free for the "
                + disk.use()
                + " ("
                + disk.path()
                + "): keep 5 GB for libraries, caches and checkpoints");
      }
    }
  }
}
