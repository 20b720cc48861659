/// Caption files and what is done to many of them at once: read without changing a byte, edit with
/// pure functions, show what would change, write whole files, and take everything back.
///
/// Start reading at [CaptionSet] (what is on disk), [Operation] (one edit), [Plan] (what it would
/// change) and [Editor] (the only place that writes). The same operations serve the command line
/// and the web page.
@NullMarked
package dev.anima.captions;

import org.jspecify.annotations.NullMarked;
