/// The Anima diffusion transformer, a readable forward beside the formulas. Its pieces (embed,
/// block, finish) are public so that a block executor with an explicit backward can stand in for
/// the loop.
@NullMarked
package dev.anima.model.dit;

import org.jspecify.annotations.NullMarked;
