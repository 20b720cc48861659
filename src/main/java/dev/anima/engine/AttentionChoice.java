package dev.anima.engine;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Collectors;

/// The attention kernel a device computes with, and what else there was.
///
/// On the CPU it follows from the dtype, as measured once: libtorch's own kernel does not use the
/// matrix units in bf16 and is 28 times slower than in float32, where it is the better one.
///
/// On a card every candidate first solves two small problems, forward and backward; one that fails
/// (too old a card, heads of another size) or is not close to the plain formula in float64 is left
/// out. Among the others the clock decides on a problem of training's size: fractions of a second,
/// once a process.
///
/// @param device where it was tried
/// @param dtype of queries, keys and values
/// @param leftOut one line for each candidate that was tried and not taken
public record AttentionChoice(
    AttentionKernel kernel, Device device, Dtype dtype, List<String> leftOut) {
  private static final Map<Wanted, AttentionChoice> MADE = new ConcurrentHashMap<>();

  /// Tokens and width of the problem that is timed: 1024 x 1024 pixels.
  private static final long TOKENS = 4096;

  private static final long WIDTH = 2048;

  /// A later candidate must be this much faster than an earlier one, so that the choice does not
  /// change from run to run.
  private static final double CLEARLY = 0.93;

  private record Wanted(Device device, Dtype dtype, long headSize) {}

  public AttentionChoice {
    leftOut = List.copyOf(leftOut);
  }

  /// The same one for the whole process.
  public static AttentionChoice on(Device device, Dtype dtype, long headSize) {
    return MADE.computeIfAbsent(
        new Wanted(device, dtype, headSize),
        _ ->
            switch (device.kind()) {
              case CPU -> new AttentionChoice(onCpu(dtype), device, dtype, List.of());
              case MPS ->
                  new AttentionChoice(ChunkedAttention.standard(), device, dtype, List.of());
              case CUDA -> among(onCuda(dtype), device, dtype, headSize, TOKENS);
            });
  }

  private static AttentionKernel onCpu(Dtype dtype) {
    return dtype.isReduced() ? ChunkedAttention.standard() : FusedAttention.CPU_FLASH;
  }

  private static List<AttentionKernel> onCuda(Dtype dtype) {
    return dtype.isReduced()
        ? List.of(
            FusedAttention.CUDA_FLASH, FusedAttention.CUDA_CUDNN, FusedAttention.CUDA_EFFICIENT)
        : List.of(FusedAttention.CUDA_EFFICIENT);
  }

  /// The best of `candidates`, timed on a problem of `tokens` tokens; [ChunkedAttention], which
  /// runs everywhere, if none works.
  static AttentionChoice among(
      List<? extends AttentionKernel> candidates,
      Device device,
      Dtype dtype,
      long headSize,
      long tokens) {
    List<String> leftOut = new ArrayList<>();
    List<AttentionKernel> good = new ArrayList<>();
    for (AttentionKernel candidate : candidates) {
      try {
        double error = AttentionTrial.error(candidate, device, dtype, headSize);
        if (error <= tolerance(dtype)) {
          good.add(candidate);
        } else {
          leftOut.add("%s is off by %.1e".formatted(candidate.description(), error));
        }
      } catch (RuntimeException e) {
        leftOut.add(candidate.description() + ": " + AttentionTrial.firstLine(e));
      }
    }
    if (good.isEmpty()) {
      return new AttentionChoice(ChunkedAttention.standard(), device, dtype, leftOut);
    }
    AttentionKernel best =
        good.size() == 1
            ? good.getFirst()
            : fastest(good, device, dtype, headSize, tokens, leftOut);
    return new AttentionChoice(best, device, dtype, leftOut);
  }

  /// Largest relative error of a good kernel: that of the dtype, with room.
  static double tolerance(Dtype dtype) {
    return switch (dtype) {
      case F64 -> 1e-10;
      case F32 -> 1e-4;
      default -> 0.02;
    };
  }

  private static AttentionKernel fastest(
      List<AttentionKernel> good,
      Device device,
      Dtype dtype,
      long headSize,
      long tokens,
      List<String> leftOut) {
    long heads = Math.max(1, WIDTH / headSize);
    List<Double> seconds = new ArrayList<>();
    for (AttentionKernel kernel : good) {
      seconds.add(AttentionTrial.seconds(kernel, device, dtype, heads, tokens, headSize));
    }
    int best = 0;
    for (int i = 1; i < good.size(); i++) {
      if (seconds.get(i) < CLEARLY * seconds.get(best)) {
        best = i;
      }
    }
    for (int i = 0; i < good.size(); i++) {
      if (i != best) {
        leftOut.add(
            "%s takes %.2f times as long"
                .formatted(good.get(i).description(), seconds.get(i) / seconds.get(best)));
      }
    }
    return good.get(best);
  }

  /// For the log, in one line.
  public String description() {
    String others =
        leftOut.isEmpty() ? "" : leftOut.stream().collect(Collectors.joining("; ", " (", ")"));
    return "attention in %s on %s: %s%s"
        .formatted(
            dtype.safetensorsName().toLowerCase(Locale.ROOT), device, kernel.description(), others);
  }
}
