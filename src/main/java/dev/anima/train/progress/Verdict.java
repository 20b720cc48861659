package dev.anima.train.progress;

import java.util.Locale;

/// What measures of progress say about a run.
public enum Verdict {
  /// It still gets better, or it is too early to say.
  LEARNING,
  /// It is better than the base model and does not get better any more.
  LEARNT,
  /// Held-out images get worse while those trained on get better. Never said without held-out
  /// images: from the training images alone it cannot be known.
  MEMORISING;

  /// As the console and the files write it.
  public String word() {
    return name().toLowerCase(Locale.ROOT);
  }
}
