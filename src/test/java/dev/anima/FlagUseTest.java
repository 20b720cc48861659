package dev.anima;

import static org.assertj.core.api.Assertions.assertThat;

import dev.anima.config.DatasetSpec;
import dev.anima.config.Flag;
import dev.anima.config.Flag.Kind;
import dev.anima.config.Flag.Status;
import dev.anima.config.FlagReport;
import dev.anima.config.FlagTable;
import dev.anima.config.Flags;
import dev.anima.config.FlagsReader;
import dev.anima.config.TrainConfig;
import dev.anima.io.InputException;
import dev.anima.train.RunPlan;
import dev.anima.train.RunRules;
import dev.anima.train.TrainListener;
import dev.anima.train.TrainSetup;
import dev.anima.train.TrainingRun;
import dev.anima.train.objective.ObjectiveFlags;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// No flag is accepted and silently dropped, by trying each: one that the table calls honoured
/// changes what the run is told, one that it calls idle changes nothing and is named in a warning.
class FlagUseTest {
  /// Honoured where a run works, not in what it is told; who reads them.
  private static final Map<String, String> AT_WORK =
      Map.ofEntries(
          Map.entry("like", "FlagsReader fills the other flags from the file, see RecipesTest"),
          Map.entry("console_log_simple", "lines are always plain; the report says so"),
          Map.entry(
              "max_data_loader_n_workers", "the order is that of 0 workers; the report says so"),
          Map.entry("split_attn", "TrainingRun: AnimaDit.cutText"),
          Map.entry("vae_chunk_size", "RunLatents: QwenImageVae.load"),
          Map.entry("show_timesteps", "TrainCommand, instead of training"),
          Map.entry("show_timesteps_resolution", "TimestepPreview"),
          Map.entry("log_with", "TrainCommand: whether TensorBoard files are written"),
          Map.entry("network_module", "one value is accepted, NetworkConfig refuses the others"),
          Map.entry("save_model_as", "one value is accepted, OutputConfig refuses the others"),
          Map.entry("preset", "Preset fills in other flags: FlagsReaderTest"),
          Map.entry("config_file", "FlagsReaderTest"),
          Map.entry("output_config", "FlagsReaderTest"));

  /// Values that differ from the default and fit the tiny run; the rest are made up by kind.
  private static final Map<String, List<String>> VALUES =
      Map.ofEntries(
          Map.entry("pretrained_model_name_or_path", List.of("models/dit_bf16.safetensors")),
          Map.entry("qwen3", List.of("other/qwen3.safetensors")),
          Map.entry("vae", List.of("other/vae.safetensors")),
          Map.entry("t5_tokenizer_path", List.of("other")),
          Map.entry("dataset_config", List.of("plain.toml")),
          Map.entry("train_data_dir", List.of("other_data")),
          Map.entry("reg_data_dir", List.of("other_data")),
          Map.entry("in_json", List.of("two.json")),
          Map.entry("resolution", List.of("192,128")),
          Map.entry("bucket_reso_steps", List.of("32")),
          Map.entry("skip_image_resolution", List.of("64")),
          Map.entry("min_bucket_reso", List.of("128")),
          Map.entry("max_bucket_reso", List.of("512")),
          Map.entry("face_crop_aug_range", List.of("1.0,2.0")),
          Map.entry("secondary_separator", List.of(";")),
          Map.entry("caption_separator", List.of(";")),
          Map.entry("caption_extension", List.of(".cap")),
          Map.entry("caption_extention", List.of(".cap")),
          Map.entry("resume", List.of("state")),
          Map.entry("network_args", List.of("rank_dropout=0.1")),
          Map.entry("optimizer_args", List.of("weight_decay=0.3")),
          Map.entry("optimizer_type", List.of("Lion")),
          Map.entry("network_weights", List.of("lora.safetensors")),
          Map.entry("base_weights", List.of("lora.safetensors")),
          Map.entry("base_weights_multiplier", List.of("0.5")),
          Map.entry("lr_scheduler", List.of("cosine")),
          Map.entry("lr_scheduler_type", List.of("StepLR")),
          Map.entry("lr_scheduler_args", List.of("step_size=3")),
          Map.entry("initial_epoch", List.of("2")),
          Map.entry("metadata_thumbnail", List.of("data:image/png;base64,AAAA")),
          Map.entry("sample_prompts", List.of("prompts.txt")),
          Map.entry("device", List.of("cpu")),
          Map.entry("learnt_patience", List.of("5")),
          Map.entry("max_train_epochs", List.of("7")),
          Map.entry("token_warmup_step", List.of("0.5")),
          Map.entry("save_last_n_epochs_state", List.of("2")),
          Map.entry("save_last_n_steps_state", List.of("2")));

