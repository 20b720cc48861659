package dev.anima.model.dit;

import dev.anima.engine.Dtype;
import dev.anima.engine.NoGrad;
import dev.anima.engine.Scope;
import dev.anima.engine.Tensor;
import dev.anima.io.InputException;
import dev.anima.model.Adapters;
import dev.anima.model.Checkpoint;
import dev.anima.model.LayerStream;
import dev.anima.model.Linear;
import dev.anima.model.Placement;
import dev.anima.model.RandomTensors;
import dev.anima.model.Rotary;
import dev.anima.model.TensorSource;
import dev.anima.model.WeightEdit;
import dev.anima.model.WeightStorage;
import dev.anima.model.Weights;
import dev.anima.model.dit.BlockWeights.ModulationWeights;
import dev.anima.model.text.LlmAdapter;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/// The Anima diffusion transformer: noisy latents, timestep and text in, velocity (noise - latents)
/// out.
///
/// The forward passes record an autograd graph where something requires a gradient. The weights are
/// frozen and owned by this; the LLM adapter from the same file lives as long as this.
public final class AnimaDit implements AutoCloseable {
  private final DitConfig config;
  private final Weights weights;
  private final Linear patchEmbedding;
  private final TimestepEmbedding timestepEmbedding;
  private final RopeTables ropeTables;
  private final LayerStream stream;
  private final List<BlockWeights> blocks;
  private final ModulationWeights finalModulation;
  private final Linear finalLinear;
  private final LlmAdapter llmAdapter;
  private boolean cutsText;
  private boolean multipliesPacked;

  /// Tokens ready for the blocks.
  ///
  /// @param x `(B, L, c)` in the residual stream's dtype
  /// @param rope positions of the tokens, owned by the model
  /// @param rows tokens down
  /// @param columns tokens across
  public record Embedded(Tensor x, Conditioning conditioning, Rotary rope, int rows, int columns) {}

  /// @param stream of the blocks that wait; owned from here on, like `weights`
  private AnimaDit(DitConfig config, Weights weights, LayerStream stream) {
    this.config = config;
    this.weights = weights;
    this.stream = stream;
    Placement placement = weights.placement();
    patchEmbedding = weights.linear("x_embedder.proj.1");
    timestepEmbedding = new TimestepEmbedding(weights, config.channels());
    ropeTables = new RopeTables(config.headSize(), placement);
    llmAdapter = new LlmAdapter(config.adapter(), weights);
    blocks =
        IntStream.range(0, config.blocks())
            .mapToObj(i -> BlockWeights.load(weights, i, stream))
            .toList();
    finalModulation = ModulationWeights.load(weights, "final_layer.adaln_modulation");
    finalLinear = weights.linear("final_layer.linear");
    weights.loaded();
  }

  /// Loads DiT and LLM adapter.
  ///
  /// @throws InputException if the file is not a complete Anima DiT
  public static AnimaDit load(Path file, Placement placement) {
    return load(file, placement, WeightEdit.NONE);
  }

  /// Loads DiT and LLM adapter, with `edit` applied to the weight of every linear layer.
  public static AnimaDit load(Path file, Placement placement, WeightEdit edit) {
    return load(file, placement, edit, WeightStorage.COMPUTE);
  }

  /// As above, with the attention and MLP matrices of the blocks kept in `storage`. Modulation,
  /// norms, embeddings, final layer and LLM adapter stay in the model's dtype.
  public static AnimaDit load(
      Path file, Placement placement, WeightEdit edit, WeightStorage storage) {
    return load(file, placement, edit, storage, 0);
  }

