/// `anima run`: people's own script files as a queue.
@org.jspecify.annotations.NullMarked
package dev.anima.cli.run;