  /// What a flag needs beside it, with and without it.
  private static final Map<String, List<String>> WITH =
      Map.ofEntries(
          Map.entry("base_weights_multiplier", List.of("--base_weights=lora.safetensors")),
          Map.entry("dim_from_weights", List.of("--network_weights=lora.safetensors")),
          Map.entry("full_fp16", List.of("--mixed_precision=fp16")),
          Map.entry("full_bf16", List.of("--mixed_precision=bf16")),
          Map.entry("lr_warmup_steps", List.of("--lr_scheduler=linear")),
          Map.entry("cache_text_encoder_outputs", List.of("--network_train_unet_only")),
          Map.entry("cache_text_encoder_outputs_to_disk", List.of("--network_train_unet_only")),
          Map.entry("sample_every_n_steps", List.of("--sample_prompts=prompts.txt")),
          Map.entry("sample_every_n_epochs", List.of("--sample_prompts=prompts.txt")),
          Map.entry("sample_at_first", List.of("--sample_prompts=prompts.txt")),
          Map.entry("log_with", List.of("--logging_dir=logs")),
          Map.entry("huber_c", List.of("--huber_schedule=constant")),
          Map.entry("loss_type", List.of("--huber_schedule=constant")),
          Map.entry("alpha_mask", List.of("--masked_loss")),
          Map.entry("in_json", List.of("--in_json=one.json")),
          Map.entry("dataset_repeats", List.of("--in_json=one.json")));

  /// Idle, and read to be recorded in the metadata or handed on unused.
  private static final Set<String> RECORDED =
      Set.of("blocks_to_swap", "clip_skip", "max_timestep", "min_timestep", "v_parameterization");

  /// Tried on a metadata file instead of folders with repeats in their names.
  private static final Set<String> BY_METADATA = Set.of("in_json", "dataset_repeats");

  @TempDir static Path folder;

  /// Everything a run is told.
  private record Told(
      TrainConfig config,
      List<DatasetSpec> datasets,
      ObjectiveFlags objective,
      RunPlan plan,
      Set<String> findings) {}

  @BeforeAll
  static void lay() throws IOException {
    Golden.copyFolder(Golden.path("tiny"), folder.resolve("models"));
    Golden.copyFolder(Golden.path("tiny"), folder.resolve("other"));
    Golden.copyFolder(Golden.path("training/e2e/dataset"), folder.resolve("dataset"));
    Golden.copyFolder(Golden.path("training/e2e/dataset/10_panchy"), folder.resolve("data/2_nami"));
    Golden.copyFolder(
        Golden.path("training/e2e/dataset/style"), folder.resolve("other_data/1_others"));
    for (String name : List.of("one", "two")) {
      Files.writeString(
          folder.resolve(name + ".json"),
          "{\"%s\": {\"caption\": \"%s\"}}".formatted("img02.png", name));
    }
    Files.copy(Golden.path("training/e2e/plain.toml"), folder.resolve("plain.toml"));
    Files.copy(Golden.path("training/e2e/prompts.txt"), folder.resolve("prompts.txt"));
    Files.copy(
        Golden.path("training/e2e/output/article.safetensors"), folder.resolve("lora.safetensors"));
  }

