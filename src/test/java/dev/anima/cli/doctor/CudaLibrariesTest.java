package dev.anima.cli.doctor;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CudaLibrariesTest {
  @TempDir Path folder;

  private CudaLibraries search(boolean windows, Map<String, String> environment) {
    return CudaLibraries.search(
        new Surroundings(
            folder.resolve("work"),
            folder.resolve("home"),
            folder.resolve("root"),
            environment,
            windows));
  }

  /// Puts an empty library there; returns its folder.
  private Path library(String folderName, String fileName) throws IOException {
    Path place = Files.createDirectories(folder.resolve(folderName));
    Files.write(place.resolve(fileName), new byte[0]);
    return place;
  }

  @Test
  void saysWhatIsMissing() {
    CudaLibraries libraries = search(false, Map.of());
    assertThat(libraries.found()).isEmpty();
    assertThat(libraries.missing()).contains("cudart", "cudnn", "nccl").hasSize(13);
  }

  @Test
  void looksInPythonFoldersAndTheSystem() throws IOException {
    String packages = "home/ComfyUI/venv/lib/python3.12/site-packages/";
    Path cu13 = library(packages + "nvidia/cu13/lib", "libcudart.so.13");
    Path torch = library(packages + "torch/lib", "libnccl.so.2");
    Path system = library("root/usr/local/cuda-13.3/lib64", "libcublas.so.13");
    Path named = library("mine", "libcudnn.so.9");
    library("root/usr/local/cuda-13.3/lib64", "libcufft.so.11"); // CUDA 12's

    CudaLibraries libraries =
        search(false, Map.of("ANIMA_CUDA", folder.resolve("mine").toString()));

    assertThat(libraries.found())
        .containsOnly(
            Map.entry("cudart", cu13),
            Map.entry("nccl", torch),
            Map.entry("cublas", system),
            Map.entry("cudnn", named));
    assertThat(libraries.missing()).contains("cufft").hasSize(9);
  }

  @Test
  void whatTheUserNamesComesFirst() throws IOException {
    library("root/usr/local/cuda-13.3/lib64", "libcudart.so.13");
    Path named = library("mine", "libcudart.so.13");

    CudaLibraries libraries =
        search(false, Map.of("ANIMA_CUDA", folder.resolve("mine").toString()));

    assertThat(libraries.found()).containsEntry("cudart", named);
  }

  @Test
  void knowsTheNamesOnWindows() throws IOException {
    Path portable =
        library(
            "work/ComfyUI_windows_portable/python_embeded/Lib/site-packages/torch/lib",
            "cudart64_13.dll");

    CudaLibraries libraries = search(true, Map.of());

    assertThat(libraries.found()).containsOnly(Map.entry("cudart", portable));
    assertThat(libraries.missing()).doesNotContain("nccl", "cufile");
  }
}
