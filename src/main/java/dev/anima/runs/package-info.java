/// Runs as things that stay: what each was told, what it said, and where it can be taken up again.
@NullMarked
package dev.anima.runs;

import org.jspecify.annotations.NullMarked;
