/// `anima bench`: how fast training steps are on this machine.
@NullMarked
package dev.anima.cli.bench;

import org.jspecify.annotations.NullMarked;
