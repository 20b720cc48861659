/// Looks for what would stop training or harm it: captions, tags, triggers, distribution, images,
/// dataset file. [LintRule] is the one list of rules; [Lint] runs them; nothing is changed.
@NullMarked
package dev.anima.lint;

import org.jspecify.annotations.NullMarked;
