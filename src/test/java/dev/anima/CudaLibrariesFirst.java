package dev.anima;

import dev.anima.cli.Build;
import dev.anima.cli.doctor.CudaLibraries;
import dev.anima.cli.doctor.Surroundings;
import org.junit.platform.launcher.LauncherSession;
import org.junit.platform.launcher.LauncherSessionListener;

/// With the CUDA build, tells JavaCPP where the CUDA libraries are, as the program does, before any
/// test loads libtorch.
public final class CudaLibrariesFirst implements LauncherSessionListener {
  @Override
  public void launcherSessionOpened(LauncherSession session) {
    if (Build.current().isGpuBuild()) {
      CudaLibraries.search(Surroundings.current()).makeFindable();
    }
  }
}
