/// LoRA: which modules get one, the adapters, their file formats and published key names.
@NullMarked
package dev.anima.lora;

import org.jspecify.annotations.NullMarked;
