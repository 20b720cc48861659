/// The DiT block by hand: forward, saved set and backward written out, from plain tensor
/// operations, without autograd. The base weights are frozen; only adapters beside the linear
/// layers learn.
///
/// Start at [ExplicitBlock] (the formulas), then [BlockStack] (all blocks of a step).
@NullMarked
package dev.anima.model.block;

import org.jspecify.annotations.NullMarked;
