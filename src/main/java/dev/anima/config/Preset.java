package dev.anima.config;

import dev.anima.config.FlagValue.Source;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/// `--preset`: a recipe for a common purpose. It fills in flags that are neither on the command
/// line nor in the flag file; everything it sets can be overruled one by one.
///
/// All recipes train the DiT alone in bf16 with cached latents, aspect-ratio buckets around 1024
/// pixels, `.txt` captions, 8-bit AdamW with weight decay and a restarting cosine after 5 %
/// warm-up. They differ in rank, rate, length and in what captions are for.
public enum Preset {
  /// One character, about 20 pictures. A small rank keeps the base model's style; the first tag
  /// (the trigger word) stays in front, the others are shuffled and now and then dropped so that
  /// clothes and places do not stick to the character.
  CHARACTER(
      1200,
      """
      --network_dim 4 --network_alpha 4 --network_dropout 0.1 --learning_rate 1e-4
      --shuffle_caption --keep_tokens 1 --caption_tag_dropout_rate 0.1
      """),
  /// One character in several outfits, each with a tag of its own behind the trigger word. More
  /// rank and steps, two kept tags, and nearly no dropping, so that each outfit follows its tag.
  OUTFITS(
      3000,
      """
      --network_dim 8 --network_alpha 8 --network_dropout 0.05 --learning_rate 1e-4
      --shuffle_caption --keep_tokens 2 --caption_tag_dropout_rate 0.05
      """),
  /// An artist's style, 50 pictures and more. Long captions take up the content; some samples go
  /// without any, so that the style also comes unasked. Mirroring is safe for a style.
  STYLE(
      4000,
      """
      --network_dim 16 --network_alpha 16 --network_dropout 0.1 --learning_rate 1e-4
      --shuffle_caption --keep_tokens 1 --caption_dropout_rate 0.05 --flip_aug
      """),
  /// A pose, object or gesture from very few pictures: a short run at a higher rate.
  CONCEPT(
      600,
      """
      --network_dim 4 --network_alpha 4 --learning_rate 2e-4
      --shuffle_caption --keep_tokens 1 --caption_tag_dropout_rate 0.1
      """);

  private static final String COMMON =
      """
      --network_module networks.lora_anima --network_train_unet_only
      --optimizer_type AdamW8bit --optimizer_args weight_decay=0.1 betas=(0.9,0.99)
      --lr_scheduler cosine_with_restarts --lr_scheduler_num_cycles 3 --lr_warmup_steps 5%
      --mixed_precision bf16 --save_precision bf16 --gradient_checkpointing
      --cache_latents --resolution 1024 --enable_bucket --max_bucket_reso 2048
      --caption_extension .txt --max_data_loader_n_workers 0
      """;

  /// What the recipe leaves out when the user gives a flag that it would contradict.
  private static final Map<String, List<String>> GIVES_WAY =
      Map.ofEntries(
          Map.entry("optimizer_type", List.of("optimizer_args")),
          Map.entry("use_8bit_adam", List.of("optimizer_type", "optimizer_args")),
          Map.entry("use_lion_optimizer", List.of("optimizer_type", "optimizer_args")),
          Map.entry("lr_scheduler", List.of("lr_warmup_steps", "lr_scheduler_num_cycles")),
          Map.entry("lr_scheduler_type", List.of("lr_warmup_steps", "lr_scheduler_num_cycles")),
          Map.entry("network_train_text_encoder_only", List.of("network_train_unet_only")),
          Map.entry("text_encoder_lr", List.of("network_train_unet_only")),
          Map.entry("color_aug", List.of("cache_latents")),
          Map.entry("random_crop", List.of("cache_latents")),
          Map.entry(
              "cache_text_encoder_outputs", List.of("shuffle_caption", "caption_tag_dropout_rate")),
          Map.entry(
              "cache_text_encoder_outputs_to_disk",
              List.of("shuffle_caption", "caption_tag_dropout_rate")),
          Map.entry("full_fp16", List.of("mixed_precision", "save_precision")),
          Map.entry("mixed_precision", List.of("save_precision")));

  private final int steps;
  private final String words;

  Preset(int steps, String words) {
    this.steps = steps;
    this.words = words;
  }

  /// Optimizer steps the recipe aims at.
  public int steps() {
    return steps;
  }

  /// The preset `--preset` names.
  public static Optional<Preset> of(Flags flags) {
    return flags.text("preset").map(name -> Checks.choice(values(), Checks::lower, name));
  }

  /// `flags` with the recipe's values wherever nothing else is set. Its length goes in as
  /// `--max_train_steps` (see [#wholeEpochs]).
  public Flags fill(Flags flags) {
    List<String> recipe = List.of((COMMON + words).strip().split("\\s+"));
    Map<String, FlagValue> values = new LinkedHashMap<>();
    for (FlagValue value : CommandLine.parse(recipe).set()) {
      values.put(value.flag().name(), fromPreset(value.flag(), value.value(), value.typedText()));
    }
    GIVES_WAY.forEach((given, dropped) -> {
      if (flags.given(given)) {
        values.keySet().removeAll(dropped);
      }
    });
    if (!flags.given("max_train_epochs") && !flags.given("max_train_steps")) {
      Flag flag = flags.table().get("max_train_steps");
      values.put(flag.name(), fromPreset(flag, (long) steps, Integer.toString(steps)));
    }
    return flags.under(values);
  }

  /// The whole epochs nearest to the recipe's steps: as long, and the run ends with an epoch.
  ///
  /// @param stepsPerEpoch optimizer steps of one epoch
  int wholeEpochs(int stepsPerEpoch) {
    return Math.toIntExact(Math.max(1, Math.round((double) steps / stepsPerEpoch)));
  }

  private FlagValue fromPreset(Flag flag, @Nullable Object value, String text) {
    return new FlagValue(
        flag, value, Source.PRESET, flag.name(), text, "--preset " + Checks.lower(this), 1);
  }
}
