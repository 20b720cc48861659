/// What one training sample asks of the model: its noise and time, and the loss of what the model
/// made of it.
@NullMarked
package dev.anima.train.objective;

import org.jspecify.annotations.NullMarked;
