package dev.anima.model.text;

import dev.anima.io.InputException;
import dev.anima.model.Checkpoint;
import dev.anima.model.ModelKind;
import dev.anima.model.ShapeReader;
import dev.anima.model.TensorLayout;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/// Widths and constants of a Qwen3 text encoder. Widths are read off the tensor shapes; the two
/// constants have the values of Qwen3-0.6B unless a folder's `config.json` says otherwise.
///
/// @param vocabulary rows of the embedding (151936)
/// @param hidden width of the states (1024)
/// @param layers number of layers (28)
/// @param headSize channels of a head (128)
/// @param heads query heads (16)
/// @param keyHeads key and value heads, each shared by `heads / keyHeads` query heads in a row (8)
/// @param intermediate width of the MLP (3072)
/// @param ropeBase 1e6
/// @param epsilon of the norms, 1e-6
public record Qwen3Config(
    int vocabulary,
    int hidden,
    int layers,
    int headSize,
    int heads,
    int keyHeads,
    int intermediate,
    double ropeBase,
    double epsilon) {
  private static final String MODEL = ModelKind.QWEN3.description();
  private static final double ROPE_BASE = 1e6;
  private static final double EPSILON = 1e-6;

  /// Reads the header of a single file, or of the model in a Hugging Face folder, and checks it.
  ///
  /// @throws InputException if it is not a complete Qwen3 text encoder
  public static Qwen3Config read(Path fileOrFolder) {
    try (Checkpoint checkpoint = Checkpoint.open(weightsFile(fileOrFolder))) {
      return of(checkpoint, fileOrFolder);
    }
  }

  static Qwen3Config of(Checkpoint checkpoint, Path fileOrFolder) {
    checkpoint.require(ModelKind.QWEN3);
    Qwen3Config config = of(checkpoint.path(), checkpoint.shapes());
    return Files.isDirectory(fileOrFolder) ? config.with(fileOrFolder) : config;
  }

  /// @param file for messages
  /// @param shapes by stripped name
  static Qwen3Config of(Path file, Map<String, List<Long>> shapes) {
    ShapeReader reader = new ShapeReader(file, MODEL, shapes);
    String attention = "layers.0.self_attn.";
    int headSize = reader.size(attention + "q_norm.weight", 0);
    int heads =
        reader.ratio(
            "query width / head size", reader.size(attention + "q_proj.weight", 0), headSize);
    int keyHeads =
        reader.ratio(
            "key width / head size", reader.size(attention + "k_proj.weight", 0), headSize);
    reader.ratio("query heads / key heads", heads, keyHeads);
    Qwen3Config config =
        new Qwen3Config(
            reader.size("embed_tokens.weight", 0),
            reader.size("embed_tokens.weight", 1),
            reader.count("layers."),
            headSize,
            heads,
            keyHeads,
            reader.size("layers.0.mlp.gate_proj.weight", 0),
            ROPE_BASE,
            EPSILON);
    config.layout().check(file, MODEL, shapes, Qwen3Config::ignorable);
    return config;
  }

  /// Every tensor of a complete file, names without prefix.
  public TensorLayout layout() {
    long queries = (long) heads * headSize;
    long keys = (long) keyHeads * headSize;
    TensorLayout layout = new TensorLayout().add("embed_tokens.weight", vocabulary, hidden);
    for (int i = 0; i < layers; i++) {
      String layer = "layers." + i + ".";
      layout
          .add(layer + "input_layernorm.weight", hidden)
          .add(layer + "self_attn.q_proj.weight", queries, hidden)
          .add(layer + "self_attn.k_proj.weight", keys, hidden)
          .add(layer + "self_attn.v_proj.weight", keys, hidden)
          .add(layer + "self_attn.o_proj.weight", hidden, queries)
          .add(layer + "self_attn.q_norm.weight", headSize)
          .add(layer + "self_attn.k_norm.weight", headSize)
          .add(layer + "post_attention_layernorm.weight", hidden)
          .add(layer + "mlp.gate_proj.weight", intermediate, hidden)
          .add(layer + "mlp.up_proj.weight", intermediate, hidden)
          .add(layer + "mlp.down_proj.weight", hidden, intermediate);
    }
    return layout.add("norm.weight", hidden);
  }

  private static boolean ignorable(String name) {
    return name.startsWith("lm_head.") || name.endsWith("inv_freq");
  }

  /// The file with the weights: the path itself, or what a Hugging Face folder holds.
  public static Path weightsFile(Path fileOrFolder) {
    if (!Files.isDirectory(fileOrFolder)) {
      return fileOrFolder;
    }
    Path single = fileOrFolder.resolve("model.safetensors");
    if (Files.exists(single)) {
      return single;
    }
    try (var files = Files.list(fileOrFolder)) {
      return files
          .filter(
              file -> file.getFileName().toString().matches("model-00001-of-\\d{5}.safetensors"))
          .findFirst()
          .orElseThrow(() ->
              InputException.inFile(
                  fileOrFolder,
                  "this folder holds no model.safetensors (a Qwen3 folder has config.json and"
                      + " model.safetensors)"));
    } catch (IOException e) {
      throw new InputException(fileOrFolder + ": cannot be read (" + e.getMessage() + ")", e);
    }
  }

  // Constants from the folder's config.json; what this implementation cannot do is refused.
  private Qwen3Config with(Path folder) {
    Path file = folder.resolve("config.json");
    if (!Files.exists(file)) {
      throw InputException.inFile(folder, "this folder holds no config.json");
    }
    JsonNode json;
    try {
      json = JsonMapper.shared().readTree(file.toFile());
    } catch (JacksonException e) {
      throw new InputException(file + ": not valid JSON (" + e.getOriginalMessage() + ")", e);
    }
    refuse(file, json.path("attention_bias").asBoolean(false), "attention_bias");
    refuse(file, json.path("use_sliding_window").asBoolean(false), "use_sliding_window");
    refuse(file, json.path("rope_scaling").isObject(), "rope_scaling");
    refuse(file, !json.path("hidden_act").asString("silu").equals("silu"), "hidden_act");
    double base = json.path("rope_parameters").path("rope_theta").asDouble(ROPE_BASE);
    return new Qwen3Config(
        vocabulary,
        hidden,
        layers,
        headSize,
        heads,
        keyHeads,
        intermediate,
        json.path("rope_theta").asDouble(base),
        json.path("rms_norm_eps").asDouble(EPSILON));
  }

  private static void refuse(Path file, boolean unsupported, String key) {
    if (unsupported) {
      throw InputException.inFile(
          file, "\"" + key + "\" has a value that Anima's text encoder does not use");
    }
  }
}
