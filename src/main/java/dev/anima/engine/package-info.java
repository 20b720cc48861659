/// The one room that owns native memory: tensors, scopes, dtypes, devices, random streams. A thin
/// wrapper that exports the operations the models use, under torch's own names.
@NullMarked
package dev.anima.engine;

import org.jspecify.annotations.NullMarked;
