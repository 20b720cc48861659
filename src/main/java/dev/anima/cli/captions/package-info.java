/// `anima captions`: statistics, bulk edits, history, and what training will make of captions.
@NullMarked
package dev.anima.cli.captions;

import org.jspecify.annotations.NullMarked;
