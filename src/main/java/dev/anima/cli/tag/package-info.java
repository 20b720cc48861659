/// `anima tag`: captions from pictures.
@NullMarked
package dev.anima.cli.tag;

import org.jspecify.annotations.NullMarked;
