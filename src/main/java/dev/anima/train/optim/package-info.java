/// Optimizers over one flat buffer of trainable values, gradient clipping and loss scaling.
///
/// Everything works on contiguous ranges: one update covers all tensors of a group at once. Nothing
/// here waits for the device unless its documentation says so.
@NullMarked
package dev.anima.train.optim;

import org.jspecify.annotations.NullMarked;
