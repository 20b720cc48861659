package dev.anima.config;

import dev.anima.config.FlagValue.Source;
import dev.anima.io.InputException;
import dev.anima.io.SafetensorsFile;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/// `--like FILE`: the recipe of a finished LoRA, out of its metadata.
///
/// This program writes a manifest, [#KEY]: the flags that shape the result, and the names of those
/// that held a path or a secret, without their values. Files of sd-scripts have no manifest; most
/// of their recipe is under `ss_` keys (`spec/training.md` §20).
public final class Recipes {
  /// Metadata key of the manifest.
  public static final String KEY = "anima.recipe";

  private static final JsonMapper MAPPER = JsonMapper.shared();

  /// Parts of the table whose flags belong to a person's computer or to one run.
  private static final Set<String> PERSONAL_SECTIONS =
      Set.of(
          "Console",
          "Output and checkpoints",
          "Metadata for publishing",
          "Logging",
          "Flag files",
          "Distributed");

  private static final Set<String> PERSONAL =
      Set.of(
          "like", "preset", "device", "threads", "dry_run", "verbose", "resume", "debug_dataset");

  /// Without them nothing can be trained, so they are always asked for anyway.
  private static final Set<String> ALWAYS_ASKED =
      Set.of("pretrained_model_name_or_path", "qwen3", "vae");

  /// `torch.optim.adamw.AdamW(weight_decay=0.1)`.
  private static final Pattern OPTIMIZER = Pattern.compile("(?:[\\w.]*\\.)?(\\w+)(?:\\((.*)\\))?");

  /// `ss_` keys that are no flags of that name, or must not become any.
  private static final Set<String> NOT_FLAGS =
      Set.of("output_name", "training_comment", "v2", "clip_skip", "max_token_length", "lowram");

  private Recipes() {}

  /// @param flags filled in by the file, weaker than those given
  /// @param notes what the file does not tell
  record Filled(Flags flags, List<String> notes) {}

  /// The manifest of a run, a JSON object: `flags` by name, and `missing`.
  public static String manifest(Flags flags) {
    ObjectNode manifest = MAPPER.createObjectNode();
    ObjectNode values = manifest.putObject("flags");
    Set<String> missing = new TreeSet<>();
    for (FlagValue value : flags.set()) {
      Flag flag = value.flag();
      if (isPersonal(flag) || value.value() == null || Boolean.FALSE.equals(value.value())) {
        continue;
      }
      if (holdsPath(flag, value.value())) {
        if (!ALWAYS_ASKED.contains(flag.name())) {
          missing.add(flag.name());
        }
      } else {
        values.set(flag.name(), MAPPER.valueToTree(words(value.value())));
      }
    }
    MAPPER.valueToTree(missing).forEach(manifest.putArray("missing")::add);
    return manifest.toString();
  }

  private static boolean isPersonal(Flag flag) {
    return PERSONAL_SECTIONS.contains(flag.section())
        || PERSONAL.contains(flag.name())
        || flag.status() == Flag.Status.NO_EFFECT
        || flag.status() == Flag.Status.METADATA_ONLY;
  }

  /// A text that may name a folder is left out, whatever it is: no path leaves this computer.
  private static boolean holdsPath(Flag flag, Object value) {
    if (ALWAYS_ASKED.contains(flag.name()) || flag.kind() == Flag.Kind.PATH) {
      return true;
    }
    if (flag.name().equals("network_args") || !flag.choices().isEmpty()) {
      return false;
    }
    return words(value).stream()
        .anyMatch(word ->
            word.contains("/")
                || word.contains("\\")
                || flag.name().endsWith("_dir")
                || flag.name().endsWith("_path")
                || (flag.name().endsWith("_weights") && flag.kind() != Flag.Kind.SWITCH)
                || flag.name().endsWith("_prompts")
                || flag.name().endsWith("_json"));
  }

  private static List<String> words(Object value) {
    return value instanceof List<?> list
        ? list.stream().map(FlagText::write).toList()
        : List.of(FlagText.write(value));
  }

  /// `flags` with the recipe of `--like` wherever nothing else is set; unchanged without it.
  ///
  /// @throws InputException if the file is no LoRA with metadata
  static Filled fill(Flags flags, Path workingDir) {
    Optional<Path> given = flags.path("like");
    if (given.isEmpty()) {
      return new Filled(flags, List.of());
    }
    Map<String, String> metadata;
    try (SafetensorsFile file = SafetensorsFile.open(workingDir.resolve(given.get()))) {
      metadata = file.metadata();
    }
    if (metadata.containsKey(KEY)) {
      return fromManifest(flags, given.get(), metadata.get(KEY));
    }
    if (!metadata.containsKey("ss_network_dim")) {
      throw new InputException(
          "--like=%s: the file does not tell how it was trained (no ss_ metadata in it)"
              .formatted(given.get()));
    }
    return fromReference(flags, given.get(), metadata);
  }

