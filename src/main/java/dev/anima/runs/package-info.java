/// People's own script files as a queue of training runs, carried out in one process. Knows nothing
/// of terminals; what happens is told through its results.
@org.jspecify.annotations.NullMarked
package dev.anima.runs;
