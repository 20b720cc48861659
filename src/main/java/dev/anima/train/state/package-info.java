/// What a run has to keep to go on later as if it had never stopped: the folder's format, its names
/// and the check that it belongs to the present run.
@NullMarked
package dev.anima.train.state;

import org.jspecify.annotations.NullMarked;
