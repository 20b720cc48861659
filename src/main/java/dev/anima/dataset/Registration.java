package dev.anima.dataset;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// Which images a dataset uses and how often, in the order that fills the buckets.
///
/// @param entries one per image key
/// @param numTrainImages repeats times images of the normal subsets
/// @param numRegImages repeats times images of the regularisation subsets, before balancing
/// @param unused regularisation images that are not needed to match the normal ones
record Registration(List<Entry> entries, int numTrainImages, int numRegImages, int unused) {
  record Entry(FoundImage image, Subset subset, int repeats) {
    Entry onceMore() {
      return new Entry(image, subset, repeats + 1);
    }
  }

  static Registration of(List<Subset> subsets) {
    Map<String, Entry> entries = new LinkedHashMap<>(); // a key seen again keeps its first place
    List<Entry> regularisation = new ArrayList<>();
    int train = 0;
    int reg = 0;
    for (Subset subset : subsets) {
      int count = subset.repeats() * subset.images().size();
      if (subset.spec().isReg()) {
        reg += count;
      } else {
        train += count;
      }
      for (FoundImage image : subset.images()) {
        Entry entry = new Entry(image, subset, subset.repeats());
        if (subset.spec().isReg()) {
          regularisation.add(entry);
        } else {
          entries.put(image.key(), entry);
        }
      }
    }
    int unused = balance(entries, regularisation, train);
    return new Registration(List.copyOf(entries.values()), train, reg, unused);
  }

  /// Adds regularisation images in turn until there are as many entries as normal ones: the first
  /// time with their own repeats, then one by one. Returns how many images were not needed.
  private static int balance(Map<String, Entry> entries, List<Entry> regularisation, int train) {
    if (regularisation.isEmpty()) {
      return 0;
    }
    int count = 0;
    int i = 0;
    for (; count < train; i++) {
      Entry entry = regularisation.get(i % regularisation.size());
      if (i < regularisation.size()) {
        entries.put(entry.image().key(), entry);
        count += entry.repeats();
      } else {
        entries.computeIfPresent(entry.image().key(), (_, present) -> present.onceMore());
        count++;
      }
    }
    return Math.max(0, regularisation.size() - i);
  }
}
