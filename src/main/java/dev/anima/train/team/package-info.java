/// Several processes that train one LoRA: who they are, what they tell each other, and what is left
/// to do when one is gone.
@NullMarked
package dev.anima.train.team;

import org.jspecify.annotations.NullMarked;
