package dev.anima.model.block;

/// The tensors between a block's input and output that backward may want. `D` width, `N` heads of
/// size `d`, `L` image tokens, `K` text rows.
public enum Activation {
  /// `(3, B, 3D)`: shift, scale and gate of the three branches. Tiny, always kept.
  MODULATION,
  /// `x (B, L, D)`
  INPUT,

  /// `n (B, L, D)`, input of the self-attention, with its statistics `(B, L, 1)`
  SELF_NORMED,
  SELF_MEAN,
  SELF_RSTD,
  /// `(B, L, D)` projections, before the norm over heads
  SELF_QUERY,
  SELF_KEY,
  SELF_VALUE,
  /// `(B, L, N, d)` after norm and rotation
  SELF_ROTATED_QUERY,
  SELF_ROTATED_KEY,
  /// `(B, N, L, d)`
  SELF_ATTENDED,
  SELF_LOGSUMEXP,
  /// `x' (B, L, D)`
  AFTER_SELF,

  CROSS_NORMED,
  CROSS_MEAN,
  CROSS_RSTD,
  /// `(B, L, D)`
  CROSS_QUERY,
  /// `(B, L, N, d)`
  CROSS_NORMED_QUERY,
  /// `(B, K, D)`, of the text
  CROSS_KEY,
  CROSS_VALUE,
  /// `(B, K, N, d)`
  CROSS_NORMED_KEY,
  /// `(B, N, L, d)`
  CROSS_ATTENDED,
  CROSS_LOGSUMEXP,
  /// `x'' (B, L, D)`
  AFTER_CROSS,

  MLP_NORMED,
  MLP_MEAN,
  MLP_RSTD,
  /// `h (B, L, 4D)`, before GELU
  MLP_HIDDEN,
  /// `GELU(h)`
  MLP_ACTIVATED
}