  /// As above, with the attention and MLP matrices of the last `swappedBlocks` blocks outside the
  /// device until they are used: on the CPU in the file, on a card in main memory. The numbers are
  /// the same.
  ///
  /// On the CPU, matrices that are packed or changed by `edit` stay in memory: they are in no file.
  ///
  /// @throws IllegalArgumentException if the model has fewer blocks
  public static AnimaDit load(
      Path file, Placement placement, WeightEdit edit, WeightStorage storage, int swappedBlocks) {
    Checkpoint checkpoint = Checkpoint.open(file);
    Weights weights = new Weights(checkpoint, placement, edit, storage);
    try {
      return assemble(DitConfig.of(checkpoint), weights, swappedBlocks);
    } catch (RuntimeException e) {
      weights.close();
      throw e;
    }
  }

  private static AnimaDit assemble(DitConfig config, Weights weights, int swappedBlocks) {
    if (swappedBlocks < 0 || swappedBlocks > config.blocks()) {
      throw new IllegalArgumentException(
          "%d of %d blocks cannot be swapped".formatted(swappedBlocks, config.blocks()));
    }
    LayerStream stream =
        new LayerStream(weights.placement(), config.blocks() - swappedBlocks, config.blocks());
    try {
      return new AnimaDit(config, weights, stream);
    } catch (RuntimeException e) {
      stream.close();
      throw e;
    }
  }

  /// A model of made-up weights, for measurements.
  public static AnimaDit random(DitConfig config, Placement placement, long seed) {
    return random(config, placement, seed, WeightStorage.COMPUTE);
  }

  /// As above, with the blocks' matrices kept in `storage`.
  public static AnimaDit random(
      DitConfig config, Placement placement, long seed, WeightStorage storage) {
    TensorSource numbers = new RandomTensors(config.layout(), placement, seed);
    return assemble(config, new Weights(numbers, placement, WeightEdit.NONE, storage), 0);
  }

  /// Attend to no more text rows than there are image tokens, as the reference does with
  /// `--split_attn`: it matters below 512 tokens (about 362 x 362 pixels). Off at first.
  public void cutText(boolean cut) {
    cutsText = cut;
  }

  /// Whether [#cutText] is on.
  public boolean cutsText() {
    return cutsText;
  }

  /// Multiply packed matrices in their 8 bits while training, with the activations rounded to 8
  /// bits too (`--fast_matmul`), instead of unpacking them first. Off at first.
  public void multiplyPacked(boolean fast) {
    multipliesPacked = fast;
  }

  /// Whether [#multiplyPacked] is on.
  public boolean multipliesPacked() {
    return multipliesPacked;
  }

  public DitConfig config() {
    return config;
  }

  public Placement placement() {
    return weights.placement();
  }

  /// How the blocks' attention and MLP matrices are kept.
  public WeightStorage storage() {
    return weights.storage();
  }

  public LlmAdapter llmAdapter() {
    return llmAdapter;
  }

  /// Bytes of all weights on the device, adapter and staging buffers included.
  public long bytes() {
    return weights.bytes() + stream.bufferBytes();
  }

  /// Bytes of weights that wait in the model's file, as stored there.
  public long bytesInFile() {
    return stream.fileBytes();
  }

  /// Bytes of weights that wait in main memory for their turn on a card.
  public long bytesInMainMemory() {
    return stream.memoryBytes();
  }

  /// The velocity at `noisy`.
  ///
  /// @param noisy `(B, 16, h, w)` or `(B, 16, 1, h, w)` in the model's dtype; h and w even
  /// @param timesteps `(B)` in 0..1 (1 = pure noise), not multiplied by 1000
  /// @param text `(B, S, context)` in the model's dtype: the adapter's output, padding rows zero.
  ///   All S rows take part, so S changes the result
  /// @return in the shape of `noisy` and the model's dtype, in the caller's scope
  public Tensor forward(Tensor noisy, Tensor timesteps, Tensor text, Adapters adapters) {
    return forward(noisy, timesteps, text, null, adapters);
  }

