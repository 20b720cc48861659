package dev.anima.lora;

import dev.anima.io.SafetensorsFile;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// The linear layers that can get a LoRA, in the order of the reference's module tree: creation
/// order of the LoRA modules, and with it order of the random draws, follows from this order.
public final class LinearModules {
  /// Prefixes that programs put before the names of a DiT file, longest first.
  private static final List<String> DIT_PREFIXES =
      List.of("model.diffusion_model.", "diffusion_model.", "model.net.", "net.", "model.");

  private static final List<String> DIT_HEAD =
      List.of("x_embedder.proj.1", "t_embedder.1.linear_1", "t_embedder.1.linear_2");
  private static final List<String> ADAPTER_BLOCK =
      List.of(
          "self_attn.q_proj",
          "self_attn.k_proj",
          "self_attn.v_proj",
          "self_attn.o_proj",
          "cross_attn.q_proj",
          "cross_attn.k_proj",
          "cross_attn.v_proj",
          "cross_attn.o_proj",
          "mlp.0",
          "mlp.2");
  private static final List<String> DIT_BLOCK =
      List.of(
          "self_attn.q_proj",
          "self_attn.k_proj",
          "self_attn.v_proj",
          "self_attn.output_proj",
          "cross_attn.q_proj",
          "cross_attn.k_proj",
          "cross_attn.v_proj",
          "cross_attn.output_proj",
          "mlp.layer1",
          "mlp.layer2",
          "adaln_modulation_self_attn.1",
          "adaln_modulation_self_attn.2",
          "adaln_modulation_cross_attn.1",
          "adaln_modulation_cross_attn.2",
          "adaln_modulation_mlp.1",
          "adaln_modulation_mlp.2");
  private static final List<String> DIT_TAIL =
      List.of(
          "final_layer.linear", "final_layer.adaln_modulation.1", "final_layer.adaln_modulation.2");
  private static final List<String> TEXT_LAYER =
      List.of(
          "self_attn.q_proj",
          "self_attn.k_proj",
          "self_attn.v_proj",
          "self_attn.o_proj",
          "mlp.gate_proj",
          "mlp.up_proj",
          "mlp.down_proj");

  private static final Pattern BLOCK = Pattern.compile("blocks\\.(\\d+)\\..*");
  private static final Pattern ADAPTER = Pattern.compile("llm_adapter\\.blocks\\.(\\d+)\\..*");
  private static final Pattern LAYER = Pattern.compile("layers\\.(\\d+)\\..*");

  private LinearModules() {}

  /// Layers of the DiT and its LLM adapter. Widths and depths are read off the file.
  public static List<LinearModule> ofDit(SafetensorsFile checkpoint) {
    return ofDit(shapes(checkpoint));
  }

  /// @param shapes of a DiT file's tensors by name, with or without one of the usual prefixes
  public static List<LinearModule> ofDit(Map<String, List<Long>> shapes) {
    Map<String, List<Long>> bare = new HashMap<>();
    shapes.forEach((name, shape) -> bare.put(withoutPrefix(name, DIT_PREFIXES), shape));
    return present(ditPaths(count(bare, BLOCK), count(bare, ADAPTER)), bare);
  }

  /// Layers of Qwen3.
  public static List<LinearModule> ofTextEncoder(SafetensorsFile checkpoint) {
    return ofTextEncoder(shapes(checkpoint));
  }

  /// @param shapes of a Qwen3 file's tensors by name, with or without the prefix `model.`
  public static List<LinearModule> ofTextEncoder(Map<String, List<Long>> shapes) {
    Map<String, List<Long>> bare = new HashMap<>();
    shapes.forEach((name, shape) -> bare.put(withoutPrefix(name, List.of("model.")), shape));
    return present(textEncoderPaths(count(bare, LAYER)), bare);
  }

  /// All paths of a DiT with so many blocks: embedders, adapter, blocks, final layer.
  static List<String> ditPaths(int blocks, int adapterBlocks) {
    List<String> paths = new ArrayList<>(DIT_HEAD);
    repeat(paths, "llm_adapter.blocks.", adapterBlocks, ADAPTER_BLOCK);
    repeat(paths, "blocks.", blocks, DIT_BLOCK);
    paths.addAll(DIT_TAIL);
    return paths;
  }

  static List<String> textEncoderPaths(int layers) {
    List<String> paths = new ArrayList<>();
    repeat(paths, "layers.", layers, TEXT_LAYER);
    return paths;
  }

  private static void repeat(List<String> paths, String parent, int count, List<String> children) {
    for (int i = 0; i < count; i++) {
      for (String child : children) {
        paths.add(parent + i + "." + child);
      }
    }
  }

  private static List<LinearModule> present(List<String> paths, Map<String, List<Long>> shapes) {
    List<LinearModule> modules = new ArrayList<>();
    for (String path : paths) {
      List<Long> shape = shapes.get(path + ".weight");
      if (shape != null && shape.size() == 2) {
        modules.add(
            new LinearModule(path, Math.toIntExact(shape.get(1)), Math.toIntExact(shape.get(0))));
      }
    }
    return List.copyOf(modules);
  }

  private static int count(Map<String, List<Long>> shapes, Pattern numbered) {
    int count = 0;
    for (String name : shapes.keySet()) {
      Matcher matcher = numbered.matcher(name);
      if (matcher.matches()) {
        count = Math.max(count, Integer.parseInt(matcher.group(1)) + 1);
      }
    }
    return count;
  }

  private static String withoutPrefix(String name, List<String> prefixes) {
    for (String prefix : prefixes) {
      if (name.startsWith(prefix)) {
        return name.substring(prefix.length());
      }
    }
    return name;
  }

  /// Shapes of all tensors of a file by name.
  static Map<String, List<Long>> shapes(SafetensorsFile checkpoint) {
    Map<String, List<Long>> shapes = new HashMap<>();
    checkpoint.entries().forEach((name, entry) -> shapes.put(name, entry.shape()));
    return shapes;
  }
}
