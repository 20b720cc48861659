package dev.anima.captions;

/// Tells text in plain words from tags.
public final class Sentences {
  private static final int MOST_WORDS_OF_A_TAG = 8;

  private Sentences() {}

  /// A piece that ends like a sentence or has more than eight words. A face such as `:!` is none.
  public static boolean is(String tag) {
    if (Kaomoji.is(tag)) {
      return false;
    }
    char last = tag.charAt(tag.length() - 1);
    boolean ends = last == '.' || last == '!' || last == '?';
    return (ends && tag.contains(" ")) || tag.split("\\s+").length > MOST_WORDS_OF_A_TAG;
  }
}
