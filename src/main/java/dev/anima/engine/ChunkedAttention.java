package dev.anima.engine;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// Attention as plain matrix products over groups of heads and chunks of queries, with the softmax
/// in float32: uses the matrix units in every dtype that has a fast product, and holds only one
/// chunk of the score matrix at a time.
///
/// Forward: `S = scale Q Kᵀ`, `P = softmax(S)`, `O = P V`. Backward recomputes `S` and `P`: `dV =
/// Pᵀ dO`, `dP = dO Vᵀ`, `dS = P (dP - rowsum(P dP))`, `dQ = scale dS K`, `dK = scale dSᵀ Q`. With
/// zero keys `P = exp(S - l')`, which is the same formula with their share left out.
///
/// @param scoresAtOnce how many elements of `S` one chunk may have
public record ChunkedAttention(long scoresAtOnce) implements AttentionKernel {

  /// Chunks that stay in the caches of two cores: 2 MB in bf16. Eight times as many scores at a
  /// time were 5 % slower for the whole step at 1024 pixels, and took 90 MB more.
  public static ChunkedAttention standard() {
    return new ChunkedAttention(1L << 20);
  }

  @Override
  public String description() {
    return "matrix products in chunks of " + scoresAtOnce + " scores";
  }

  @Override
  public Attended forward(Tensor query, Tensor key, Tensor value, long zeroKeys) {
    List<Tensor> results =
        Scope.keepAll(() -> {
          Tensor output = like(query);
          Tensor logSumExp =
              zeroKeys == 0
                  ? Ops.empty(statistic(query), query.device(), 0)
                  : Ops.empty(
                      statistic(query),
                      query.device(),
                      query.size(0),
                      query.size(1),
                      query.size(2));
          for (Group group : groups(query, key)) {
            try (Scope _ = new Scope()) {
              forward(group, query, key, value, output, logSumExp, zeroKeys);
            }
          }
          return List.of(output.transpose(1, 2), logSumExp);
        });
    return new Attended(results.getFirst(), results.getLast());
  }

  private void forward(
      Group group,
      Tensor query,
      Tensor key,
      Tensor value,
      Tensor output,
      Tensor logSumExp,
      long zeroKeys) {
    Tensor keys = group.of(key).contiguous(); // (G, K, d)
    Tensor values = group.of(value).contiguous();
    Tensor queries = group.of(query);
    Tensor outputs = group.of(output.transpose(1, 2));
    for (long row = 0; row < queries.size(1); row += group.rows) {
      try (Scope _ = new Scope()) {
        long rows = Math.min(group.rows, queries.size(1) - row);
        Tensor scores = scores(queries.narrow(1, row, rows), keys);
        Tensor shares;
        if (zeroKeys == 0) {
          shares = scores.softmax(-1);
        } else {
          Tensor sums = logSumExp(scores, zeroKeys);
          group.of(logSumExp).narrow(1, row, rows).copy_(sums.squeeze(-1));
          shares = shares(scores, sums);
        }
        outputs.narrow(1, row, rows).copy_(shares.bmm(values));
      }
    }
  }

  @Override
  public List<Tensor> backward(
      Tensor gradOutput, Tensor query, Tensor key, Tensor value, Attended attended, long zeroKeys) {
    return Scope.keepAll(() -> {
      Tensor gradQuery = like(query);
      Tensor gradKey = like(key);
      Tensor gradValue = like(value);
      for (Group group : groups(query, key)) {
        try (Scope _ = new Scope()) {
          Tensor sums = zeroKeys == 0 ? attended.logSumExp() : group.of(attended.logSumExp());
          backward(
              group.of(gradOutput),
              group.of(query),
              group.of(key).contiguous(),
              group.of(value).contiguous(),
              sums,
              zeroKeys,
              group.rows,
              group.of(gradQuery.transpose(1, 2)),
              group.of(gradKey.transpose(1, 2)),
              group.of(gradValue.transpose(1, 2)));
        }
      }
      return List.of(gradQuery.transpose(1, 2), gradKey.transpose(1, 2), gradValue.transpose(1, 2));
    });
  }

