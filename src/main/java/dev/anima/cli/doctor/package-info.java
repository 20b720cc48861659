/// `anima doctor`: looks at the machine, says what is there and what to do about what is missing.
@NullMarked
package dev.anima.cli.doctor;

import org.jspecify.annotations.NullMarked;
