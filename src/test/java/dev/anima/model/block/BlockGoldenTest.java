package dev.anima.model.block;

import dev.anima.Golden;
import dev.anima.engine.AttentionKernel;
import dev.anima.engine.ChunkedAttention;
import dev.anima.engine.Dtype;
import dev.anima.engine.FusedAttention;
import dev.anima.engine.NoGrad;
import dev.anima.engine.Scope;
import dev.anima.engine.Tensor;
import dev.anima.io.SafetensorsFile;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;

/// The reference's blocks, from the recorded stream before them to the stream after each.
class BlockGoldenTest {
  private static final int TEXT_ROWS = 21; // of 48; the rest is padding

  @ParameterizedTest(name = "trimmed {0}")
  @ValueSource(booleans = {false, true})
  void streamAfterEachBlockMatchesTheReference(boolean trimmed) {
    for (AttentionKernel kernel : List.of(FusedAttention.CPU_FLASH, ChunkedAttention.standard())) {
      try (Scope _ = new Scope();
          NoGrad _ = new NoGrad();
          SafetensorsFile model = Golden.tensors("tiny/dit.safetensors");
          SafetensorsFile recorded = Golden.tensors("models/dit.safetensors");
          SafetensorsFile adapter = Golden.tensors("models/adapter.safetensors")) {
        Tensor context = Golden.tensor(adapter, "adapter/tags/out/context");
        TextContext text =
            trimmed
                ? TextContext.trim(context, List.of((long) TEXT_ROWS))
                : TextContext.untrimmed(context);
        BlockInputs inputs = new BlockInputs(Rotary.of(out(recorded, "rope"), Dtype.F32), text);
        List<BlockWeights> weights = new ArrayList<>();
        for (int i = 0; i < 3; i++) {
          String prefix = "net.blocks." + i + ".";
          weights.add(BlockWeights.of(name -> Golden.tensor(model, prefix + name)));
        }
        List<ExplicitBlock> blocks =
            weights.stream()
                .map(block -> new ExplicitBlock(block, BlockAdapters.NONE, kernel, true))
                .toList();
        for (int depth = 1; depth <= 3; depth++) {
          try (BatchedModulation batched =
                  new BatchedModulation(weights.subList(0, depth), Dtype.F32);
              BlockStack stack =
                  new BlockStack(
                      blocks::get,
                      weights.subList(0, depth).stream().map(_ -> SavePolicy.INPUT_ONLY).toList(),
                      inputs,
                      new BlockStack.Timing(
                          out(recorded, "t_embedding_norm"),
                          out(recorded, "t_embedder_1"),
                          batched))) {
            Tensor stream = stack.forward(rows(out(recorded, "x_embedder")));
            String name = "block_" + (depth - 1);
            Golden.assertClose(
                name + " through " + kernel.description(),
                stream,
                rows(out(recorded, name)),
                tolerance(name));
          }
        }
        blocks.forEach(ExplicitBlock::close);
      }
    }
  }

  /// `(B, 1, h, w, D)` as `(B, L, D)`.
  private static Tensor rows(Tensor grid) {
    return grid.flatten(1, 3);
  }

  private static Tensor out(SafetensorsFile recorded, String name) {
    return Golden.tensor(recorded, "dit/square16/out/" + name);
  }

  private static double tolerance(String output) {
    for (JsonNode golden : Golden.json("models/index.json").get("cases")) {
      if (golden.get("name").asString().equals("dit/square16")) {
        return golden.get("outputs").get(output).get("atol").doubleValue();
      }
    }
    throw new AssertionError("no such case");
  }
}
