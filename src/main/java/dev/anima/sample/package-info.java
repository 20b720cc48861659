/// Pictures from the model: the Euler sampler, prompt files, contact sheets.
@NullMarked
package dev.anima.sample;

import org.jspecify.annotations.NullMarked;
