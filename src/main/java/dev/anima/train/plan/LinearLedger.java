package dev.anima.train.plan;

import dev.anima.model.block.BlockLinear;
import dev.anima.model.dit.DitConfig;
import dev.anima.train.plan.Ledger.Held;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// Follows [dev.anima.model.block.AdaptedLinear] and [dev.anima.model.block.LowRankAdapter] for the
/// layers of one block.
final class LinearLedger {
  private final Ledger ledger;
  private final Arithmetic arithmetic;
  private final DitConfig config;
  private final LoraShape loras;
  private final Map<BlockLinear, Integer> ranks;
  private final long batch;

  LinearLedger(
      Ledger ledger,
      Arithmetic arithmetic,
      DitConfig config,
      LoraShape loras,
      Map<BlockLinear, Integer> ranks,
      long batch) {
    this.ledger = ledger;
    this.arithmetic = arithmetic;
    this.config = config;
    this.loras = loras;
    this.ranks = ranks;
    this.batch = batch;
  }

  boolean isAdapted(BlockLinear linear) {
    return ranks.containsKey(linear);
  }

  /// Outputs of layers with one input of `tokens` rows.
  ///
  /// @param drawn rows that dropouts draw for
  List<Held> forward(SavedLedger saved, long tokens, long drawn, BlockLinear... linears) {
    List<Held> outputs = new ArrayList<>();
    for (BlockLinear linear : linears) {
      outputs.add(ledger.take("output of a product", rows(tokens) * out(linear)));
      arithmetic.product(ledger, batch * tokens * out(linear));
    }
    for (BlockLinear linear : linears) {
      if (isAdapted(linear)) {
        if (!saved.drew(linear)) {
          draw(saved, linear, tokens, drawn);
        }
        unit(saved, linear, tokens);
        ledger.brief("cast of a LoRA matrix", cast(rank(linear) * out(linear)));
      }
    }
    return outputs;
  }

  Held forward(SavedLedger saved, long tokens, BlockLinear linear) {
    return forward(saved, tokens, tokens, linear).getFirst();
  }

  private void draw(SavedLedger saved, BlockLinear linear, long tokens, long drawn) {
    long rank = rank(linear);
    Held mask =
        ledger.keep(() -> {
          if (loras.masksElements()) {
            ledger.take("draws", batch * drawn * rank * arithmetic.bytes());
            Held elements = ledger.take("dropout masks", batch * tokens * rank);
            return loras.masksRanks()
                ? ledger.take("dropout masks", batch * tokens * rank)
                : elements;
          }
          return ledger.take("dropout masks", loras.masksRanks() ? batch * rank : 0);
        });
    saved.mask(linear, mask);
  }

  /// `u = m ∘ x Aᵀ`, unless it is there.
  private void unit(SavedLedger saved, BlockLinear linear, long tokens) {
    if (!saved.hasProduct(linear)) {
      saved.product(
          linear,
          ledger.keep(() -> {
            ledger.take("cast of a LoRA matrix", cast(rank(linear) * in(linear)));
            return ledger.take("rank activations", rows(tokens) * rank(linear));
          }));
    }
  }

  /// Through layers with one input.
  ///
  /// @param input called when an adapter asks for the input
  /// @return the gradient of the input, null if it is not wanted
  @Nullable Held backward(
      SavedLedger saved, long tokens, Runnable input, boolean wantInput, BlockLinear... linears) {
    Held dx = null;
    if (wantInput) {
      dx = ledger.take("gradient of an input", rows(tokens) * in(linears[0]));
      arithmetic.product(ledger, batch * tokens * in(linears[0]));
    }
    for (BlockLinear linear : linears) {
      if (isAdapted(linear)) {
        input.run();
        unit(saved, linear, tokens);
        adapterBackward(linear, tokens, wantInput);
      }
    }
    return dx;
  }

  private void adapterBackward(BlockLinear linear, long tokens, boolean wantInput) {
    long rank = rank(linear);
    ledger.scoped(() -> {
      accumulate(rank * out(linear));
      ledger.take("cast of a LoRA matrix", cast(rank * out(linear)));
      ledger.take("rank gradients", rows(tokens) * rank);
      accumulate(rank * in(linear));
      if (wantInput) {
        ledger.take("cast of a LoRA matrix", cast(rank * in(linear)));
      }
    });
  }

  /// The gradient of a LoRA matrix in the dtype of the activations, added to the wider sum.
  private void accumulate(long elements) {
    if (loras.dtype() != arithmetic.compute()) {
      ledger.take("gradient of a LoRA matrix", elements * arithmetic.bytes());
      if (arithmetic.copiesToWiden()) {
        ledger.brief("wide gradient of a LoRA matrix", elements * loras.dtype().bytes());
      }
    }
  }

  private long cast(long elements) {
    return loras.dtype() == arithmetic.compute() ? 0 : elements * arithmetic.bytes();
  }

  /// Bytes of one channel.
  private long rows(long tokens) {
    return batch * tokens * arithmetic.bytes();
  }

  private long rank(BlockLinear linear) {
    Integer rank = ranks.get(linear);
    return rank == null ? 0 : rank;
  }

  private long in(BlockLinear linear) {
    return switch (linear) {
      case CROSS_KEY, CROSS_VALUE -> config.context();
      case MLP_DOWN -> config.hidden();
      case SELF_MODULATION_UP, CROSS_MODULATION_UP, MLP_MODULATION_UP -> config.bottleneck();
      default -> config.channels();
    };
  }

  private long out(BlockLinear linear) {
    return switch (linear) {
      case MLP_UP -> config.hidden();
      case SELF_MODULATION_DOWN, CROSS_MODULATION_DOWN, MLP_MODULATION_DOWN -> config.bottleneck();
      case SELF_MODULATION_UP, CROSS_MODULATION_UP, MLP_MODULATION_UP -> 3L * config.channels();
      default -> config.channels();
    };
  }
}
