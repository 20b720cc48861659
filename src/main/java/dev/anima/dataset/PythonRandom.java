package dev.anima.dataset;

import java.math.BigInteger;
import java.util.Arrays;
import java.util.List;

/// Python's `random` module: MT19937 with CPython's seeding and drawing rules, so that a seed gives
/// the captions, flips and orders it gives in the reference.
///
/// One generator is shared by everything that the reference draws from its global stream. Not
/// thread-safe.
public final class PythonRandom implements Draws {
  private static final int N = 624;
  private static final int M = 397;

  private final int[] words = new int[N];
  private int position;

  /// The generator's state, as `random.getstate()` has it.
  ///
  /// @param words 624 words of 32 bits
  /// @param position of the next word, 624 if all are used up
  public record State(List<Integer> words, int position) {
    public State {
      words = List.copyOf(words);
      if (words.size() != N || position < 0 || position > N) {
        throw new IllegalArgumentException(
            "a state is 624 words and a position up to 624, got "
                + words.size()
                + " and "
                + position);
      }
    }
  }

  public PythonRandom(long seed) {
    seed(seed);
  }

  /// Starts over, as `random.seed(seed)`: the absolute value is cut into 32-bit words, least
  /// significant first.
  public void seed(long seed) {
    BigInteger magnitude = BigInteger.valueOf(seed).abs(); // 2^63 for Long.MIN_VALUE
    int low = magnitude.intValue();
    int high = magnitude.shiftRight(32).intValue();
    initialiseBy(high == 0 ? new int[] {low} : new int[] {low, high});
  }

  private void initialiseBy(int[] key) {
    words[0] = 19650218;
    for (int i = 1; i < N; i++) {
      words[i] = 1812433253 * (words[i - 1] ^ (words[i - 1] >>> 30)) + i;
    }
    int i = 1;
    int j = 0;
    for (int k = 0; k < N; k++) { // the key is never longer than the state
      words[i] = (words[i] ^ ((words[i - 1] ^ (words[i - 1] >>> 30)) * 1664525)) + key[j] + j;
      i++;
      j++;
      if (i == N) {
        words[0] = words[N - 1];
        i = 1;
      }
      if (j == key.length) {
        j = 0;
      }
    }
    for (int k = 0; k < N - 1; k++) {
      words[i] = (words[i] ^ ((words[i - 1] ^ (words[i - 1] >>> 30)) * 1566083941)) - i;
      i++;
      if (i == N) {
        words[0] = words[N - 1];
        i = 1;
      }
    }
    words[0] = 0x80000000;
    position = N;
  }

  private int next32() {
    if (position == N) {
      twist();
      position = 0;
    }
    int y = words[position++];
    y ^= y >>> 11;
    y ^= (y << 7) & 0x9d2c5680;
    y ^= (y << 15) & 0xefc60000;
    return y ^ (y >>> 18);
  }

  private void twist() {
    for (int i = 0; i < N; i++) {
      int y = (words[i] & 0x80000000) | (words[(i + 1) % N] & 0x7fffffff);
      words[i] = words[(i + M) % N] ^ (y >>> 1) ^ ((y & 1) == 0 ? 0 : 0x9908b0df);
    }
  }

  /// A double in [0, 1) with 53 random bits.
  public double random() {
    long a = Integer.toUnsignedLong(next32()) >>> 5;
    long b = Integer.toUnsignedLong(next32()) >>> 6;
    return (a * 67108864.0 + b) / 9007199254740992.0;
  }

  /// A number of `bits` random bits.
  ///
  /// @param bits 1 to 63
  public long getrandbits(int bits) {
    if (bits < 1 || bits > 63) {
      throw new IllegalArgumentException("can draw 1 to 63 bits, not " + bits);
    }
    if (bits <= 32) {
      return Integer.toUnsignedLong(next32()) >>> (32 - bits);
    }
    long low = Integer.toUnsignedLong(next32());
    return low | (Integer.toUnsignedLong(next32()) >>> (64 - bits)) << 32;
  }

  /// A number in `0 .. n-1`: draws as many bits as `n` has until one fits.
  public long below(long n) {
    if (n < 1) {
      throw new IllegalArgumentException("cannot draw a number below " + n);
    }
    int bits = Long.SIZE - Long.numberOfLeadingZeros(n);
    long drawn = getrandbits(bits);
    while (drawn >= n) {
      drawn = getrandbits(bits);
    }
    return drawn;
  }

  @Override
  public int below(int n) {
    return (int) below((long) n);
  }

  @Override
  public boolean chance(double p) {
    return random() < p;
  }

  /// A whole number in `low .. high`, both ends included.
  public long randint(long low, long high) {
    return low + below(high - low + 1);
  }

  public double uniform(double low, double high) {
    return low + (high - low) * random();
  }

  public State state() {
    return new State(Arrays.stream(words).boxed().toList(), position);
  }

  public void restore(State state) {
    Arrays.setAll(words, state.words()::get);
    position = state.position;
  }
}
