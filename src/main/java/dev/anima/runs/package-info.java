/// Runs as things that stay: what each was told, what it said, and where it can be taken up again;
/// and people's own script files as a queue of runs, carried out in one process. Knows nothing of
/// terminals.
@NullMarked
package dev.anima.runs;

import org.jspecify.annotations.NullMarked;