  /// One group of heads; all `(G, rows, d)`.
  private void backward(
      Tensor gradOutput,
      Tensor query,
      Tensor key,
      Tensor value,
      Tensor logSumExp,
      long zeroKeys,
      long rowsAtOnce,
      Tensor gradQuery,
      Tensor gradKey,
      Tensor gradValue) {
    double scale = scale(query);
    boolean single = rowsAtOnce >= query.size(1);
    Sum keySum = new Sum(gradKey, single);
    Sum valueSum = new Sum(gradValue, single);
    for (long row = 0; row < query.size(1); row += rowsAtOnce) {
      long rows = Math.min(rowsAtOnce, query.size(1) - row);
      try (Scope _ = new Scope()) {
        Tensor queries = query.narrow(1, row, rows).contiguous();
        Tensor gradOutputs = gradOutput.narrow(1, row, rows).contiguous();
        Tensor scores = scores(queries, key);
        Tensor shares =
            zeroKeys == 0
                ? scores.softmax(-1)
                : shares(scores, logSumExp.narrow(1, row, rows).unsqueeze(-1));
        valueSum.add(shares.t().bmm(gradOutputs));
        scores.close();
        Tensor gradShares = gradOutputs.bmm(value.t());
        Tensor gradScores = Ops.softmaxBackward(gradShares, shares);
        gradShares.close();
        shares.close();
        keySum.add(gradScores.t().bmm(queries));
        gradQuery.narrow(1, row, rows).copy_(product(gradScores, key, scale));
      }
    }
    valueSum.finish(1);
    keySum.finish(scale);
  }

  /// A sum over chunks, in float32 for the reduced dtypes.
  private static final class Sum {
    private final Tensor target;
    private final @Nullable Tensor wide;

    Sum(Tensor target, boolean single) {
      this.target = target;
      this.wide = single ? null : Ops.zeros(statistic(target), target.device(), target.shape());
    }

    void add(Tensor term) {
      if (wide == null) {
        target.copy_(term);
      } else {
        wide.add_(term);
      }
    }

    void finish(double factor) {
      Tensor sum = wide;
      if (sum != null) {
        target.copy_(factor == 1 ? sum : sum.mul_(factor));
      } else if (factor != 1) {
        target.mul_(factor);
      }
    }
  }

  private static Tensor scores(Tensor query, Tensor key) {
    return product(query, key.t(), scale(query));
  }

  private static Tensor product(Tensor a, Tensor b, double factor) {
    return Ops.empty(a.dtype(), a.device(), a.size(0), a.size(1), b.size(2))
        .baddbmm_(a, b, 0, factor);
  }

  /// `(G, rows, 1)` with the zero keys' share.
  private static Tensor logSumExp(Tensor scores, long zeroKeys) {
    Tensor given = scores.to(statistic(scores)).logsumexp(true, -1);
    return given.logaddexp(Ops.full(Math.log((double) zeroKeys), given.dtype(), given.device(), 1));
  }

  private static Tensor shares(Tensor scores, Tensor logSumExp) {
    return scores.to(statistic(scores)).sub(logSumExp).exp().to(scores.dtype());
  }

  private static double scale(Tensor query) {
    return 1 / Math.sqrt((double) query.size(-1));
  }

  private static Dtype statistic(Tensor tensor) {
    return tensor.dtype() == Dtype.F64 ? Dtype.F64 : Dtype.F32;
  }

  /// `(B, L, N, d)` for a `(B, N, L, d)`.
  private static Tensor like(Tensor heads) {
    return Ops.empty(
        heads.dtype(), heads.device(), heads.size(0), heads.size(2), heads.size(1), heads.size(3));
  }

  private List<Group> groups(Tensor query, Tensor key) {
    long heads = query.size(1);
    long keys = key.size(2);
    long rows = Math.clamp(scoresAtOnce / keys, 1, query.size(2));
    long together = Math.clamp(scoresAtOnce / (rows * keys), 1, heads);
    List<Group> groups = new ArrayList<>();
    for (long sample = 0; sample < query.size(0); sample++) {
      for (long head = 0; head < heads; head += together) {
        groups.add(new Group(sample, head, Math.min(together, heads - head), rows));
      }
    }
    return groups;
  }

  /// Heads `first` to `first + count` of one sample, to be worked on `rows` queries at a time.
  private record Group(long sample, long first, long count, long rows) {
    /// `(G, ...)` of a `(B, N, ...)`.
    Tensor of(Tensor heads) {
      return heads.select(0, sample).narrow(0, first, count);
    }
  }
}
