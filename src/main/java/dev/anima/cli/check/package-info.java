/// `anima check`: the truth about a run before it starts. Reads flags, datasets and the headers of
/// model files; loads no weights and writes nothing.
@NullMarked
package dev.anima.cli.check;

import org.jspecify.annotations.NullMarked;
