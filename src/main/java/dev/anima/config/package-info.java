/// The recipe: flags, TOML and JSON become validated immutable records at the edge. Everything
/// downstream reads these records; nothing here sees a tensor or opens an image.
@NullMarked
package dev.anima.config;

import org.jspecify.annotations.NullMarked;