  // ---- from our manifest ----------------------------------------------------------------------

  private static Filled fromManifest(Flags flags, Path file, @Nullable String text) {
    JsonNode manifest;
    try {
      manifest = MAPPER.readTree(text);
    } catch (JacksonException e) {
      throw new InputException("--like=%s: its recipe is damaged".formatted(file), e);
    }
    Map<String, FlagValue> values = new LinkedHashMap<>();
    List<String> unknown = new ArrayList<>();
    manifest
        .path("flags")
        .properties()
        .forEach(entry -> {
          List<String> words = new ArrayList<>();
          entry.getValue().forEach(word -> words.add(word.asString("")));
          if (!put(values, flags.table(), file, entry.getKey(), words)) {
            unknown.add("--" + entry.getKey());
          }
        });
    List<String> notes = new ArrayList<>();
    List<String> missing = new ArrayList<>();
    manifest
        .path("missing")
        .forEach(name -> {
          if (!flags.given(name.asString(""))) {
            missing.add("--" + name.asString(""));
          }
        });
    if (!missing.isEmpty()) {
      notes.add(
          "--like=%s: it was trained with %s too, whose values the file does not tell; give your own"
              .formatted(file, String.join(", ", missing)));
    }
    if (!unknown.isEmpty()) {
      notes.add(
          "--like=%s: this program does not know %s".formatted(file, String.join(", ", unknown)));
    }
    return new Filled(flags.under(values), notes);
  }

  // ---- from sd-scripts' metadata --------------------------------------------------------------

  private static Filled fromReference(Flags flags, Path file, Map<String, String> metadata) {
    Map<String, FlagValue> values = new LinkedHashMap<>();
    metadata.forEach((key, text) -> {
      String name = key.startsWith("ss_") ? key.substring(3) : "";
      if (!NOT_FLAGS.contains(name) && !text.equals("None") && !text.equals("False")) {
        put(values, flags.table(), file, name, List.of(text));
      }
    });
    if (metadata.getOrDefault("ss_debiased_estimation", "False").equals("True")) {
      put(values, flags.table(), file, "debiased_estimation_loss", List.of("True"));
    }
    optimizer(values, flags.table(), file, metadata.getOrDefault("ss_optimizer", ""));
    networkArgs(values, flags.table(), file, metadata.getOrDefault("ss_network_args", ""));
    return new Filled(
        flags.under(values),
        List.of(
            "--like=%s: taken from sd-scripts' metadata, which does not tell of every flag; look at anima check"
                .formatted(file)));
  }

  private static void optimizer(
      Map<String, FlagValue> values, FlagTable table, Path file, String text) {
    Matcher matcher = OPTIMIZER.matcher(text);
    if (!matcher.matches()) {
      return;
    }
    put(values, table, file, "optimizer_type", List.of(matcher.group(1)));
    String arguments = matcher.group(2);
    if (arguments != null && !arguments.isBlank()) {
      // A comma inside brackets separates no arguments: betas=(0.9, 0.99).
      put(
          values,
          table,
          file,
          "optimizer_args",
          List.of(arguments.split(",(?![^(\\[]*[)\\]])", -1)));
    }
  }

  private static void networkArgs(
      Map<String, FlagValue> values, FlagTable table, Path file, String json) {
    if (json.isEmpty()) {
      return;
    }
    List<String> words = new ArrayList<>();
    try {
      MAPPER
          .readTree(json)
          .properties()
          .forEach(entry -> words.add(entry.getKey() + "=" + entry.getValue().asString("")));
    } catch (JacksonException e) {
      throw new InputException(
          "--like=%s: its ss_network_args are damaged: %s".formatted(file, json), e);
    }
    put(values, table, file, "network_args", words);
  }

  /// @return whether there is such a flag and the words make sense for it
  private static boolean put(
      Map<String, FlagValue> values, FlagTable table, Path file, String name, List<String> words) {
    Optional<Flag> found = table.find(name).filter(flag -> !isPersonal(flag));
    if (found.isEmpty() || words.isEmpty()) {
      return found.isPresent();
    }
    Flag flag = found.get();
    List<String> stripped = words.stream().map(String::strip).toList();
    if (FlagText.read(flag, flag.dashed(), stripped) instanceof FlagText.Result.Value(var value)) {
      values.put(
          name,
          new FlagValue(
              flag, value, Source.PRESET, name, String.join(" ", stripped), "--like " + file, 1));
      return true;
    }
    return false;
  }
}
