package dev.anima.runs.script;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/// Tells what a command of a script is for: a training of ours with its flags, another training, or
/// something else.
final class Launcher {
  private static final String OURS = "anima_train_network.py";
  private static final String TAGGER = "tag_images_by_wd14_tagger.py";

  /// Other scripts of sd-scripts and its relatives, by the beginning of their names.
  private static final Map<String, String> OTHERS =
      Map.ofEntries(
          Map.entry("sdxl_train_network.py", "an SDXL LoRA"),
          Map.entry("train_network.py", "a Stable Diffusion 1 or 2 LoRA"),
          Map.entry("flux_train_network.py", "a FLUX.1 LoRA"),
          Map.entry("sd3_train_network.py", "a Stable Diffusion 3 LoRA"),
          Map.entry("lumina_train_network.py", "a Lumina LoRA"),
          Map.entry("hunyuan_image_train_network.py", "a HunyuanImage LoRA"),
          Map.entry("hv_train_network.py", "a HunyuanVideo LoRA"),
          Map.entry("wan_train_network.py", "a Wan LoRA"),
          Map.entry("qwen_image_train_network.py", "a Qwen-Image LoRA"),
          Map.entry("zimage_train_network.py", "a Z-Image LoRA"),
          Map.entry("train_leco.py", "a LECO for Stable Diffusion 1 or 2"),
          Map.entry("anima_train.py", "the whole Anima model (full fine-tuning)"));

  /// They start the command behind them; how many words of their own follow.
  private static final Map<String, Integer> PREFIXES =
      Map.ofEntries(
          Map.entry("call", 0),
          Map.entry("nohup", 0),
          Map.entry("time", 0),
          Map.entry("exec", 0),
          Map.entry("command", 0),
          Map.entry("sudo", 0),
          Map.entry("&", 0),
          Map.entry("start", 0),
          Map.entry("nice", 0),
          Map.entry("ionice", 0),
          Map.entry("env", 0),
          Map.entry("uv", 1),
          Map.entry("poetry", 1),
          Map.entry("pixi", 1),
          Map.entry("pipenv", 1),
          Map.entry("stdbuf", 0),
          Map.entry("caffeinate", 0));

  /// Commands that mention scripts without running them.
  private static final Set<String> TALKERS =
      Set.of(
          "echo",
          "echo.",
          "printf",
          "write-host",
          "write-output",
          "title",
          "type",
          "cat",
          "ls",
          "dir",
          "git",
          "pip",
          "pip3",
          "cp",
          "copy",
          "mv",
          "move",
          "rm",
          "del",
          "test",
          "[",
          "grep",
          "sed",
          "chmod",
          "curl",
          "wget",
          "export",
          "print",
          "findstr");

  /// What a command is for.
  sealed interface Meaning {
    /// @param flags everything behind the script's name
    record Training(List<String> flags, List<String> notes) implements Meaning {}

    /// @param what such as `an SDXL LoRA`
    record OtherTraining(String script, String what) implements Meaning {}

    /// @param reason why it is not carried out, after its words
    record Else(String reason) implements Meaning {}

    /// Another script is started.
    record Nested(String script) implements Meaning {}

    /// It names a training script but how it starts it is not clear.
    record Unclear(String script) implements Meaning {}
  }

  private Launcher() {}

  /// Whether a training script is named anywhere in `words` (quotes may still be around).
  static boolean namesTraining(List<String> words) {
    return words.stream().anyMatch(word -> trainingScript(word.replace("\"", "")).isPresent());
  }

  static Meaning meaning(List<String> words) {
    List<String> rest = withoutPrefixes(words);
    if (rest.isEmpty()) {
      return new Meaning.Else("it starts nothing");
    }
    String program = programName(rest.getFirst());
    if (TALKERS.contains(program)) {
      return new Meaning.Else(reason(program, rest));
    }
    if (program.equals("anima") && rest.size() > 1 && rest.get(1).equals("train")) {
      return new Meaning.Training(rest.subList(2, rest.size()), List.of());
    }
    Optional<String> nested = nestedScript(rest);
    if (nested.isPresent()) {
      return new Meaning.Nested(nested.get());
    }
    int script = scriptIndex(rest);
    if (script < 0) {
      return new Meaning.Else(reason(program, rest));
    }
    String name = baseName(rest.get(script));
    Optional<String> other = what(name);
    if (other.isPresent()) {
      return new Meaning.OtherTraining(name, other.get());
    }
    if (name.equals(TAGGER)) {
      return new Meaning.Else("only trainings are run here; \"anima tag\" takes these flags");
    }
    if (!name.equals(OURS)) {
      return new Meaning.Else("only trainings are run here");
    }
    if (script > 0 && !startsPython(program)) {
      return new Meaning.Unclear(name);
    }
    return new Meaning.Training(
        rest.subList(script + 1, rest.size()), launcherNotes(rest.subList(0, script)));
  }

