package dev.anima.cli.check;

import dev.anima.config.Flags;
import dev.anima.io.InputException;
import dev.anima.model.Checkpoint;
import dev.anima.model.dit.DitConfig;
import dev.anima.model.text.Qwen3Config;
import dev.anima.model.vae.QwenImageVae;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;
import java.util.stream.Stream;

/// The headers of the model files: which kind they are, whether they are whole, their widths.
///
/// @param files what could be read
record Models(List<Preview.Model> files, Optional<DitConfig> dit, Optional<Qwen3Config> qwen3) {

  Models {
    files = List.copyOf(files);
  }

  private record Read<C>(C config, Preview.Model model) {}

  /// Looks at every file the flags name. Files that are not there are left to the check of the
  /// flags.
  static Models read(Flags flags, Path workingDir, Problems problems) {
    Optional<Read<DitConfig>> dit =
        path(flags, "pretrained_model_name_or_path", workingDir)
            .flatMap(file -> attempt(problems, "pretrained_model_name_or_path", file, Models::dit));
    Optional<Read<Qwen3Config>> qwen3 =
        path(flags, "qwen3", workingDir)
            .flatMap(file -> attempt(problems, "qwen3", file, Models::qwen3));
    Optional<Preview.Model> vae =
        path(flags, "vae", workingDir).flatMap(file -> attempt(problems, "vae", file, Models::vae));
    return new Models(
        Stream.of(dit.map(Read::model), qwen3.map(Read::model), vae)
            .flatMap(Optional::stream)
            .toList(),
        dit.map(Read::config),
        qwen3.map(Read::config));
  }

  /// Whether both networks are what they should be.
  boolean complete() {
    return dit.isPresent() && qwen3.isPresent();
  }

  private static Optional<Path> path(Flags flags, String flag, Path workingDir) {
    return flags.path(flag).map(workingDir::resolve).filter(Files::exists);
  }

  /// A problem names the flag too: a file may be whole and still the wrong one for it.
  private static <T> Optional<T> attempt(
      Problems problems, String flag, Path file, Function<Path, T> reader) {
    return problems.attempt(() -> {
      try {
        return reader.apply(file);
      } catch (InputException e) {
        throw new InputException("--" + flag + ": " + e.getMessage(), e);
      }
    });
  }

  private static Read<DitConfig> dit(Path file) {
    DitConfig config = DitConfig.read(file);
    try (Checkpoint checkpoint = Checkpoint.open(file)) {
      return new Read<>(
          config,
          model(
              "dit",
              file,
              checkpoint,
              "%d blocks, %d wide, %d heads"
                  .formatted(config.blocks(), config.channels(), config.heads())));
    }
  }

  private static Read<Qwen3Config> qwen3(Path fileOrFolder) {
    Qwen3Config config = Qwen3Config.read(fileOrFolder);
    try (Checkpoint checkpoint = Checkpoint.open(Qwen3Config.weightsFile(fileOrFolder))) {
      return new Read<>(
          config,
          model(
              "text_encoder",
              fileOrFolder,
              checkpoint,
              "%d layers, %d wide".formatted(config.layers(), config.hidden())));
    }
  }

  private static Preview.Model vae(Path file) {
    QwenImageVae.check(file);
    try (Checkpoint checkpoint = Checkpoint.open(file)) {
      return model("vae", file, checkpoint, "%d tensors".formatted(checkpoint.shapes().size()));
    }
  }

  private static Preview.Model model(String kind, Path file, Checkpoint checkpoint, String detail) {
    long parameters =
        checkpoint.shapes().values().stream()
            .mapToLong(shape -> shape.stream().reduce(1L, Math::multiplyExact))
            .sum();
    return new Preview.Model(kind, file.toString(), checkpoint.bytes(), parameters, detail);
  }
}
