/// The Qwen-Image VAE as a 2-D network: pixels to normalised latents and back.
@NullMarked
package dev.anima.model.vae;

import org.jspecify.annotations.NullMarked;
