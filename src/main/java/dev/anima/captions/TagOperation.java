package dev.anima.captions;

import java.util.List;

/// An operation that is a function of tags.
record TagOperation(String name, String description, TagEdit edit, boolean createsCaptions)
    implements Operation {
  @Override
  public String apply(Caption caption) {
    List<String> tags = edit.apply(caption.tags(), caption);
    return tags.equals(caption.tags()) ? caption.line() : caption.separators().join(tags);
  }
}
