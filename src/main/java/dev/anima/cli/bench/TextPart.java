package dev.anima.cli.bench;

import dev.anima.engine.Dtype;
import dev.anima.engine.Libtorch;
import dev.anima.engine.NoGrad;
import dev.anima.engine.Ops;
import dev.anima.engine.Scope;
import dev.anima.engine.Tensor;
import dev.anima.model.Adapters;
import dev.anima.model.Placement;
import dev.anima.model.RandomTensors;
import dev.anima.model.TensorLayout;
import dev.anima.model.WeightEdit;
import dev.anima.model.Weights;
import dev.anima.model.text.LlmAdapter;
import dev.anima.model.text.Qwen3;
import dev.anima.model.text.Qwen3Config;
import java.util.List;
import java.util.Locale;
import java.util.SplittableRandom;
import java.util.function.IntConsumer;

/// Captions a second through Qwen3 and the LLM adapter, from token ids on.
final class TextPart {
  /// What captions are padded to.
  private static final int PADDED = 512;

  private final Qwen3 qwen3;
  private final LlmAdapter adapter;
  private final Tensor ids;
  private final int captions;
  private final int tokens;

  /// @param ids `(captions, 512)`
  private TextPart(Qwen3 qwen3, LlmAdapter adapter, Tensor ids, int tokens) {
    this.qwen3 = qwen3;
    this.adapter = adapter;
    this.ids = ids;
    this.captions = Math.toIntExact(ids.size(0));
    this.tokens = tokens;
  }

  /// @param layers of Qwen3; the real one has 28
  /// @param tokens of each caption, for both models
  static SpeedReport measure(
      int captions,
      int tokens,
      int layers,
      Placement placement,
      int warmUp,
      int rounds,
      IntConsumer progress) {
    double loadBefore = PartReport.load();
    TensorLayout layout = new TensorLayout();
    FullSize.ADAPTER.addTo(layout);
    Qwen3Config config = FullSize.qwen3(layers);
    try (Qwen3 qwen3 = Qwen3.random(config, placement, 1);
        Weights weights =
            new Weights(new RandomTensors(layout, placement, 2), placement, WeightEdit.NONE);
        LlmAdapter adapter = new LlmAdapter(FullSize.ADAPTER, weights);
        Scope _ = new Scope();
        NoGrad _ = new NoGrad()) {
      long[] words =
          new SplittableRandom(3).longs((long) captions * PADDED, 0, config.vocabulary()).toArray();
      TextPart part =
          new TextPart(
              qwen3, adapter, Ops.of(words, captions, PADDED).to(placement.device()), tokens);
      String training = ", what training does";
      boolean cpu = placement.device().isCpu();
      List<SpeedReport.Way> ways =
          List.of(
              part.way("one at a time" + (cpu ? training : ""), 1, tokens),
              part.way("all at once" + (cpu ? "" : training), captions, tokens),
              part.way("one at a time, padded to 512", 1, PADDED));
      return new SpeedReport(
          String.format(
              Locale.ROOT,
              "Qwen3 of %d layers and the LLM adapter, %d captions of %d tokens, %s on %s",
              layers,
              captions,
              tokens,
              placement.dtype().name().toLowerCase(Locale.ROOT),
              placement.device()),
          "captions",
          Libtorch.threads(),
          loadBefore,
          PartReport.load(),
          SpeedReport.measure(ways, warmUp, rounds, progress));
    }
  }

  /// @param together captions in one call
  /// @param computed rows that take part in the computation
  private SpeedReport.Way way(String name, int together, int computed) {
    return new SpeedReport.Way(
        name,
        captions,
        () -> {
          for (int first = 0; first < captions; first += together) {
            try (Scope _ = new Scope()) {
              contexts(ids.narrow(0, first, Math.min(together, captions - first)), computed);
            }
          }
        });
  }

  private void contexts(Tensor batch, int computed) {
    Tensor ones = Ops.full(1, Dtype.I64, batch.device(), batch.size(0), tokens);
    Tensor mask = Ops.pad(ones, 0, PADDED - tokens);
    Tensor states = qwen3.encode(batch, mask, computed, Adapters.NONE);
    Tensor rows = adapter.context(states, mask, batch, mask, computed, computed, Adapters.NONE);
    var _ = rows.select(1, 0).to(Dtype.F32).sum().item(); // waits for the device
  }
}
