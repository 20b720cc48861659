package dev.anima.tag;

import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtLoggingLevel;
import ai.onnxruntime.OrtProvider;
import ai.onnxruntime.OrtSession;
import dev.anima.io.InputException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.stream.Collectors;

/// A network in ONNX Runtime, on the device that was asked for.
///
/// @param device its name for people
/// @param notes why it is not what one may have hoped for
record Network(OrtEnvironment environment, OrtSession session, String device, List<String> notes)
    implements AutoCloseable {

  /// A device ONNX Runtime can have in this build.
  private enum Choice {
    CUDA("the NVIDIA card", OrtProvider.CUDA),
    DIRECTML("DirectML", OrtProvider.DIRECT_ML),
    COREML("CoreML", OrtProvider.CORE_ML),
    CPU("the processor", OrtProvider.CPU);

    final String label;
    final OrtProvider provider;

    Choice(String label, OrtProvider provider) {
      this.label = label;
      this.provider = provider;
    }

    void enable(OrtSession.SessionOptions options) throws OrtException {
      switch (this) {
        case CUDA -> options.addCUDA(0);
        case DIRECTML -> {
          options.setMemoryPatternOptimization(false); // DirectML refuses it
          options.addDirectML(0);
        }
        case COREML -> options.addCoreML();
        case CPU -> {}
      }
    }
  }

  /// Loads a network.
  ///
  /// @throws InputException if the file is none, or the device named is not there
  static Network open(Path onnx, TagDevice device, OptionalInt threads) {
    refuseOtherFiles(onnx);
    // Fatal only: what is wrong is told by exceptions, the rest is chatter on the terminal.
    OrtEnvironment environment =
        OrtEnvironment.getEnvironment(OrtLoggingLevel.ORT_LOGGING_LEVEL_FATAL, "anima");
    EnumSet<OrtProvider> there = OrtEnvironment.getAvailableProviders();
    List<String> notes = new ArrayList<>();
    for (Choice choice : choices(device, there)) {
      Optional<String> missing = choice == Choice.CUDA ? CudaRuntime.missing() : Optional.empty();
      if (missing.isPresent()) {
        String reason =
            "%s cannot be used for tagging: ONNX Runtime needs CUDA 12 and cuDNN 9, and %s is not in the library path"
                .formatted(choice.label, missing.get());
        if (device == TagDevice.CUDA) {
          throw new InputException(
              "--device cuda: %s\n  -> leave it out to use the processor".formatted(reason));
        }
        notes.add(reason + "; the processor is used");
        continue;
      }
      try {
        OrtSession session = session(environment, onnx, choice, threads);
        return new Network(environment, session, choice.label, List.copyOf(notes));
      } catch (OrtException e) {
        if (choice == Choice.CPU) {
          throw notAModel(onnx, e);
        }
        String reason = "%s cannot be used (%s)".formatted(choice.label, firstLine(e));
        if (device != TagDevice.AUTO) {
          throw new InputException(
              "--device %s: %s\n  -> leave it out to use the processor"
                  .formatted(flag(device), reason),
              e);
        }
        notes.add(reason + "; the processor is used");
      }
    }
    throw new InputException(
        "--device %s: this build of ONNX Runtime has no such device (it has %s)%s"
            .formatted(
                flag(device),
                there.stream().map(OrtProvider::getName).collect(Collectors.joining(", ")),
                device == TagDevice.CUDA
                    ? "\n  -> ANIMA_GPU=1 makes the build for NVIDIA cards"
                    : ""));
  }

  private static String flag(TagDevice device) {
    return device.name().toLowerCase(java.util.Locale.ROOT);
  }

  private static List<Choice> choices(TagDevice device, EnumSet<OrtProvider> there) {
    List<Choice> wanted =
        switch (device) {
          case AUTO -> List.of(Choice.CUDA, Choice.DIRECTML, Choice.CPU);
          case CPU -> List.of(Choice.CPU);
          case CUDA -> List.of(Choice.CUDA);
          case DIRECTML -> List.of(Choice.DIRECTML);
          case COREML -> List.of(Choice.COREML);
        };
    return wanted.stream().filter(choice -> there.contains(choice.provider)).toList();
  }

  private static OrtSession session(
      OrtEnvironment environment, Path onnx, Choice choice, OptionalInt threads)
      throws OrtException {
    environment.setTelemetry(false); // on Windows it would send what it does to its makers
    try (OrtSession.SessionOptions options = new OrtSession.SessionOptions()) {
      if (threads.isPresent()) {
        options.setIntraOpNumThreads(threads.getAsInt());
      }
      // Threads that wait for work should sleep: pictures are read on the same cores.
      options.addConfigEntry("session.intra_op.allow_spinning", "0");
      choice.enable(options);
      return environment.createSession(onnx.toString(), options);
    }
  }

  /// What people have instead of a model, told before the protobuf parser fails on it.
  private static void refuseOtherFiles(Path onnx) {
    byte[] start;
    try (var in = Files.newInputStream(onnx)) {
      start = in.readNBytes(200);
    } catch (IOException e) {
      throw new InputException(onnx + ": cannot be read (" + e.getMessage() + ")", e);
    }
    String text = new String(start, StandardCharsets.ISO_8859_1).stripLeading();
    Optional<String> what = Optional.empty();
    if (start.length == 0) {
      what = Optional.of("is empty");
    } else if (text.startsWith("version https://git-lfs")) {
      what = Optional.of("is a pointer of Git LFS, not the model itself");
    } else if (text.startsWith("<")) {
      what = Optional.of("is a web page, not a model");
    }
    if (what.isPresent()) {
      throw InputException.inFile(onnx, what.get() + "; download model.onnx again");
    }
  }

  private static InputException notAModel(Path onnx, OrtException e) {
    return new InputException(
        "%s: is not an ONNX model that can be loaded (%s); the download may be damaged"
            .formatted(onnx, firstLine(e)),
        e);
  }

  /// ONNX Runtime's message without the parts that repeat code and path.
  static String firstLine(OrtException e) {
    String line = String.valueOf(e.getMessage()).lines().findFirst().orElse("");
    return line.replaceFirst("^Error code - \\w+ - message: ", "")
        .replaceFirst("^Load model from .* failed: ?", "");
  }

  @Override
  public void close() {
    try {
      session.close();
    } catch (OrtException e) {
      throw new IllegalStateException("closing the network failed", e);
    }
  }
}
