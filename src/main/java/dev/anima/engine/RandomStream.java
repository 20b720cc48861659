package dev.anima.engine;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.bytedeco.pytorch.Generator;
import org.bytedeco.pytorch.GeneratorOptional;
import org.bytedeco.pytorch.global.torch;

/// A named source of random numbers: one libtorch generator, seeded once and passed to whoever
/// draws.
///
/// On the CPU it is torch's MT19937 with torch's own draw rules, so a stream seeded with n gives
/// the numbers of `torch.manual_seed(n)` in Python. Not thread-safe.
public final class RandomStream implements AutoCloseable {
  /// Offsets in torch's CPU generator state (`CPUGeneratorImplStateLegacy`): seed u64, left i32,
  /// seeded i32, next u64, then 624 words as u64.
  private static final int LEFT_OFFSET = 8;

  private static final int NEXT_OFFSET = 16;
  private static final int WORDS_OFFSET = 24;
  private static final int N = 624;
  private static final int M = 397;

  private final Generator generator;
  private final GeneratorOptional optional;
  private final Device device;

  private RandomStream(Generator generator, Device device) {
    this.generator = generator;
    this.device = device;
    this.optional = new GeneratorOptional(generator);
    generator.retainReference();
    optional.retainReference();
  }

  /// A generator of its own on the CPU.
  public static RandomStream cpu(long seed) {
    Libtorch.load();
    Generator generator = torch.make_generator_cpu();
    generator.set_current_seed(seed);
    return new RandomStream(generator, Device.CPU);
  }

  /// A generator of its own on `device`.
  public static RandomStream on(Device device, long seed) {
    return switch (device.kind()) {
      case CPU -> cpu(seed);
      case CUDA -> {
        Libtorch.load();
        // Not through global.torch_cuda: that class needs JavaCPP's CUDA binding, which nothing
        // else
        // here does.
        Generator generator = torch.getCUDAHooks().getNewGenerator((byte) device.index());
        generator.set_current_seed(seed);
        yield new RandomStream(generator, device);
      }
      case MPS ->
          throw new UnsupportedOperationException(
              "libtorch's Java binding makes no generators on Apple's GPU");
    };
  }

  public Device device() {
    return device;
  }

  /// Starts again from `seed`.
  public void seed(long seed) {
    generator.set_current_seed(seed);
  }

  /// Standard normal numbers, drawn in `dtype`.
  public Tensor randn(Dtype dtype, long... shape) {
    return new Tensor(torch.randn(shape, optional, Ops.options(dtype, device)));
  }

  /// Uniform numbers in [0, 1).
  public Tensor rand(Dtype dtype, long... shape) {
    return new Tensor(torch.rand(shape, optional, Ops.options(dtype, device)));
  }

  /// Fills with uniform numbers in [low, high).
  public void uniform_(Tensor tensor, double low, double high) {
    tensor.raw.uniform_(low, high, optional);
  }

  /// Fills with normal numbers.
  public void normal_(Tensor tensor, double mean, double deviation) {
    tensor.raw.normal_(mean, deviation, optional);
  }

  /// Fills with 1 (probability p) and 0.
  public void bernoulli_(Tensor tensor, double p) {
    tensor.raw.bernoulli_(p, optional);
  }

  /// A 63-bit number, as `torch.empty((), dtype=int64).random_()` draws it (two words).
  public long nextLong63() {
    try (Scope _ = new Scope()) {
      Tensor scalar = Ops.empty(Dtype.I64, Device.CPU);
      scalar.raw.random_(optional);
      return scalar.raw.item_long();
    }
  }

  /// A permutation of `0 .. n-1`, as `torch.randperm(n)` with a fresh CPU generator seeded with
  /// `seed`.
  public static long[] permutation(long seed, long n) {
    try (Scope _ = new Scope();
        RandomStream fresh = cpu(seed)) {
      return new Tensor(torch.randperm(n, fresh.optional, Ops.options(Dtype.I64, Device.CPU)))
          .toLongs();
    }
  }

  /// The generator's whole state, for checkpoints and for recomputing a block with the same masks.
  public byte[] state() {
    try (Scope _ = new Scope()) {
      return new Tensor(generator.get_state()).toBytes();
    }
  }

  public void restore(byte[] state) {
    try (Scope _ = new Scope()) {
      Tensor bytes = Ops.empty(Dtype.U8, Device.CPU, state.length);
      bytes.memory().copyFrom(MemorySegment.ofArray(state));
      generator.set_state(bytes.raw);
    }
  }

  /// Passes over `words` 32-bit outputs without producing them, as if somebody had drawn them (CPU
  /// streams only).
  ///
  /// The reference spends billions of words on initialising models whose weights it then
  /// overwrites; this is how a run gets to the same place in the stream. About a nanosecond a word.
  public void skip(long words) {
    if (!device.isCpu()) {
      throw new IllegalStateException("only CPU streams can be skipped");
    }
    byte[] state = state();
    MemorySegment bytes = MemorySegment.ofArray(state);
    int[] mt = new int[N];
    for (int i = 0; i < N; i++) {
      mt[i] = (int) bytes.get(ValueLayout.JAVA_LONG_UNALIGNED, WORDS_OFFSET + 8L * i);
    }
    // `left` outputs minus one remain before the next refill (torch refills when --left reaches 0).
    long available = bytes.get(ValueLayout.JAVA_INT_UNALIGNED, LEFT_OFFSET) - 1L;
    long next = bytes.get(ValueLayout.JAVA_LONG_UNALIGNED, NEXT_OFFSET);
    long remaining = words;
    while (remaining > available) {
      remaining -= available;
      refill(mt);
      next = 0;
      available = N;
    }
    next += remaining;
    available -= remaining;
    for (int i = 0; i < N; i++) {
      bytes.set(ValueLayout.JAVA_LONG_UNALIGNED, WORDS_OFFSET + 8L * i, mt[i] & 0xFFFFFFFFL);
    }
    bytes.set(ValueLayout.JAVA_INT_UNALIGNED, LEFT_OFFSET, (int) (available + 1));
    bytes.set(ValueLayout.JAVA_LONG_UNALIGNED, NEXT_OFFSET, next);
    restore(state);
  }

  private static void refill(int[] mt) {
    for (int i = 0; i < N - M; i++) {
      mt[i] = mt[i + M] ^ twist(mt[i], mt[i + 1]);
    }
    for (int i = N - M; i < N - 1; i++) {
      mt[i] = mt[i + M - N] ^ twist(mt[i], mt[i + 1]);
    }
    mt[N - 1] = mt[M - 1] ^ twist(mt[N - 1], mt[0]);
  }

  private static int twist(int u, int v) {
    int mixed = (u & 0x80000000) | (v & 0x7FFFFFFF);
    return (mixed >>> 1) ^ (-(v & 1) & 0x9908B0DF);
  }

  @Override
  public void close() {
    optional.close();
    generator.close();
  }
}
