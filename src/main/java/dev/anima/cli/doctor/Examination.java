package dev.anima.cli.doctor;

import com.sun.management.OperatingSystemMXBean;
import dev.anima.cli.Build;
import dev.anima.cli.doctor.Report.Card;
import dev.anima.cli.doctor.Report.Cuda;
import dev.anima.cli.doctor.Report.Disk;
import dev.anima.cli.doctor.Report.Jdk;
import dev.anima.cli.doctor.Report.Machine;
import dev.anima.cli.doctor.Report.Memory;
import dev.anima.cli.doctor.Report.Model;
import dev.anima.engine.Device;
import dev.anima.engine.Libtorch;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/// Looks at this machine. Every part may fail alone; none stops the others.
final class Examination {
  private static final int NVIDIA_SMI_SECONDS = 20;

  private Examination() {}

  static Report examine(Surroundings surroundings) {
    Build build = Build.current();
    CudaLibraries cudaLibraries = CudaLibraries.search(surroundings);
    List<Card> cards = cards();
    Report.Libtorch libtorch = libtorch(build);
    Report facts =
        new Report(
            build.version(),
            machine(),
            jdk(),
            libtorch,
            libtorch.error().isEmpty() ? devices() : List.of(),
            cards,
            memory(),
            disks(surroundings),
            ModelFile.search(surroundings).stream().map(Examination::model).toList(),
            cuda(surroundings, cudaLibraries, cards),
            List.of());
    return new Report(
        facts.version(),
        facts.machine(),
        facts.jdk(),
        facts.libtorch(),
        facts.devices(),
        facts.cards(),
        facts.memory(),
        facts.disks(),
        facts.models(),
        facts.cuda(),
        Advice.on(facts));
  }

  private static Machine machine() {
    return new Machine(
        System.getProperty("os.name") + " " + System.getProperty("os.version"),
        System.getProperty("os.arch"),
        processor(),
        Runtime.getRuntime().availableProcessors());
  }

  private static String processor() {
    Path cpuInfo = Path.of("/proc/cpuinfo");
    if (Files.isReadable(cpuInfo)) {
      try (Stream<String> lines = Files.lines(cpuInfo)) {
        return lines
            .filter(line -> line.startsWith("model name"))
            .map(line -> line.substring(line.indexOf(':') + 1).strip())
            .findFirst()
            .orElse("");
      } catch (IOException _) {
        return "";
      }
    }
    String windows = System.getenv("PROCESSOR_IDENTIFIER");
    if (windows != null) {
      return windows;
    }
    return String.join("", output("sysctl", "-n", "machdep.cpu.brand_string"));
  }

  private static Jdk jdk() {
    return new Jdk(
        System.getProperty("java.version"),
        System.getProperty("java.vendor"),
        System.getProperty("java.home"),
        Runtime.getRuntime().maxMemory());
  }

  private static Report.Libtorch libtorch(Build build) {
    String version = build.libtorch().replaceFirst("-.*", "");
    try {
      Libtorch.load();
      return new Report.Libtorch(
          version,
          Libtorch.isCudaBuild() ? "CUDA" : "CPU",
          build.blas(),
          Libtorch.cpuCapability(),
          Libtorch.threads(),
          "");
    } catch (LinkageError e) {
      return new Report.Libtorch(
          version, build.isGpuBuild() ? "CUDA" : "CPU", build.blas(), "", 0, rootMessage(e));
    }
  }

  private static String rootMessage(Throwable e) {
    Throwable root = e;
    while (root.getCause() != null) {
      root = root.getCause();
    }
    return String.valueOf(root.getMessage());
  }

  private static List<String> devices() {
    List<String> devices = new ArrayList<>();
    for (int i = 0; i < Device.cudaCards(); i++) {
      devices.add(new Device(Device.Kind.CUDA, i).toString());
    }
    if (Libtorch.hasMps()) {
      devices.add(new Device(Device.Kind.MPS, 0).toString());
    }
    devices.add(Device.CPU.toString());
    return devices;
  }

  private static List<Card> cards() {
    List<Card> cards = new ArrayList<>();
    for (String line :
        output(
            "nvidia-smi",
            "--query-gpu=name,memory.total,driver_version",
            "--format=csv,noheader,nounits")) {
      String[] fields = line.split(",", -1);
      if (fields.length == 3) {
        cards.add(new Card(fields[0].strip(), mebibytes(fields[1].strip()), fields[2].strip()));
      }
    }
    return cards;
  }

  private static long mebibytes(String number) {
    try {
      return Long.parseLong(number) << 20;
    } catch (NumberFormatException _) {
      return 0; // "[N/A]"
    }
  }

  /// Lines a small tool prints; none if it is not there, fails or hangs.
  private static List<String> output(String... command) {
    try {
      Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
      process.getOutputStream().close();
      if (!process.waitFor(NVIDIA_SMI_SECONDS, TimeUnit.SECONDS)) {
        process.destroyForcibly();
        return List.of();
      }
      String text = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      return process.exitValue() == 0 ? text.lines().toList() : List.of();
    } catch (IOException _) {
      return List.of();
    } catch (InterruptedException _) {
      Thread.currentThread().interrupt();
      return List.of();
    }
  }

  private static Memory memory() {
    long total = 0;
    long available = 0;
    if (ManagementFactory.getOperatingSystemMXBean() instanceof OperatingSystemMXBean system) {
      total = system.getTotalMemorySize(); // a container's limit, if there is one
      available = Math.max(system.getFreeMemorySize(), Math.min(total, memAvailable()));
    }
    return new Memory(total, available);
  }

  /// Linux counts its file cache as used; MemAvailable does not.
  private static long memAvailable() {
    Path memInfo = Path.of("/proc/meminfo");
    if (!Files.isReadable(memInfo)) {
      return 0;
    }
    try (Stream<String> lines = Files.lines(memInfo)) {
      return lines
          .filter(line -> line.startsWith("MemAvailable:"))
          .map(line -> line.replaceAll("\\D", ""))
          .mapToLong(kibibytes -> Long.parseLong(kibibytes) << 10)
          .findFirst()
          .orElse(0);
    } catch (IOException | NumberFormatException _) {
      return 0;
    }
  }

  private static List<Disk> disks(Surroundings surroundings) {
    List<Disk> disks = new ArrayList<>();
    disks.add(disk("working folder", surroundings.workingFolder()));
    disks.add(disk("library cache", surroundings.home()));
    return disks;
  }

  private static Disk disk(String use, Path path) {
    try {
      return new Disk(use, path.toString(), Files.getFileStore(path).getUsableSpace());
    } catch (IOException _) {
      return new Disk(use, path.toString(), 0);
    }
  }

  private static Model model(ModelFile file) {
    return new Model(
        file.kind().title(),
        file.kind().flag(),
        file.path().toString(),
        file.bytes(),
        file.dtype(),
        file.detail(),
        file.fits());
  }

  private static Cuda cuda(Surroundings surroundings, CudaLibraries libraries, List<Card> cards) {
    Map<String, String> found = new TreeMap<>();
    libraries.found().forEach((name, folder) -> found.put(name, folder.toString()));
    boolean driver =
        !cards.isEmpty()
            || Files.exists(surroundings.root().resolve("proc/driver/nvidia"))
            || Files.exists(surroundings.root().resolve("Windows/System32/nvcuda.dll"));
    return new Cuda(driver, found, libraries.missing());
  }
}
