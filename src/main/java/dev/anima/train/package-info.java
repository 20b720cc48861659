/// The recipe carried out: objective, schedules, optimizers, the loop, checkpoints, metadata.
@NullMarked
package dev.anima.train;

import org.jspecify.annotations.NullMarked;
