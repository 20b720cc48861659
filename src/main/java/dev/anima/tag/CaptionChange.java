package dev.anima.tag;

import java.nio.file.Path;
import java.util.Optional;

/// What is to become of a caption file.
///
/// @param before its text now; empty if there is none
/// @param after its text then, another one
public record CaptionChange(Path file, Optional<String> before, String after) {}
