package dev.anima.model.text;

import dev.anima.engine.Ops;
import dev.anima.engine.Tensor;
import java.util.Arrays;
import java.util.List;

/// Token ids of one text, padded on the right.
///
/// @param ids as many as the padded length
/// @param used how many of them are tokens, the rest is padding
@SuppressWarnings("ArrayRecordComponent") // never written to after construction
public record Tokens(long[] ids, int used) {
  /// 1 for tokens, 0 for padding.
  public long[] mask() {
    long[] mask = new long[ids.length];
    Arrays.fill(mask, 0, used, 1);
    return mask;
  }

  /// `(B, L)` int64 ids on the CPU; all texts have the same padded length.
  public static Tensor ids(List<Tokens> batch) {
    return Ops.of(
        batch.stream().flatMapToLong(tokens -> Arrays.stream(tokens.ids)).toArray(),
        batch.size(),
        batch.getFirst().ids.length);
  }

  /// `(B, L)` int64, 1 for tokens and 0 for padding, on the CPU.
  public static Tensor mask(List<Tokens> batch) {
    return Ops.of(
        batch.stream().flatMapToLong(tokens -> Arrays.stream(tokens.mask())).toArray(),
        batch.size(),
        batch.getFirst().ids.length);
  }

  /// Tokens of the longest text.
  public static int longest(List<Tokens> batch) {
    return batch.stream().mapToInt(Tokens::used).max().orElse(0);
  }
}
