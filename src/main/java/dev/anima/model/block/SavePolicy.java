package dev.anima.model.block;

import static dev.anima.model.block.Activation.AFTER_CROSS;
import static dev.anima.model.block.Activation.AFTER_SELF;
import static dev.anima.model.block.Activation.CROSS_ATTENDED;
import static dev.anima.model.block.Activation.CROSS_LOGSUMEXP;
import static dev.anima.model.block.Activation.CROSS_QUERY;
import static dev.anima.model.block.Activation.INPUT;
import static dev.anima.model.block.Activation.MLP_HIDDEN;
import static dev.anima.model.block.Activation.MODULATION;
import static dev.anima.model.block.Activation.SELF_ATTENDED;
import static dev.anima.model.block.Activation.SELF_KEY;
import static dev.anima.model.block.Activation.SELF_LOGSUMEXP;
import static dev.anima.model.block.Activation.SELF_QUERY;
import static dev.anima.model.block.Activation.SELF_VALUE;

import java.util.EnumSet;
import java.util.Set;

/// What a block keeps from forward to backward; the rest is computed again. The numbers are the
/// same under every policy. One unit is `B * L * D` elements.
@SuppressWarnings("ImmutableEnumChecker") // Set.copyOf is immutable
public enum SavePolicy {
  /// All of it (22 to 24 units): nothing is recomputed.
  EVERYTHING(EnumSet.allOf(Activation.class), true),

  /// Every result of a large product (13 units): only norms, rotation, GELU and the text's keys and
  /// values are recomputed.
  UNITS_13(
      EnumSet.of(
          MODULATION,
          INPUT,
          SELF_QUERY,
          SELF_KEY,
          SELF_VALUE,
          SELF_ATTENDED,
          SELF_LOGSUMEXP,
          AFTER_SELF,
          CROSS_QUERY,
          CROSS_ATTENDED,
          CROSS_LOGSUMEXP,
          AFTER_CROSS,
          MLP_HIDDEN),
      true),

  /// Input and attention outputs (3 units): attention is not recomputed, the projections are.
  ATTENTION_ONLY(
      EnumSet.of(MODULATION, INPUT, SELF_ATTENDED, SELF_LOGSUMEXP, CROSS_ATTENDED, CROSS_LOGSUMEXP),
      true),

  /// The input (1 unit): the forward runs again, except for the last product.
  INPUT_ONLY(EnumSet.of(MODULATION, INPUT), false),

  /// The input, in the computer's memory instead of the card's.
  INPUT_ON_HOST(EnumSet.of(MODULATION, INPUT), false);

  private final Set<Activation> kept;
  private final boolean keepsRankUnits;

  SavePolicy(EnumSet<Activation> kept, boolean keepsRankUnits) {
    this.kept = Set.copyOf(kept);
    this.keepsRankUnits = keepsRankUnits;
  }

  public boolean keeps(Activation activation) {
    return kept.contains(activation);
  }

  /// Whether the adapters' small inner products are kept. Dropout masks always are.
  public boolean keepsRankUnits() {
    return keepsRankUnits;
  }
}
