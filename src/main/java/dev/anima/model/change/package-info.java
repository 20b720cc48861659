/// Trainable changes of a frozen weight: what LoRA, LoHa and LoKr put in place of a full matrix,
/// with hand-written gradients.
@NullMarked
package dev.anima.model.change;

import org.jspecify.annotations.NullMarked;
