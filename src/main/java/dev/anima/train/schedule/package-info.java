/// Learning rate over steps: pure functions of the step, so that resuming is asking for a later
/// step. Knows no tensors.
@NullMarked
package dev.anima.train.schedule;

import org.jspecify.annotations.NullMarked;
