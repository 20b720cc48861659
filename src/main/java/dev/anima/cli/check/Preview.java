package dev.anima.cli.check;

import com.fasterxml.jackson.annotation.JsonPropertyOrder;
import dev.anima.train.plan.MemoryPlan;
import dev.anima.train.plan.Peak;
import dev.anima.train.plan.PlanText;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;

/// What a run will do, as `anima check --json` prints it (names in snake case).
///
/// @param errors what keeps the run from starting; the rest is then what could be found all the
///   same
/// @param images image files that are trained, regularisation images not counted
/// @param entriesPerEpoch the same times their repeats
/// @param captionsMissing training images without a caption of their own
/// @param validationImages image files held back for validation
/// @param regImages regularisation image files
/// @param batchesPerEpoch micro-batches
/// @param buckets of the training images, dataset by dataset
/// @param flags every flag that is set
/// @param outputs files and folders the run writes into the output folder, in order
/// @param alsoWrites what else it writes, in words
/// @param warnings most severe first
/// @param models the three model files; those that could be read
/// @param lora empty while the models could not be read
/// @param learningRates one for each group of parameters
/// @param schedule learning rate over the run
/// @param swap blocks of the DiT that wait outside; empty without `--blocks_to_swap`
/// @param memory the plan; empty while something is wrong
/// @param flopsPerStep floating-point operations of a mean step, 0 while the models could not be
///   read
/// @param time estimate; only with `--measure`
@JsonPropertyOrder("errors")
record Preview(
    List<String> errors,
    int images,
    int entriesPerEpoch,
    int captionsMissing,
    int validationImages,
    int regImages,
    int batchesPerEpoch,
    int stepsPerEpoch,
    int epochs,
    int totalSteps,
    int warmupSteps,
    List<Bucket> buckets,
    List<ImageFile> files,
    List<FlagLine> flags,
    List<Output> outputs,
    List<String> alsoWrites,
    List<Warning> warnings,
    List<Model> models,
    Optional<Lora> lora,
    List<Group> learningRates,
    Optional<Schedule> schedule,
    Optional<Swap> swap,
    Optional<Memory> memory,
    double flopsPerStep,
    Optional<Time> time) {

  /// @param images different image files
  /// @param repeats image files times their repeats: entries of the bucket in an epoch
  /// @param dataset position of the dataset, from 0
  record Bucket(int width, int height, int images, int repeats, int batches, int dataset) {}

  /// @param bucket width and height trained in
  /// @param resized width and height of the whole image before cropping
  /// @param crop left and top of the window in the resized image
  /// @param role `train`, `reg` or `validation`
  record ImageFile(
      String path,
      int width,
      int height,
      List<Integer> bucket,
      List<Integer> resized,
      List<Integer> crop,
      int repeats,
      String caption,
      String role,
      int dataset) {}

  /// @param flag full name with dashes
  /// @param value as written
  /// @param status `effective`, `ignored`, `overridden`, `conflict` or `abbreviated`
  /// @param resolved what the run makes of it
  record FlagLine(String flag, String value, String status, String resolved, String reason) {}

  /// @param kind `lora` or `state`
  /// @param step optimizer steps done by then
  /// @param bytes about
  /// @param kept false if the run deletes it again
  /// @param exists whether a file is there now, which the run replaces
  record Output(String path, String kind, int step, long bytes, boolean kept, boolean exists) {}

  /// @param code short and stable
  record Warning(String code, String message) {}

  /// @param kind `dit`, `text_encoder` or `vae`
  /// @param bytes of the tensors as stored
  /// @param detail widths and depth, in words
  record Model(String kind, String path, long bytes, long parameters, String detail) {}

  /// @param kind LoRA, LoHa or LoKr, and DoRA where lengths train
  /// @param alpha of a module of full rank
  /// @param scale alpha / rank, the strength of the LoRA
  /// @param fileBytes about
  record Lora(
      String kind,
      int rank,
      double alpha,
      double scale,
      int ditModules,
      long ditParameters,
      int textEncoderModules,
      long textEncoderParameters,
      long fileBytes) {}

  /// @param name `unet`, `textencoder 1`, ... as the reference logs it
  /// @param rate before the schedule
  record Group(String name, double rate, long parameters) {}

  /// @param group whose rates these are
  /// @param rates learning rate at some steps, first and last included
  record Schedule(String name, String group, List<Rate> rates) {}

  /// @param step 0-based
  record Rate(int step, double rate) {}

  /// @param blocks that wait
  /// @param of so many
  record Swap(int blocks, int of) {}

  /// What the run takes, tensor by tensor, and how it goes through the DiT for that.
  ///
  /// @param totalBytes at the worst moment of all phases, the program itself included
  /// @param limitBytes that may be taken; absent where nobody knows
  /// @param limit `max_memory`, `free` or `unknown`
  /// @param blocks what the DiT's blocks keep between forward and backward, in words
  /// @param swappedBlocks blocks whose weights wait outside
  /// @param mappedBytes of model files besides, which the system drops when it needs memory
  /// @param text the same in sentences
  record Memory(
      long totalBytes,
      OptionalLong limitBytes,
      OptionalLong marginBytes,
      String limit,
      String blocks,
      int swappedBlocks,
      long mappedBytes,
      List<Phase> phases,
      List<String> text) {

    static Memory of(MemoryPlan plan) {
      return new Memory(
          plan.bytes(),
          plan.limit().bytes(),
          plan.margin(),
          plan.limit().bytes().isEmpty()
              ? "unknown"
              : plan.limit().stated() ? "max_memory" : "free",
          plan.mix().description(),
          plan.mix().swapped(),
          plan.mappedBytes(),
          plan.phases().stream()
              .map(phase ->
                  new Phase(
                      phase.name(), phase.bytes(), phase.peak().moment(), phase.peak().parts()))
              .toList(),
          PlanText.of(plan));
    }
  }

  /// @param name such as `training 1024x1024`
  /// @param moment at which most is taken
  /// @param parts all that is there then
  record Phase(String name, long bytes, String moment, List<Peak.Part> parts) {}

  /// @param basis how the estimate was made
  record Time(double secondsPerStep, double secondsTotal, String basis) {}
}
