/// `anima lint`: what would stop training or harm it, and what lint tells check and train.
@NullMarked
package dev.anima.cli.lint;

import org.jspecify.annotations.NullMarked;
