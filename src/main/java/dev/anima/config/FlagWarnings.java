package dev.anima.config;

import dev.anima.config.FlagReport.Effect;
import dev.anima.config.FlagReport.Entry;
import dev.anima.config.FlagReport.RunFacts;
import dev.anima.config.FlagReport.Warning;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// Remarks that a user would want before the run rather than after it.
final class FlagWarnings {
  private FlagWarnings() {}

  static List<Warning> of(Flags flags, List<Entry> entries, Optional<RunFacts> facts) {
    List<Warning> warnings = new ArrayList<>();
    textEncoder(flags, warnings);
    warmup(flags, entries, warnings);
    idle(entries, warnings);
    if (flags.text("log_with", "").equals("all")) {
      warnings.add(
          new Warning(
              "log_with_all",
              "--log_with=all: TensorBoard files are written, but nothing is sent to Weights & Biases"));
    }
    if (flags.source("learning_rate") == FlagValue.Source.DEFAULT) {
      warnings.add(
          new Warning(
              "default_learning_rate",
              "--learning_rate is not given: the default 2e-6 hardly trains a LoRA (1e-4 is usual)"));
    }
    if (flags.isSet("max_train_epochs") && facts.isPresent() && facts.get().totalSteps() < 50) {
      warnings.add(
          new Warning(
              "few_steps", "the whole run is only %d steps".formatted(facts.get().totalSteps())));
    }
    return warnings;
  }

  private static void textEncoder(Flags flags, List<Warning> warnings) {
    boolean frozen = flags.numbers("text_encoder_lr").equals(List.of(0.0));
    if (!flags.on("network_train_unet_only")
        && !flags.on("network_train_text_encoder_only")
        && !frozen) {
      warnings.add(
          new Warning(
              "text_encoder_trained",
              "a LoRA of the Qwen3 text encoder is trained too; older versions of ComfyUI cannot load it"
                  + " (add --network_train_unet_only to train the DiT alone)"));
    }
  }

  private static void warmup(Flags flags, List<Entry> entries, List<Warning> warnings) {
    for (Entry entry : entries) {
      if (entry.flag().equals("--lr_warmup_steps")
          && entry.effect() != Effect.IGNORED
          && flags.intOrRatio("lr_warmup_steps") instanceof IntOrRatio.Steps(int steps)
          && 2 <= steps
          && steps <= 30) {
        warnings.add(new Warning("warmup_in_steps", "--lr_warmup_steps: " + entry.reason()));
      }
    }
  }

  /// One warning for each reason, naming all the flags it holds for.
  private static void idle(List<Entry> entries, List<Warning> warnings) {
    List<String> reasons =
        entries.stream().filter(FlagWarnings::worthSaying).map(Entry::reason).distinct().toList();
    for (String reason : reasons) {
      List<String> names =
          entries.stream()
              .filter(entry -> worthSaying(entry) && entry.reason().equals(reason))
              .map(Entry::flag)
              .toList();
      warnings.add(
          new Warning(
              "no_effect",
              "%s %s no effect: %s"
                  .formatted(
                      String.join(", ", names), names.size() == 1 ? "has" : "have", reason)));
    }
  }

  private static boolean worthSaying(Entry entry) {
    return entry.effect() == Effect.IGNORED || entry.effect() == Effect.OVERRIDDEN;
  }
}
