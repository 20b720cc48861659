package dev.anima.tag;

import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;

/// From the probabilities of a picture to its tags.
///
/// Source: sd-scripts' `tag_images_by_wd14_tagger.py` and TagGUI's `wd_tagger.py`.
public final class TagChoice {
  private final TagList list;
  private final List<String> names;
  private final TagRules rules;

  /// Whether the model tells ratings and qualities the way of `tag_mapping.json`.
  private final boolean mapping;

  private final TagOrder order;

  TagChoice(TagList list, TagRules rules) {
    this.list = list;
    this.rules = rules;
    this.names = TagNames.of(list, rules);
    this.mapping = String.valueOf(list.file().getFileName()).endsWith(".json");
    this.order =
        rules.order() != TagOrder.USUAL
            ? rules.order()
            : mapping ? TagOrder.PROBABILITY : TagOrder.FILE;
  }

  /// The choice that `settings` ask for, from the answers of `model`.
  public static TagChoice of(TaggerModel model, TagSettings settings) {
    return new TagChoice(model.tags(), settings.rules());
  }

  /// A label that passed.
  private record Pick(int label, String name, float probability) {}

  /// What a picture shows.
  ///
  /// @param probabilities for each label of the list
  public PictureTags of(Probabilities probabilities) {
    List<Pick> general = passing(probabilities, TagCategory.GENERAL);
    List<Pick> characters = passing(probabilities, TagCategory.CHARACTER);
    List<Pick> others = new ArrayList<>();
    for (TagCategory category :
        List.of(TagCategory.COPYRIGHT, TagCategory.META, TagCategory.MODEL, TagCategory.ARTIST)) {
      others.addAll(passing(probabilities, category));
    }
    others.sort(Comparator.comparingInt(Pick::label));
    Optional<String> rating = likeliest(probabilities, TagCategory.RATING, rules.rating());
    Optional<String> quality = likeliest(probabilities, TagCategory.QUALITY, rules.quality());

    List<String> caption = new ArrayList<>();
    ordered(general, characters, others).forEach(pick -> caption.add(pick.name()));
    quality.ifPresent(name -> place(caption, name, rules.quality()));
    rating.ifPresent(name -> place(caption, name, rules.rating()));
    moveToFront(caption);
    return new PictureTags(
        withPrefix(caption), names(general), names(characters), names(others), rating, quality);
  }

  private List<Pick> passing(Probabilities probabilities, TagCategory category) {
    float threshold = rules.thresholds().of(category);
    List<Pick> picks = new ArrayList<>();
    for (int i = 0; i < list.size(); i++) {
      float p = probabilities.of(i);
      boolean passes = rules.inclusive() ? p >= threshold : p > threshold;
      if (passes && list.labels().get(i).category() == category && isWanted(names.get(i))) {
        picks.add(new Pick(i, names.get(i), p));
      }
    }
    return picks;
  }

  private boolean isWanted(String name) {
    return !name.isEmpty() && !rules.undesired().contains(name);
  }

  private List<Pick> ordered(List<Pick> general, List<Pick> characters, List<Pick> others) {
    List<Pick> all = new ArrayList<>(general);
    all.addAll(characters);
    all.addAll(others);
    if (mapping && order == TagOrder.PROBABILITY) {
      all.sort(Comparator.comparingInt(Pick::label)); // equals keep the order of the outputs
    }
    List<Pick> kept = new ArrayList<>(likeliest(all));
    if (!rules.charactersFirst()) {
      return kept;
    }
    List<Pick> front = new ArrayList<>(kept);
    front.retainAll(characters);
    if (rules.faults() && order == TagOrder.FILE) {
      Collections.reverse(front); // each was inserted at the very front
    }
    kept.removeAll(front);
    front.addAll(kept);
    return front;
  }

  /// At most [TagRules#maxTags], in the order asked for.
  private List<Pick> likeliest(List<Pick> picks) {
    List<Pick> byProbability = new ArrayList<>(picks);
    byProbability.sort(Comparator.comparingDouble((Pick pick) -> pick.probability()).reversed());
    int limit = rules.maxTags() > 0 ? Math.min(rules.maxTags(), picks.size()) : picks.size();
    List<Pick> kept = byProbability.subList(0, limit);
    return switch (order) {
      case PROBABILITY -> kept;
      case FILE, USUAL -> picks.stream().filter(kept::contains).toList();
      case ALPHABETICAL -> kept.stream().sorted(Comparator.comparing(Pick::name)).toList();
    };
  }

  /// The likeliest rating or quality; of equals the first. Of a model with a list in CSV an
  /// undesired one is left out; the other kind gives the next likely one that passes any threshold.
  private Optional<String> likeliest(
      Probabilities probabilities, TagCategory category, TagRules.Place place) {
    int best = -1;
    for (int i = 0; place != TagRules.Place.NOWHERE && i < list.size(); i++) {
      boolean possible =
          list.labels().get(i).category() == category
              && (!mapping
                  || (isWanted(names.get(i))
                      && probabilities.of(i) >= rules.thresholds().lowest()));
      if (possible && (best < 0 || probabilities.of(i) > probabilities.of(best))) {
        best = i;
      }
    }
    return best >= 0 && isWanted(names.get(best)) ? Optional.of(names.get(best)) : Optional.empty();
  }

  private static void place(List<String> caption, String name, TagRules.Place place) {
    caption.add(place == TagRules.Place.FIRST ? 0 : caption.size(), name);
  }

  private void moveToFront(List<String> caption) {
    List<String> front =
        rules.faults()
            ? rules.alwaysFirst()
            : rules.alwaysFirst().reversed(); // last moved is first
    for (String name : front) {
      if (caption.remove(name)) {
        caption.addFirst(name);
      }
    }
  }

  private List<String> withPrefix(List<String> caption) {
    if (rules.prefix().isEmpty()) {
      return caption;
    }
    List<String> all = new ArrayList<>(rules.prefix());
    caption.stream().filter(name -> !rules.prefix().contains(name)).forEach(all::add);
    return all;
  }

  private static List<String> names(List<Pick> picks) {
    return picks.stream().map(Pick::name).toList();
  }
}
