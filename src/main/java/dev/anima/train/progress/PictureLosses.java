package dev.anima.train.progress;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/// The losses of training by picture, subset and tag.
///
/// A loss says little by itself: most of it is the noise level it was drawn at. So each is divided
/// by the moving average of its noise band, which also takes out what all pictures learn together.
/// What is left is how hard a picture is beside the others, and noise; it takes some sightings to
/// mean something.
public final class PictureLosses {
  /// Bands of equal width in sigma.
  private static final int BANDS = 10;

  /// Samples that a band's average remembers.
  private static final int MEMORY = 200;

  private final long[] counts = new long[BANDS];
  private final double[] means = new double[BANDS];
  private final Map<String, Picture> pictures = new LinkedHashMap<>();
  private final Map<String, Tally> subsets = new LinkedHashMap<>();
  private final Map<String, Tally> tags = new LinkedHashMap<>();

  /// @param subset it belongs to
  public record Picture(String subset, Tally tally) {}

  /// What is known of a sample beside its loss.
  ///
  /// @param picture name of the image
  /// @param tags of its stored caption, each once
  public record Sample(String picture, String subset, Collection<String> tags) {}

  /// Everything, for a saved state.
  ///
  /// @param counts samples of each noise band
  /// @param means average loss of each
  public record State(
      List<Long> counts,
      List<Double> means,
      Map<String, Picture> pictures,
      Map<String, Tally> subsets,
      Map<String, Tally> tags) {}

  /// @param sigma noise share, 0 to 1
  /// @param loss as training weighs it by noise level, without the sample's own weight
  public void add(Sample sample, double sigma, double loss) {
    double relative = relative(sigma, loss);
    Picture before = pictures.getOrDefault(sample.picture, new Picture(sample.subset, Tally.NONE));
    pictures.put(sample.picture, new Picture(before.subset, before.tally.with(relative)));
    count(subsets, sample.subset, relative);
    sample.tags.forEach(tag -> count(tags, tag, relative));
  }

  private static void count(Map<String, Tally> tallies, String key, double relative) {
    tallies.put(key, tallies.getOrDefault(key, Tally.NONE).with(relative));
  }

  private double relative(double sigma, double loss) {
    int band = Math.clamp((long) (sigma * BANDS), 0, BANDS - 1);
    counts[band]++;
    means[band] += (loss - means[band]) / Math.min(counts[band], MEMORY);
    return means[band] == 0 ? 1 : loss / means[band];
  }

  public Map<String, Picture> pictures() {
    return Map.copyOf(pictures);
  }

  public State state() {
    return new State(
        Arrays.stream(counts).boxed().toList(),
        Arrays.stream(means).boxed().toList(),
        new LinkedHashMap<>(pictures),
        new LinkedHashMap<>(subsets),
        new LinkedHashMap<>(tags));
  }

  /// Goes on from a saved state.
  public void restore(State state) {
    for (int band = 0; band < BANDS; band++) {
      counts[band] = state.counts.get(band);
      means[band] = state.means.get(band);
    }
    pictures.putAll(state.pictures);
    subsets.putAll(state.subsets);
    tags.putAll(state.tags);
  }

  // ---- files ----------------------------------------------------------------------------------

  /// `pictures.csv`, the hardest first.
  public String picturesCsv() {
    StringBuilder csv = new StringBuilder("picture,subset," + Line.HEADER);
    pictures.entrySet().stream()
        .sorted(
            Comparator.comparingDouble(
                (Map.Entry<String, Picture> entry) -> -entry.getValue().tally.recent()))
        .forEach(entry ->
            csv.append(quoted(entry.getKey()))
                .append(',')
                .append(quoted(entry.getValue().subset))
                .append(Line.of(entry.getValue().tally)));
    return csv.toString();
  }

  public String subsetsCsv() {
    return csv("subset", subsets);
  }

  public String tagsCsv() {
    return csv("tag", tags);
  }

  private static String csv(String name, Map<String, Tally> tallies) {
    StringBuilder csv = new StringBuilder(name + "," + Line.HEADER);
    tallies.entrySet().stream()
        .sorted(
            Comparator.comparingDouble(
                (Map.Entry<String, Tally> entry) -> -entry.getValue().recent()))
        .forEach(entry -> csv.append(quoted(entry.getKey())).append(Line.of(entry.getValue())));
    return csv.toString();
  }

  private static String quoted(String text) {
    return text.matches("[^\",\r\n]*") ? text : '"' + text.replace("\"", "\"\"") + '"';
  }

  /// The numbers of a line.
  private static final class Line {
    static final String HEADER = "sightings,mean,early,recent,change\n";

    static String of(Tally tally) {
      return String.format(
          Locale.ROOT,
          ",%d,%.4f,%.4f,%.4f,%.4f\n",
          tally.sightings(),
          tally.mean(),
          tally.early(),
          tally.recent(),
          tally.change());
    }
  }

  // ---- report ---------------------------------------------------------------------------------

  /// At most five pictures that are harder than the others and did not get easier beside them; and
  /// at most five that are easier and got so. One sentence each, none without such pictures.
  public List<String> report() {
    List<String> lines = new ArrayList<>();
    List<Map.Entry<String, Picture>> seen =
        pictures.entrySet().stream()
            .filter(entry -> entry.getValue().tally.isSeenEnough())
            .toList();
    String least =
        names(
            seen.stream()
                .filter(entry ->
                    entry.getValue().tally.recent() > 1.1 && entry.getValue().tally.change() > -0.1)
                .sorted(
                    Comparator.comparingDouble(
                        (Map.Entry<String, Picture> entry) -> -entry.getValue().tally.recent()))
                .toList());
    String most =
        names(
            seen.stream()
                .filter(entry ->
                    entry.getValue().tally.recent() < 0.9 && entry.getValue().tally.change() < -0.1)
                .sorted(
                    Comparator.comparingDouble(
                        (Map.Entry<String, Picture> entry) -> entry.getValue().tally.change()))
                .toList());
    if (!least.isEmpty()) {
      lines.add("least learnt (recent loss beside that of other pictures = 1): " + least);
    }
    if (!most.isEmpty()) {
      lines.add("most memorised (recent loss beside that of other pictures = 1): " + most);
    }
    return lines;
  }

  private static String names(List<Map.Entry<String, Picture>> entries) {
    return String.join(
        ", ",
        entries.stream()
            .limit(5)
            .map(entry ->
                String.format(
                    Locale.ROOT,
                    "%s (%.2f, seen %d times)",
                    entry.getKey(),
                    entry.getValue().tally.recent(),
                    entry.getValue().tally.sightings()))
            .toList());
  }
}
