package dev.anima.train;

import dev.anima.Golden;
import dev.anima.TinyFiles;
import dev.anima.config.FlagsReader;
import dev.anima.io.SafetensorsFile;
import dev.anima.io.SafetensorsWriter;
import dev.anima.io.TensorData;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;

/// Runs of the tiny golden models on the recorded runs' images, in a folder of their own.
final class TinyRun {
  final Path folder;
  final List<Integer> steps = new ArrayList<>();
  final List<Double> averages = new ArrayList<>();
  final List<Double> validations = new ArrayList<>();
  final List<String> notes = new ArrayList<>();
  final List<Path> states = new ArrayList<>();
  final List<TrainEvent.Measured> measures = new ArrayList<>();
  final List<TrainEvent.BestMarked> bests = new ArrayList<>();
  final List<TrainEvent.EndedEarly> early = new ArrayList<>();

  /// Hears everything too.
  TrainListener also = _ -> {};

  /// What is asked of the run.
  Requests requests = Requests.NONE;

  TinyRun(Path folder) throws IOException {
    this.folder = folder;
    TinyFiles.lay(folder);
  }

  /// The same flags and more.
  static List<String> with(List<String> flags, String... more) {
    List<String> all = new ArrayList<>(flags);
    all.addAll(List.of(more));
    return all;
  }

  /// The flags every run needs.
  static List<String> flags(String dataset, String output, String... more) {
    List<String> flags =
        new ArrayList<>(
            List.of(
                "--pretrained_model_name_or_path=models/dit.safetensors",
                "--qwen3=models/qwen3.safetensors",
                "--vae=models/vae.safetensors",
                "--dataset_config=" + dataset,
                "--output_dir=" + output,
                "--output_name=nami",
                "--network_module=networks.lora_anima",
                "--qwen3_max_token_length=96",
                "--t5_max_token_length=64",
                "--device=cpu"));
    flags.addAll(List.of(more));
    return flags;
  }

  /// Trains until the end, or until a stop after `stopAfter` steps.
  RunOutcome train(List<String> flags, int stopAfter) {
    steps.clear();
    averages.clear();
    validations.clear();
    notes.clear();
    states.clear();
    measures.clear();
    bests.clear();
    early.clear();
    AtomicInteger done = new AtomicInteger();
    RunOutcome outcome = new RunOutcome();
    TrainListener listener =
        event -> {
          outcome.on(event);
          also.on(event);
          switch (event) {
            case TrainEvent.BatchDone batch -> {
              done.set(batch.step());
              steps.add(batch.step());
              averages.add(batch.averageLoss());
            }
            case TrainEvent.Validated validated -> validations.add(validated.loss());
            case TrainEvent.Note note -> notes.add(note.message());
            case TrainEvent.Measured measured -> measures.add(measured);
            case TrainEvent.BestMarked best -> bests.add(best);
            case TrainEvent.EndedEarly end -> early.add(end);
            case TrainEvent.StateSaved state -> states.add(state.folder());
            default -> {}
          }
        };
    TrainSetup setup = TrainSetup.of(FlagsReader.read(flags, folder).flags(), folder);
    try (TrainingRun run = new TrainingRun(setup, listener, "anima/test")) {
      run.run(() -> done.get() >= stopAfter, requests);
    }
    return outcome;
  }

  RunOutcome train(List<String> flags) {
    return train(flags, Integer.MAX_VALUE);
  }

  /// The tensors' bytes of a file, without its metadata.
  byte[] weights(String file) {
    try (SafetensorsFile opened = SafetensorsFile.open(folder.resolve(file))) {
      return opened.data().toArray(ValueLayout.JAVA_BYTE);
    }
  }

  List<String> names(String output) throws IOException {
    try (Stream<Path> files = Files.list(folder.resolve(output))) {
      return files.map(file -> file.getFileName().toString()).sorted().toList();
    }
  }

  /// A LoRA file whose up weights are all NaN.
  static void withNan(Path to) {
    try (SafetensorsFile file =
        SafetensorsFile.open(Golden.path("training/lora_init_dit.safetensors"))) {
      List<TensorData> tensors = new ArrayList<>();
      for (SafetensorsFile.Entry entry : file.entries().values()) {
        byte[] bytes = file.bytes(entry.name()).toArray(ValueLayout.JAVA_BYTE);
        if (entry.name().endsWith("lora_up.weight")) {
          Arrays.fill(bytes, (byte) 0xFF);
        }
        tensors.add(
            new TensorData(
                entry.name(), entry.dtype(), entry.shape(), MemorySegment.ofArray(bytes)));
      }
      SafetensorsWriter.write(to, tensors);
    }
  }
}
