package dev.anima.model.dit;

import dev.anima.io.InputException;
import dev.anima.model.Checkpoint;
import dev.anima.model.ModelKind;
import dev.anima.model.ShapeReader;
import dev.anima.model.TensorLayout;
import dev.anima.model.text.LlmAdapterConfig;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/// Widths and depth of an Anima DiT, read off the shapes of its file: any size loads.
///
/// @param channels width (2048)
/// @param latentChannels channels of the latents (16)
/// @param heads number of attention heads (16)
/// @param headSize channels of a head (128)
/// @param blocks number of blocks (28)
/// @param hidden width of the MLP (8192)
/// @param bottleneck inner width of the modulation (256)
/// @param context width of the text (1024)
/// @param adapter the LLM adapter in the same file
public record DitConfig(
    int channels,
    int latentChannels,
    int heads,
    int headSize,
    int blocks,
    int hidden,
    int bottleneck,
    int context,
    LlmAdapterConfig adapter) {
  /// Latent pixels on a side of one token.
  public static final int PATCH = 2;

  private static final String MODEL = ModelKind.ANIMA_DIT.description();

  /// Reads the header of `file` (and of its other parts) and checks it against the layout.
  ///
  /// @throws InputException if the file is not a complete Anima DiT
  public static DitConfig read(Path file) {
    try (Checkpoint checkpoint = Checkpoint.open(file)) {
      return of(checkpoint);
    }
  }

  static DitConfig of(Checkpoint checkpoint) {
    checkpoint.require(ModelKind.ANIMA_DIT);
    return of(checkpoint.path(), checkpoint.shapes());
  }

  /// @param file for messages
  /// @param shapes by stripped name
  static DitConfig of(Path file, Map<String, List<Long>> shapes) {
    ShapeReader reader = new ShapeReader(file, MODEL, shapes);
    int channels = reader.size("x_embedder.proj.1.weight", 0);
    int patch = reader.size("x_embedder.proj.1.weight", 1);
    int headSize = reader.size("blocks.0.self_attn.q_norm.weight", 0);
    if (headSize < 12 || headSize % 2 != 0) {
      throw InputException.inFile(
          file, "head size " + headSize + " cannot be, expected an even number from 12 on");
    }
    DitConfig config =
        new DitConfig(
            channels,
            reader.ratio("channels of a patch", patch, PATCH * PATCH) - 1,
            reader.ratio("width / head size", channels, headSize),
            headSize,
            reader.count("blocks."),
            reader.size("blocks.0.mlp.layer1.weight", 0),
            reader.size("blocks.0.adaln_modulation_mlp.1.weight", 0),
            reader.size("blocks.0.cross_attn.k_proj.weight", 1),
            LlmAdapterConfig.of(reader));
    config.layout().check(file, MODEL, shapes, DitConfig::ignorable);
    if (config.adapter.target() != config.context) {
      throw InputException.inFile(
          file,
          "the LLM adapter gives width "
              + config.adapter.target()
              + " but the blocks expect text of width "
              + config.context);
    }
    return config;
  }

  /// Every tensor of a complete file, names without prefix.
  public TensorLayout layout() {
    TensorLayout layout = new TensorLayout();
    layout
        .add("x_embedder.proj.1.weight", channels, (latentChannels + 1L) * PATCH * PATCH)
        .add("t_embedder.1.linear_1.weight", channels, channels)
        .add("t_embedder.1.linear_2.weight", 3L * channels, channels)
        .add("t_embedding_norm.weight", channels);
    for (int i = 0; i < blocks; i++) {
      String block = "blocks." + i + ".";
      addAttention(layout, block + "self_attn.", channels);
      addAttention(layout, block + "cross_attn.", context);
      layout
          .add(block + "mlp.layer1.weight", hidden, channels)
          .add(block + "mlp.layer2.weight", channels, hidden);
      for (String branch : List.of("self_attn", "cross_attn", "mlp")) {
        layout
            .add(block + "adaln_modulation_" + branch + ".1.weight", bottleneck, channels)
            .add(block + "adaln_modulation_" + branch + ".2.weight", 3L * channels, bottleneck);
      }
    }
    layout
        .add("final_layer.adaln_modulation.1.weight", bottleneck, channels)
        .add("final_layer.adaln_modulation.2.weight", 2L * channels, bottleneck)
        .add("final_layer.linear.weight", (long) PATCH * PATCH * latentChannels, channels);
    adapter.addTo(layout);
    return layout;
  }

  private void addAttention(TensorLayout layout, String prefix, int keyWidth) {
    layout
        .add(prefix + "q_proj.weight", channels, channels)
        .add(prefix + "k_proj.weight", channels, keyWidth)
        .add(prefix + "v_proj.weight", channels, keyWidth)
        .add(prefix + "output_proj.weight", channels, channels)
        .add(prefix + "q_norm.weight", headSize)
        .add(prefix + "k_norm.weight", headSize);
  }

  // Position buffers that full fine-tunes write, counters and states of NVIDIA's own training.
  private static boolean ignorable(String name) {
    return name.startsWith("pos_embedder.")
        || name.startsWith("accum_")
        || name.endsWith("_extra_state")
        || name.endsWith("inv_freq");
  }
}
