package dev.anima.model.block;

import dev.anima.engine.Tensor;
import java.util.Collections;
import java.util.List;

/// The text of a batch without the rows that are only padding. In the model a text has `padded`
/// rows, of which those from its length on are zero; they take part in the cross-attention, as zero
/// keys.
///
/// @param rows `(B, K, C)`, contiguous; `K` is the largest length, rows beyond a sample's length
///   are zero
/// @param lengths rows of each sample that are not padding, 1 to `K`
/// @param padded rows the model attends to, usually 512
/// @param drawn rows that dropouts draw for: all the text had before anything was cut off
public record TextContext(Tensor rows, List<Long> lengths, long padded, long drawn) {
  public TextContext {
    lengths = List.copyOf(lengths);
    long longest = Collections.max(lengths);
    if (lengths.size() != rows.size(0) || longest != rows.size(1) || longest > padded) {
      throw new IllegalArgumentException("text rows " + rows + " do not fit lengths " + lengths);
    }
  }

  /// Cuts the padding off.
  ///
  /// @param context `(B, padded, C)`, zero from each sample's length on
  public static TextContext trim(Tensor context, List<Long> lengths) {
    // An empty text keeps one of its zero rows: as a given key it counts exactly as a zero key
    // does.
    List<Long> kept = lengths.stream().map(length -> Math.max(1, length)).toList();
    return new TextContext(
        context.narrow(1, 0, Collections.max(kept)).contiguous(),
        kept,
        context.size(1),
        context.size(1));
  }

  /// All rows are given keys.
  public static TextContext untrimmed(Tensor context) {
    return new TextContext(
        context,
        Collections.nCopies(Math.toIntExact(context.size(0)), context.size(1)),
        context.size(1),
        context.size(1));
  }

  /// Only the first `most` of the padded rows are attended to.
  public TextContext cut(long most) {
    if (padded <= most) {
      return this;
    }
    List<Long> shorter = lengths.stream().map(length -> Math.min(length, most)).toList();
    return new TextContext(
        rows.narrow(1, 0, Collections.max(shorter)).contiguous(), shorter, most, drawn);
  }

  boolean allOfOneLength() {
    return lengths.stream().allMatch(length -> length == rows.size(1));
  }

  long length(int sample) {
    return lengths.get(sample);
  }

  long zeroKeys(int sample) {
    return padded - length(sample);
  }
}