  private static List<String> words(Flag flag, boolean given) {
    List<String> words =
        new ArrayList<>(
            List.of(
                "--pretrained_model_name_or_path=models/dit.safetensors",
                "--qwen3=models/qwen3.safetensors",
                "--vae=models/vae.safetensors",
                "--output_dir=out",
                "--resolution=128",
                "--min_bucket_reso=64",
                "--learning_rate=1e-4",
                "--seed=1"));
    words.add(flag.name().equals("enable_bucket") ? "--cache_latents" : "--enable_bucket");
    words.add(
        BY_METADATA.contains(flag.name())
            ? "--train_data_dir=data/2_nami"
            : "--train_data_dir=data");
    words.addAll(WITH.getOrDefault(flag.name(), List.of()));
    if (given) {
      words.add(flag.dashed());
      words.addAll(VALUES.getOrDefault(flag.name(), madeUp(flag)));
    }
    return words;
  }

  private static List<String> madeUp(Flag flag) {
    if (!flag.choices().isEmpty()) {
      return List.of(
          flag.choices().stream()
              .filter(choice -> !choice.equals(flag.defaultValue()))
              .reduce((_, last) -> last)
              .orElseThrow());
    }
    return switch (flag.kind()) {
      case SWITCH -> List.of();
      case INT, INT_OR_RATIO -> List.of("3");
      case FLOAT, FLOAT_LIST -> List.of("0.25");
      case TEXT, PATH, TEXT_LIST -> List.of("x");
    };
  }

  private static Told told(Flags flags) {
    TrainSetup setup = TrainSetup.of(flags, folder);
    return new Told(
        setup.config(),
        setup.datasets().datasets(),
        RunRules.objective(setup.flags()),
        setup.plan(),
        Set.copyOf(setup.notes()));
  }

  private static Flags flags(Flag flag, boolean given) {
    return FlagsReader.read(words(flag, given), folder).flags();
  }

  static Stream<String> honoured() {
    return FlagTable.train().all().stream()
        .filter(
            flag -> flag.status() == Status.HONOURED || flag.status() == Status.DATASET_FALLBACK)
        .map(Flag::name)
        .filter(name -> !AT_WORK.containsKey(name));
  }

  @ParameterizedTest(name = "--{0}")
  @MethodSource("honoured")
  void anHonouredFlagChangesWhatTheRunIsTold(String name) {
    Flag flag = FlagTable.train().get(name);
    if (reportedAsIdle(flag)) {
      return; // idle beside the flags of this test, and said to be
    }
    Told without = told(flags(flag, false));
    Told with;
    try {
      with = told(flags(flag, true));
    } catch (InputException e) {
      // Read and found wanting is not forgotten; the sentence must be about it.
      assertThat(e).hasMessageContaining(name);
      return;
    }
    assertThat(with).as("--%s", name).isNotEqualTo(without);
  }

  private static boolean reportedAsIdle(Flag flag) {
    Flags given = flags(flag, true);
    FlagReport report = FlagReport.of(given, Optional.empty(), Optional.empty());
    return report.entry(flag.name()).orElseThrow().effect() == FlagReport.Effect.IGNORED
        && report.warnings().stream()
            .anyMatch(warning ->
                warning.message().contains(flag.dashed())
                    && warning.message().contains("no effect"));
  }

  static Stream<String> idle() {
    return FlagTable.train().all().stream()
        .filter(flag -> flag.status() == Status.NO_EFFECT || flag.status() == Status.METADATA_ONLY)
        .map(Flag::name);
  }

  @ParameterizedTest(name = "--{0}")
  @MethodSource("idle")
  void anIdleFlagChangesNothingAndIsNamedWithItsReason(String name) {
    Flag flag = FlagTable.train().get(name);
    List<String> words = words(flag, true);
    if (name.equals("adaptive_noise_scale")) {
      words.add("--noise_offset=0.1");
    }
    if (name.equals("scale_v_pred_loss_like_noise_pred")) {
      words.add("--v_parameterization");
    }
    Flags flags = FlagsReader.read(words, folder).flags();
    Told with = told(flags);
    Told without = told(flags(flag, false));
    if (!name.endsWith("_timestep")) { // the objective keeps the range, and does not apply it
      assertThat(with.objective()).isEqualTo(without.objective());
    }
    assertThat(with.datasets()).isEqualTo(without.datasets());
    assertThat(with.plan()).isEqualTo(without.plan());
    if (name.equals("training_comment")) {
      return; // recording it is what it is for
    }
    assertThat(FlagReport.of(flags, Optional.empty(), Optional.empty()).warnings())
        .extracting(FlagReport.Warning::message)
        .anySatisfy(message ->
            assertThat(message).contains(flag.dashed(), "no effect").contains(flag.reason()));
  }