  /// As above with a padding mask `(B, 1, any, any)`, 1 where the picture is padding.
  public Tensor forward(
      Tensor noisy,
      Tensor timesteps,
      Tensor text,
      @Nullable Tensor paddingMask,
      Adapters adapters) {
    return Scope.keep(() -> {
      Embedded embedded = embed(noisy, timesteps, paddingMask, adapters);
      Tensor x = embedded.x();
      for (int i = 0; i < config.blocks(); i++) {
        fetchBlock(i);
        // A graph over all blocks needs all their weights at once.
        boolean copy = stream.has(i) && !NoGrad.isOn();
        BlockWeights block = copy ? blocks.get(i).copied() : blocks.get(i);
        Tensor next = block(block, x, embedded, text, adapters);
        x.close(); // the graph, if there is one, keeps what it needs
        x = next;
      }
      return finish(x, embedded, adapters).reshape(noisy.shape());
    });
  }

  /// Everything before the blocks. Parameters as in [#forward].
  public Embedded embed(
      Tensor noisy, Tensor timesteps, @Nullable Tensor paddingMask, Adapters adapters) {
    long height = noisy.size(-2);
    long width = noisy.size(-1);
    if (height % DitConfig.PATCH != 0 || width % DitConfig.PATCH != 0) {
      throw new IllegalArgumentException("latents must have even sides, got " + noisy);
    }
    Tensor latents = noisy.reshape(noisy.size(0), -1, height, width); // drops the frame axis
    Tensor x = patchEmbedding.apply(Patches.split(latents, paddingMask), adapters);
    // fp16 cannot hold the residual stream (it overflows): as the reference since 0.11.1.
    Tensor residual = x.dtype() == Dtype.F16 ? x.to(Dtype.F32) : x;
    int rows = Math.toIntExact(height / DitConfig.PATCH);
    int columns = Math.toIntExact(width / DitConfig.PATCH);
    return new Embedded(
        residual,
        timestepEmbedding.apply(timesteps, adapters),
        ropeTables.table(rows, columns),
        rows,
        columns);
  }

  /// Block `index` of the loop; a pure function that may be run again. A graph over a block that is
  /// swapped must be used up before another block is asked for.
  ///
  /// @param x `(B, L, c)`
  /// @return `(B, L, c)` in the caller's scope
  public Tensor block(int index, Tensor x, Embedded embedded, Tensor text, Adapters adapters) {
    fetchBlock(index);
    return block(blocks.get(index), x, embedded, text, adapters);
  }

  private Tensor block(
      BlockWeights block, Tensor x, Embedded embedded, Tensor text, Adapters adapters) {
    return DitBlock.forward(
        block, x, embedded.conditioning(), embedded.rope(), text, adapters, cutsText);
  }

  /// The final layer, and tokens back to latents.
  ///
  /// @param x `(B, L, c)` after the last block
  /// @return `(B, 16, h, w)` in the model's dtype
  public Tensor finish(Tensor x, Embedded embedded, Adapters adapters) {
    return Patches.join(
        finalLayer(x, embedded.conditioning(), adapters), embedded.rows(), embedded.columns());
  }

  // (B, L, 4 * 16)
  Tensor finalLayer(Tensor x, Conditioning conditioning, Adapters adapters) {
    Tensor modulation = conditioning.modulation(finalModulation, adapters);
    Tensor n = DitBlock.modulatedNorm(x, modulation).to(placement().dtype());
    return finalLinear.apply(n, adapters);
  }

  /// Block `index` is computed next: brings its weights to their places if it is swapped, and
  /// begins to fetch those of the next. The weights of the block before may be gone after this.
  ///
  /// @throws dev.anima.io.RunFailedException if the file can no longer be read
  public void fetchBlock(int index) {
    stream.use(index);
  }

  /// The weights of block `index`, owned by this. If it is swapped, they are there after
  /// [#fetchBlock], and share their places with those of other blocks.
  public BlockWeights blockWeights(int index) {
    return blocks.get(index);
  }

  @Override
  public void close() {
    llmAdapter.close();
    ropeTables.close();
    timestepEmbedding.close();
    stream.close();
    weights.close();
  }
}
