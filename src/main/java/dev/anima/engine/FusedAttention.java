package dev.anima.engine;

import java.util.List;
import org.jspecify.annotations.Nullable;

/// libtorch's fused attention kernels and their own backwards, called by name.
///
/// Every backward computes `P = exp(S - logsumexp)` and `sum(dO * O)` from what it is handed, so a
/// logsumexp with the zero keys in it and the output that belongs to it give their exact gradients.
@SuppressWarnings("ImmutableEnumChecker") // an operator handle never changes
public enum FusedAttention implements AttentionKernel {
  /// float32 and float64 on the CPU.
  CPU_FLASH(
      "_scaled_dot_product_flash_attention_for_cpu",
      "Tensor query, Tensor key, Tensor value, float dropout_p, bool is_causal,"
          + " Tensor? attn_mask, float? scale",
      "Tensor grad_out, Tensor query, Tensor key, Tensor value, Tensor out, Tensor logsumexp,"
          + " float dropout_p, bool is_causal, Tensor? attn_mask, float? scale") {
    @Override
    @Nullable Object[] forwardArguments(Tensor query, Tensor key, Tensor value) {
      return arguments(query, key, value, 0.0, false, null, null);
    }

    @Override
    @Nullable Object[] backwardArguments(
        Tensor gradOutput, Tensor query, Tensor key, Tensor value, Attended attended) {
      return arguments(
          gradOutput,
          query,
          key,
          value,
          attended.output(),
          attended.logSumExp(),
          0.0,
          false,
          null,
          null);
    }
  },

  /// bf16 and fp16 on CUDA, compute capability 8.0 and up; heads of a multiple of 8 up to 256. The
  /// logsumexp is `(B, N, L)` in float32.
  CUDA_FLASH(
      "_scaled_dot_product_flash_attention",
      "Tensor query, Tensor key, Tensor value, float dropout_p, bool is_causal,"
          + " bool return_debug_mask, float? scale",
      "Tensor grad_out, Tensor query, Tensor key, Tensor value, Tensor out, Tensor logsumexp,"
          + " Tensor cum_seq_q, Tensor cum_seq_k, int max_q, int max_k, float dropout_p,"
          + " bool is_causal, Tensor philox_seed, Tensor philox_offset, float? scale") {
    @Override
    @Nullable Object[] forwardArguments(Tensor query, Tensor key, Tensor value) {
      return arguments(query, key, value, 0.0, false, false, null);
    }

    @Override
    @Nullable Object[] backwardArguments(
        Tensor gradOutput, Tensor query, Tensor key, Tensor value, Attended attended) {
      Tensor noSeed = noSeed(query);
      return arguments(
          gradOutput,
          query,
          key,
          value,
          attended.output(),
          attended.logSumExp(),
          Kernel.UNDEFINED, // all samples have the same length
          Kernel.UNDEFINED,
          query.size(2),
          key.size(2),
          0.0,
          false,
          noSeed,
          noSeed,
          null);
    }
  },

  /// float32, bf16 and fp16 on CUDA, compute capability 5.0 and up (bf16: 8.0). The logsumexp is
  /// `(B, N, L)` with `L` rounded up to a multiple of 32; what it is rounded up with stays
  /// infinite.
  CUDA_EFFICIENT(
      "_scaled_dot_product_efficient_attention",
      "Tensor query, Tensor key, Tensor value, Tensor? attn_bias, bool compute_log_sumexp,"
          + " float dropout_p, bool is_causal, float? scale",
      "Tensor grad_out_, Tensor query, Tensor key, Tensor value, Tensor attn_bias, Tensor out,"
          + " Tensor logsumexp, Tensor philox_seed, Tensor philox_offset, float dropout_p,"
          + " bool[] grad_input_mask, bool is_causal, float? scale") {
    @Override
    @Nullable Object[] forwardArguments(Tensor query, Tensor key, Tensor value) {
      return arguments(query, key, value, null, true, 0.0, false, null);
    }

    @Override
    @Nullable Object[] backwardArguments(
        Tensor gradOutput, Tensor query, Tensor key, Tensor value, Attended attended) {
      Tensor noSeed = noSeed(query);
      return arguments(
          gradOutput,
          query,
          key,
          value,
          Kernel.UNDEFINED,
          attended.output(),
          attended.logSumExp(),
          noSeed,
          noSeed,
          0.0,
          new boolean[] {true, true, true, false}, // query, key, value, bias
          false,
          null);
    }
  },

