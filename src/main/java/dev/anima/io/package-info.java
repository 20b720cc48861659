/// File formats: bytes in, bytes out. safetensors, npz, TensorBoard events, images, atomic files.
/// Knows nothing of models, training or libtorch.
@NullMarked
package dev.anima.io;

import org.jspecify.annotations.NullMarked;
