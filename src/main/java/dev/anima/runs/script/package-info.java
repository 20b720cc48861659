/// Reads `.bat`, `.sh` and `.ps1` files as far as people use them to start trainings: which
/// commands would run, with which words, in which folder. Nothing is executed.
///
/// What cannot be known without executing is never guessed: it becomes an [Unknown] inside a word,
/// and an error as soon as a training depends on it.
@org.jspecify.annotations.NullMarked
package dev.anima.runs.script;