  /// bf16 and fp16 on CUDA through cuDNN, fastest on compute capability 9.0; heads of a multiple of
  /// 8 up to 128. The logsumexp is `(B, N, L, 1)` in float32.
  CUDA_CUDNN(
      "_scaled_dot_product_cudnn_attention",
      "Tensor query, Tensor key, Tensor value, Tensor? attn_bias, bool compute_log_sumexp,"
          + " float dropout_p, bool is_causal, bool return_debug_mask, float? scale",
      "Tensor grad_out, Tensor query, Tensor key, Tensor value, Tensor out, Tensor logsumexp,"
          + " Tensor philox_seed, Tensor philox_offset, Tensor attn_bias, Tensor cum_seq_q,"
          + " Tensor cum_seq_k, int max_q, int max_k, float dropout_p, bool is_causal,"
          + " float? scale") {
    @Override
    @Nullable Object[] forwardArguments(Tensor query, Tensor key, Tensor value) {
      return arguments(query, key, value, null, true, 0.0, false, false, null);
    }

    @Override
    @Nullable Object[] backwardArguments(
        Tensor gradOutput, Tensor query, Tensor key, Tensor value, Attended attended) {
      Tensor noSeed = noSeed(query);
      return arguments(
          gradOutput,
          query,
          key,
          value,
          attended.output(),
          attended.logSumExp(),
          noSeed,
          noSeed,
          Kernel.UNDEFINED,
          Kernel.UNDEFINED,
          Kernel.UNDEFINED,
          query.size(2),
          key.size(2),
          0.0,
          false,
          null);
    }
  };

  final Kernel forward;
  final Kernel backward;
  private final String operator;

  FusedAttention(String operator, String forward, String backward) {
    this.operator = operator;
    this.forward = Kernel.of("aten::" + operator, forward);
    this.backward = Kernel.of("aten::" + operator + "_backward", backward);
  }

  /// For [#forward], whose first result is the output and whose second the logsumexp, over the
  /// given keys.
  abstract @Nullable Object[] forwardArguments(Tensor query, Tensor key, Tensor value);

  /// For [#backward], whose first three results are the gradients.
  abstract @Nullable Object[] backwardArguments(
      Tensor gradOutput, Tensor query, Tensor key, Tensor value, Attended attended);

  private static @Nullable Object[] arguments(@Nullable Object... arguments) {
    return arguments;
  }

  /// Without dropout nobody reads the seed and its offset.
  private static Tensor noSeed(Tensor query) {
    return Ops.zeros(Dtype.I64, query.device());
  }

  @Override
  public Attended forward(Tensor query, Tensor key, Tensor value, long zeroKeys) {
    List<Tensor> results = forward.call(2, forwardArguments(query, key, value));
    Attended attended = new Attended(results.getFirst(), results.getLast());
    return zeroKeys == 0 ? attended : withZeroKeys(attended, zeroKeys);
  }

  static Attended withZeroKeys(Attended given, long zeroKeys) {
    Tensor logSumExp =
        Scope.keep(() -> {
          Tensor before = given.logSumExp();
          Tensor after =
              before.logaddexp(
                  Ops.full(Math.log((double) zeroKeys), before.dtype(), before.device(), 1));
          Tensor weight = before.sub(after).exp();
          Tensor output = given.output();
          Ops.mulInto(output, output, perRow(weight, output.size(2)));
          return after;
        });
    given.logSumExp().close();
    return new Attended(given.output(), logSumExp);
  }

  /// `(B, N, L, 1)` of a logsumexp-shaped tensor; kernels pad its rows or add the last dimension.
  private static Tensor perRow(Tensor weight, long rows) {
    return (weight.dim() == 4 ? weight : weight.unsqueeze(-1)).narrow(2, 0, rows);
  }

  @Override
  public List<Tensor> backward(
      Tensor gradOutput, Tensor query, Tensor key, Tensor value, Attended attended, long zeroKeys) {
    return backward.call(3, backwardArguments(gradOutput, query, key, value, attended));
  }

  @Override
  public String description() {
    return operator;
  }
}
