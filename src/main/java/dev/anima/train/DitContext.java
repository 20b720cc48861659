package dev.anima.train;

import dev.anima.engine.Tensor;
import java.util.List;

/// What the DiT attends to besides the image.
///
/// @param rows `(B, T, width)` in the model's dtype, with a graph if something before the DiT
///   trains; 0 from each sample's length on
/// @param lengths rows of each sample that are text
record DitContext(Tensor rows, List<Long> lengths) {
  DitContext {
    lengths = List.copyOf(lengths);
  }
}
