/// Commands and flags: parses, calls, prints. The only room that writes to the terminal.
@NullMarked
package dev.anima.cli;

import org.jspecify.annotations.NullMarked;
