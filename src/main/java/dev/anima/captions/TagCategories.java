package dev.anima.captions;

import java.util.regex.Pattern;

/// Finds the category of a tag: by the known lists, else by a vocabulary, else by its form.
public final class TagCategories {
  private static final Pattern SCORE = Pattern.compile("score_\\d+(_up)?");
  private static final Pattern YEAR = Pattern.compile("(year )?(19|20)\\d\\d");

  private final TagKnowledge knowledge;
  private final Vocabulary vocabulary;

  public TagCategories(TagKnowledge knowledge, Vocabulary vocabulary) {
    this.knowledge = knowledge;
    this.vocabulary = vocabulary;
  }

  /// `GENERAL` where nothing else is known.
  public TagCategory of(String tag) {
    String spaced = tag.replace('_', ' ');
    if (knowledge.list("quality").contains(spaced)) {
      return TagCategory.QUALITY;
    }
    if (isScore(tag)) {
      return TagCategory.SCORE;
    }
    if (isYear(tag)) {
      return TagCategory.YEAR;
    }
    if (knowledge.list("rating").contains(spaced)) {
      return TagCategory.RATING;
    }
    if (knowledge.list("meta").contains(spaced)) {
      return TagCategory.META;
    }
    if (knowledge.list("people").contains(spaced)) {
      return TagCategory.COUNT;
    }
    if (tag.startsWith("@") && tag.length() > 1) {
      return TagCategory.ARTIST;
    }
    TagCategory listed = vocabulary.category(spaced);
    if (listed == TagCategory.GENERAL && knowledge.list("lighting").contains(spaced)) {
      return TagCategory.LIGHTING;
    }
    return listed;
  }

  public static boolean isScore(String tag) {
    return SCORE.matcher(tag).matches();
  }

  public boolean isYear(String tag) {
    return YEAR.matcher(tag).matches() || knowledge.list("years").contains(tag);
  }
}
