package dev.anima.io;

import java.nio.file.Path;

/// Some bytes of a file.
///
/// @param position of the first one
/// @param bytes how many
public record FileSpan(Path file, long position, long bytes) {}
