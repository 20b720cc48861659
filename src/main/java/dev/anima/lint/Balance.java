package dev.anima.lint;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// Repeats that give every folder about the same weight in training.
///
/// With `n` images the target is `m` times the largest `n`; a folder repeats as often as comes
/// nearest to it in ratio.
///
/// @param rows one per folder, in the given order
/// @param m times the largest folder
public record Balance(List<Row> rows, int m) {
  /// Above it folders are unbalanced.
  public static final double MOST_SPREAD = 1.25;

  private static final double FINE_SPREAD = 1.10;
  private static final int MOST_M = 8;

  /// More repeats train few images too often.
  public static final int MANY_REPEATS = 10;

  /// A folder.
  ///
  /// @param repeats as they are now
  /// @param weight how much it counts, 1 for all alike
  public record Folder(String name, int images, int repeats, double weight) {}

  /// @param repeats as proposed
  public record Row(Folder folder, int repeats) {
    /// Images of the folder in an epoch.
    public long effective() {
      return (long) folder.images() * repeats;
    }
  }

  public Balance {
    rows = List.copyOf(rows);
  }

  /// @param folders with at least one image each
  public static Balance of(List<Folder> folders, int m) {
    int largest = folders.stream().mapToInt(Folder::images).max().orElse(0);
    List<Row> rows = new ArrayList<>();
    for (Folder folder : folders) {
      rows.add(new Row(folder, repeats((double) m * largest * folder.weight() / folder.images())));
    }
    return new Balance(rows, m);
  }

  /// The whole number that is nearest in ratio, at least 1.
  static int repeats(double wanted) {
    int floor = (int) Math.max(1, Math.floor(wanted));
    return wanted > Math.sqrt((double) floor * (floor + 1)) ? floor + 1 : floor;
  }

  /// With the largest folder once, or, where that leaves too much spread, what is finer: the
  /// smallest `m` up to 8 with a spread of at most 1.1.
  public static Optional<Balance> finer(List<Folder> folders) {
    if (of(folders, 1).spread() <= MOST_SPREAD) {
      return Optional.empty();
    }
    for (int m = 2; m <= MOST_M; m++) {
      Balance balance = of(folders, m);
      if (balance.spread() <= FINE_SPREAD) {
        return Optional.of(balance);
      }
    }
    return Optional.empty();
  }

  /// The largest folder's share of the smallest's, weights taken out.
  public double spread() {
    return spread(
        rows.stream().mapToDouble(row -> row.effective() / row.folder().weight()).toArray());
  }

  /// The same with the repeats as they are now.
  public static double presentSpread(List<Folder> folders) {
    return spread(
        folders.stream()
            .mapToDouble(folder -> (double) folder.images() * folder.repeats() / folder.weight())
            .toArray());
  }

  private static double spread(double[] sizes) {
    double most = 0;
    double least = Double.MAX_VALUE;
    for (double size : sizes) {
      most = Math.max(most, size);
      least = Math.min(least, size);
    }
    return sizes.length == 0 ? 1 : most / least;
  }

  /// Images in an epoch.
  public long sum() {
    return rows.stream().mapToLong(Row::effective).sum();
  }
}
