/// What a run has learnt: paired measures against the base model, the verdict on them, and the
/// losses of single pictures. Numbers and files only; nothing here knows of tensors or models.
@NullMarked
package dev.anima.train.progress;

import org.jspecify.annotations.NullMarked;