  static Stream<String> rejected() {
    return FlagTable.train().all().stream()
        .filter(flag -> flag.status() == Status.REJECTED)
        .map(Flag::name);
  }

  @ParameterizedTest(name = "--{0}")
  @MethodSource("rejected")
  void aRejectedFlagStopsTheRunWithItsReason(String name) {
    Flag flag = FlagTable.train().get(name);
    Flags flags = flags(flag, true);
    assertThat(org.assertj.core.api.Assertions.catchThrowable(() -> told(flags)))
        .isInstanceOf(InputException.class)
        .hasMessageContaining(flag.dashed() + " cannot be used: " + flag.reason());
  }

  /// Names whose values are read while a run is set up and, if `trained`, trains, by anyone but
  /// those who only talk about them.
  private static Set<String> read(List<String> words, boolean trained) {
    Set<String> read = new HashSet<>();
    Set<String> talkers = Set.of("CrossChecks", "FlagEffects", "FlagWarnings", "Recipe", "Preset");
    Flags flags =
        FlagsReader.read(words, folder)
            .flags()
            .watchedBy(name -> {
              boolean talk =
                  StackWalker.getInstance()
                      .walk(frames ->
                          frames.anyMatch(frame ->
                              talkers.contains(
                                  frame
                                      .getClassName()
                                      .substring(frame.getClassName().lastIndexOf('.') + 1))));
              if (!talk) {
                read.add(name);
              }
            });
    TrainSetup setup = TrainSetup.of(flags, folder);
    TrainListener deaf = _ -> {};
    if (trained) {
      try (TrainingRun run = new TrainingRun(setup, deaf, "anima/test")) {
        run.run(() -> true);
      }
    }
    return read;
  }

  /// The other way round, too: nothing but what the table calls honoured is read, so an idle flag
  /// cannot do something unsaid.
  @Test
  void aRunReadsTheHonouredFlagsAndNoOthers() {
    List<String> words = words(FlagTable.train().get("network_alpha"), true);
    words.addAll(
        List.of(
            "--max_train_steps=1",
            "--device=cpu",
            "--qwen3_max_token_length=32",
            "--t5_max_token_length=32"));
    Set<String> read = read(words, true);
    read.addAll(read(words(FlagTable.train().get("dataset_repeats"), true), false));

    Set<String> promised =
        FlagTable.train().all().stream()
            .filter(flag ->
                flag.status() == Status.HONOURED || flag.status() == Status.DATASET_FALLBACK)
            .map(Flag::name)
            .collect(Collectors.toCollection(TreeSet::new));
    Set<String> unread = new TreeSet<>(promised);
    unread.removeAll(read);
    unread.removeIf(
        name -> !AT_WORK.containsKey(name) && reportedAsIdle(FlagTable.train().get(name)));
    assertThat(AT_WORK.keySet())
        .as("honoured in flags.md, but not read on the way to a trained LoRA")
        .containsAll(unread);
    Set<String> unpromised = new TreeSet<>(read);
    unpromised.removeAll(promised);
    assertThat(unpromised).as("read, though flags.md calls them idle").isSubsetOf(RECORDED);
  }

  @Test
  void theExceptionsAreFlagsOfTheTable() {
    assertThat(AT_WORK.keySet()).allSatisfy(name -> FlagTable.train().get(name));
    assertThat(VALUES.keySet()).allSatisfy(name -> FlagTable.train().get(name));
    assertThat(VALUES.keySet())
        .allSatisfy(
            name -> assertThat(FlagTable.train().get(name).kind()).isNotEqualTo(Kind.SWITCH));
  }
}
