package dev.anima.engine;

import java.util.List;
import org.bytedeco.pytorch.BoolType;
import org.bytedeco.pytorch.GenericList;
import org.bytedeco.pytorch.IValue;
import org.bytedeco.pytorch.Type;

/// libtorch's fused attention kernels and their own backwards, called by name.
@SuppressWarnings("ImmutableEnumChecker") // an operator handle never changes
public enum FusedAttention implements AttentionKernel {
  /// float32 and float64 on the CPU.
  CPU_FLASH("_scaled_dot_product_flash_attention_for_cpu") {
    @Override
    List<Tensor> attend(Tensor query, Tensor key, Tensor value) {
      return forward.call(2, query, key, value, 0.0, false, null, null);
    }

    @Override
    List<Tensor> gradients(
        Tensor gradOutput, Tensor query, Tensor key, Tensor value, Attended attended) {
      return backward.call(
          3,
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

  /// bf16 and fp16 on CUDA, compute capability 8.0 and up.
  CUDA_FLASH("_scaled_dot_product_flash_attention") {
    @Override
    List<Tensor> attend(Tensor query, Tensor key, Tensor value) {
      return forward.call(2, query, key, value, 0.0, false, false, null);
    }

    @Override
    List<Tensor> gradients(
        Tensor gradOutput, Tensor query, Tensor key, Tensor value, Attended attended) {
      Tensor noSeed = Ops.zeros(Dtype.I64, query.device());
      return backward.call(
          3,
          gradOutput,
          query,
          key,
          value,
          attended.output(),
          attended.logSumExp(),
          undefined(),
          undefined(),
          query.size(2),
          key.size(2),
          0.0,
          false,
          noSeed,
          noSeed,
          null);
    }
  },

  /// Any floating dtype on CUDA, compute capability 5.0 and up.
  CUDA_EFFICIENT("_scaled_dot_product_efficient_attention") {
    @Override
    List<Tensor> attend(Tensor query, Tensor key, Tensor value) {
      return forward.call(2, query, key, value, null, true, 0.0, false, null);
    }

    @Override
    List<Tensor> gradients(
        Tensor gradOutput, Tensor query, Tensor key, Tensor value, Attended attended) {
      Tensor noSeed = Ops.zeros(Dtype.I64, query.device());
      return backward.call(
          3,
          gradOutput,
          query,
          key,
          value,
          undefined(),
          attended.output(),
          attended.logSumExp(),
          noSeed,
          noSeed,
          0.0,
          flags(true, true, true, false),
          false,
          null);
    }
  },

  /// bf16 and fp16 on CUDA through cuDNN, fastest on compute capability 9.0.
  CUDA_CUDNN("_scaled_dot_product_cudnn_attention") {
    @Override
    List<Tensor> attend(Tensor query, Tensor key, Tensor value) {
      return forward.call(2, query, key, value, null, true, 0.0, false, false, null);
    }

    @Override
    List<Tensor> gradients(
        Tensor gradOutput, Tensor query, Tensor key, Tensor value, Attended attended) {
      Tensor noSeed = Ops.zeros(Dtype.I64, query.device());
      return backward.call(
          3,
          gradOutput,
          query,
          key,
          value,
          attended.output(),
          attended.logSumExp(),
          noSeed,
          noSeed,
          undefined(),
          undefined(),
          undefined(),
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

  FusedAttention(String operator) {
    this.operator = operator;
    this.forward = Kernel.named("aten::" + operator);
    this.backward = Kernel.named("aten::" + operator + "_backward");
  }

  /// Output and logsumexp over the given keys.
  abstract List<Tensor> attend(Tensor query, Tensor key, Tensor value);

  abstract List<Tensor> gradients(
      Tensor gradOutput, Tensor query, Tensor key, Tensor value, Attended attended);

  @Override
  public Attended forward(Tensor query, Tensor key, Tensor value, long zeroKeys) {
    List<Tensor> results = attend(query, key, value);
    Attended attended = new Attended(results.getFirst(), results.getLast());
    return zeroKeys == 0 ? attended : withZeroKeys(attended, zeroKeys);
  }

  private static Attended withZeroKeys(Attended given, long zeroKeys) {
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
    return gradients(gradOutput, query, key, value, attended);
  }

  @Override
  public String description() {
    return operator;
  }

  private static IValue undefined() {
    return new IValue(new org.bytedeco.pytorch.Tensor());
  }

  static IValue flags(boolean... values) {
    GenericList list = new GenericList(new Type.TypePtr(BoolType.get().get()));
    for (boolean value : values) {
      list.push_back(new IValue(value));
    }
    return new IValue(list);
  }
}
