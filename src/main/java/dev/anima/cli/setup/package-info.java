/// `anima setup --cuda`: fetches the CUDA libraries of the GPU build from where the user says.
@NullMarked
package dev.anima.cli.setup;

import org.jspecify.annotations.NullMarked;