  /// `other.bat`, `source other.sh`, `bash other.sh`, `powershell -File other.ps1`.
  private static Optional<String> nestedScript(List<String> words) {
    String ending = ".*\\.(bat|cmd|sh|bash|ps1)";
    if (baseName(words.getFirst()).matches(ending)) {
      return Optional.of(words.getFirst());
    }
    return programName(words.getFirst()).matches("source|\\.|bash|sh|zsh|cmd|powershell|pwsh")
        ? words.stream().skip(1).filter(word -> baseName(word).matches(ending)).findFirst()
        : Optional.empty();
  }

  private static List<String> withoutPrefixes(List<String> words) {
    List<String> rest = new ArrayList<>(words);
    while (!rest.isEmpty()) {
      String first = rest.getFirst();
      String name = programName(first);
      if (first.matches("[A-Za-z_][A-Za-z0-9_]*=.*")) {
        rest.removeFirst(); // CUDA_VISIBLE_DEVICES=1 python ...
      } else if (PREFIXES.containsKey(name)) {
        rest.subList(0, Math.min(rest.size(), 1 + PREFIXES.get(name))).clear();
        dropOptions(name, rest);
      } else {
        break;
      }
    }
    return rest;
  }

  /// Options of a prefix: `nice -n 10`, `start "title" /wait /b`.
  private static void dropOptions(String prefix, List<String> rest) {
    boolean titled =
        prefix.equals("start")
            && !rest.isEmpty()
            && (rest.getFirst().contains(" ") || rest.getFirst().isEmpty());
    if (titled) {
      rest.removeFirst();
    }
    while (!rest.isEmpty()
        && (prefix.equals("start")
            ? rest.getFirst().startsWith("/")
            : rest.getFirst().startsWith("-"))) {
      boolean takesValue = rest.removeFirst().matches("-n|-c");
      if (takesValue && !rest.isEmpty() && rest.getFirst().matches("-?\\d+")) {
        rest.removeFirst();
      }
    }
  }

  private static int scriptIndex(List<String> words) {
    for (int i = 0; i < words.size(); i++) {
      if (baseName(words.get(i)).endsWith(".py")) {
        return i;
      }
      if (words.get(i).equals("-c")) {
        return -1; // python -c "code"
      }
    }
    return -1;
  }

  private static boolean startsPython(String program) {
    return program.matches("python[0-9.w]*|py|accelerate|torchrun|deepspeed|ipython");
  }

  private static Optional<String> trainingScript(String word) {
    String name = baseName(word);
    return name.equals(OURS) || what(name).isPresent() ? Optional.of(name) : Optional.empty();
  }

  /// What another training script trains.
  private static Optional<String> what(String name) {
    String known = OTHERS.get(name);
    if (known != null) {
      return Optional.of(known);
    }
    boolean trains =
        name.endsWith(".py")
            && !name.equals(OURS)
            && (name.contains("train") || name.equals("fine_tune.py"));
    return trains ? Optional.of("something else") : Optional.empty();
  }

  /// What the launcher in front of the script asks for and does not get here.
  private static List<String> launcherNotes(List<String> launcher) {
    List<String> notes = new ArrayList<>();
    for (int i = 0; i < launcher.size(); i++) {
      String word = launcher.get(i);
      String value =
          word.contains("=")
              ? word.substring(word.indexOf('=') + 1)
              : i + 1 < launcher.size() ? launcher.get(i + 1) : "";
      String flag = word.contains("=") ? word.substring(0, word.indexOf('=')) : word;
      switch (flag) {
        case "--multi_gpu", "--multi-gpu" ->
            notes.add(
                "%s of the launcher is not read: one process trains, unless --nproc says more"
                    .formatted(flag));
        case "--num_processes", "--num-processes", "--nproc_per_node", "--nproc-per-node" -> {
          if (!value.equals("1")) {
            notes.add(
                "%s %s of the launcher is not read: add --nproc=%s to the training's flags"
                    .formatted(flag, value, value.matches("\\d+") ? value : "N"));
          }
        }
        case "--gpu_ids", "--gpu-ids" ->
            notes.add(
                "%s %s of the launcher is not read: add --device cuda:%s to the training's flags"
                    .formatted(flag, value, value.matches("\\d+") ? value : "N"));
        default -> {}
      }
    }
    return notes;
  }

  private static String reason(String program, List<String> words) {
    if (program.startsWith("activate")
        || words.stream().anyMatch(word -> baseName(word).startsWith("activate"))) {
      return "no Python is needed";
    }
    return switch (program) {
      case "pause", "read-host", "read", "timeout", "sleep", "start-sleep" ->
          "nothing waits in a queue";
      case "echo",
          "echo.",
          "printf",
          "write-host",
          "write-output",
          "title",
          "color",
          "cls",
          "clear",
          "clear-host",
          "chcp" ->
          "it only shows text";
      case "pip", "pip3", "git", "conda", "venv" -> "no Python is needed";
      case "python", "python3", "py", "accelerate" -> "only trainings are run here";
      default -> "only trainings are run here";
    };
  }

  /// `python` of `.\venv\Scripts\python.exe`.
  private static String programName(String word) {
    return baseName(word).replaceFirst("\\.(exe|bat|cmd|sh|ps1)$", "");
  }

  private static String baseName(String word) {
    return word.replaceFirst(".*[/\\\\]", "").toLowerCase(Locale.ROOT);
  }
}
