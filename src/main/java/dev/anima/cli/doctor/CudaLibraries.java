package dev.anima.cli.doctor;

import java.io.File;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;

/// The CUDA 13 runtime libraries that libtorch's CUDA build needs and does not bring along.
///
/// People have them already, inside ComfyUI's or PyTorch's Python folder or as a system CUDA, or
/// get them with `anima setup --cuda`.
///
/// @param found library, such as `cudart`, to the folder it is in
/// @param missing libraries that are nowhere
public record CudaLibraries(Map<String, Path> found, List<String> missing) {
  /// Where JavaCPP looks for libraries to load before libtorch.
  private static final String PRELOAD_PATH = "org.bytedeco.javacpp.platform.preloadpath";

  /// @param linux file name on Linux
  /// @param windows start of the file name on Windows; empty where there is none
  private record Library(String name, String linux, String windows) {}

  private static final List<Library> NEEDED =
      List.of(
          new Library("cudart", "libcudart.so.13", "cudart64_13"),
          new Library("cublasLt", "libcublasLt.so.13", "cublasLt64_13"),
          new Library("cublas", "libcublas.so.13", "cublas64_13"),
          new Library("cudnn", "libcudnn.so.9", "cudnn64_9"),
          new Library("cufft", "libcufft.so.12", "cufft64_12"),
          new Library("curand", "libcurand.so.10", "curand64_10"),
          new Library("cusparse", "libcusparse.so.12", "cusparse64_12"),
          new Library("cusolver", "libcusolver.so.12", "cusolver64_12"),
          new Library("nvJitLink", "libnvJitLink.so.13", "nvJitLink_130"),
          new Library("nvrtc", "libnvrtc.so.13", "nvrtc64_130"),
          new Library("cupti", "libcupti.so.13", "cupti64_20"),
          new Library("cufile", "libcufile.so.0", ""),
          new Library("nccl", "libnccl.so.2", ""));

  public CudaLibraries {
    found = Map.copyOf(found);
    missing = List.copyOf(missing);
  }

  /// Searches this machine.
  public static CudaLibraries search(Surroundings surroundings) {
    List<Path> folders = folders(surroundings);
    Map<String, Path> found = new LinkedHashMap<>();
    List<String> missing = new ArrayList<>();
    for (Library library : NEEDED) {
      String file = surroundings.windows() ? library.windows() : library.linux();
      if (file.isEmpty()) {
        continue;
      }
      folders.stream()
          .filter(folder -> isIn(folder, file, surroundings.windows()))
          .findFirst()
          .ifPresentOrElse(
              folder -> found.put(library.name(), folder), () -> missing.add(library.name()));
    }
    return new CudaLibraries(found, missing);
  }

  private static boolean isIn(Path folder, String file, boolean windows) {
    return windows
        ? !Surroundings.matching(folder, file + "*.dll").isEmpty()
        : Files.exists(folder.resolve(file));
  }

  /// Tells JavaCPP where the libraries are. To be called before libtorch is loaded.
  public void makeFindable() {
    Set<Path> folders = new LinkedHashSet<>(found.values());
    if (!folders.isEmpty()) {
      System.setProperty(
          PRELOAD_PATH,
          folders.stream().map(Path::toString).collect(Collectors.joining(File.pathSeparator)));
    }
  }

  /// Where `anima setup --cuda` puts the libraries.
  public static Path ownFolder(Surroundings surroundings) {
    return surroundings.home().resolve(".anima").resolve("cuda");
  }

  /// Folders that may hold the libraries, best first: what the user named, the program's own,
  /// Python installations, the system.
  private static List<Path> folders(Surroundings surroundings) {
    Set<Path> folders = new LinkedHashSet<>(surroundings.pathsIn("ANIMA_CUDA"));
    folders.add(ownFolder(surroundings));
    for (Path packages : pythonPackages(surroundings)) {
      folders.add(packages.resolve("torch").resolve("lib"));
      for (Path vendor : Surroundings.matching(packages.resolve("nvidia"), "*")) {
        folders.add(vendor.resolve("lib"));
        folders.add(vendor.resolve("bin"));
        folders.add(vendor.resolve("bin").resolve("x86_64"));
      }
    }
    folders.addAll(systemFolders(surroundings));
    return folders.stream().filter(Files::isDirectory).toList();
  }

  private static List<Path> pythonPackages(Surroundings surroundings) {
    List<Path> prefixes = new ArrayList<>();
    prefixes.addAll(surroundings.pathsIn("VIRTUAL_ENV"));
    prefixes.addAll(surroundings.pathsIn("CONDA_PREFIX"));
    for (Path comfyUi : surroundings.comfyUiFolders()) {
      prefixes.add(comfyUi.resolve("venv"));
      prefixes.add(comfyUi.resolve(".venv"));
      prefixes.add(comfyUi.resolveSibling("python_embeded"));
      prefixes.add(comfyUi.resolveSibling("env"));
    }
    prefixes.add(surroundings.workingFolder().resolve("venv"));
    prefixes.add(surroundings.workingFolder().resolve(".venv"));
    prefixes.add(surroundings.home().resolve(".local"));
    prefixes.add(surroundings.root().resolve("usr/local"));
    prefixes.add(surroundings.root().resolve("usr"));
    prefixes.add(surroundings.root().resolve("opt/conda"));

    List<Path> packages = new ArrayList<>();
    for (Path prefix : prefixes) {
      packages.add(prefix.resolve("Lib").resolve("site-packages")); // Windows
      for (Path python : Surroundings.matching(prefix.resolve("lib"), "python3*")) {
        packages.add(python.resolve("site-packages"));
        packages.add(python.resolve("dist-packages"));
      }
    }
    return packages;
  }

  private static List<Path> systemFolders(Surroundings surroundings) {
    Path root = surroundings.root();
    List<Path> folders = new ArrayList<>();
    if (surroundings.windows()) {
      Path programs = root.resolve("Program Files");
      folders.addAll(surroundings.pathsIn("PATH"));
      for (Path cuda :
          Surroundings.matching(programs.resolve("NVIDIA GPU Computing Toolkit/CUDA"), "v13*")) {
        folders.add(cuda.resolve("bin"));
        folders.add(cuda.resolve("bin").resolve("x64"));
        folders.add(cuda.resolve("extras/CUPTI/lib64"));
      }
      for (Path cudnn : Surroundings.matching(programs.resolve("NVIDIA/CUDNN"), "v9*")) {
        Surroundings.matching(cudnn.resolve("bin"), "13*")
            .forEach(bin -> {
              folders.add(bin);
              folders.add(bin.resolve("x64"));
            });
      }
      return folders;
    }
    folders.addAll(surroundings.pathsIn("LD_LIBRARY_PATH"));
    for (Path cuda : Surroundings.matching(root.resolve("usr/local"), "cuda*")) {
      folders.add(cuda.resolve("lib64"));
      folders.add(cuda.resolve("extras/CUPTI/lib64"));
    }
    folders.add(root.resolve("opt/cuda/lib64"));
    folders.add(root.resolve("opt/cuda/extras/CUPTI/lib64"));
    folders.add(root.resolve("usr/lib/x86_64-linux-gnu"));
    folders.add(root.resolve("usr/lib64"));
    folders.add(root.resolve("usr/lib"));
    return folders;
  }
}
