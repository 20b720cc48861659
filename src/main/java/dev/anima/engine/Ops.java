package dev.anima.engine;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import org.bytedeco.javacpp.BoolPointer;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.pytorch.BoolOptional;
import org.bytedeco.pytorch.DoubleOptional;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.T_TensorTensorTensor_T;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.TensorOptions;
import org.bytedeco.pytorch.global.torch;
import org.jspecify.annotations.Nullable;

/// Operations that take several tensors or make new ones, under torch's names.
public final class Ops {
  static {
    Libtorch.load();
  }

  static final Kernel SOFTMAX_BACKWARD =
      Kernel.of(
          "aten::_softmax_backward_data",
          "Tensor grad_output, Tensor output, int dim, int input_dtype");

  private Ops() {}

  // ---- new tensors
  // ----------------------------------------------------------------------------------------------

  public static Tensor zeros(Dtype dtype, Device device, long... shape) {
    return new Tensor(torch.zeros(shape, options(dtype, device)));
  }

  public static Tensor empty(Dtype dtype, Device device, long... shape) {
    return new Tensor(
        torch.empty(
            shape, options(dtype, device), new org.bytedeco.pytorch.MemoryFormatOptional()));
  }

  public static Tensor full(double value, Dtype dtype, Device device, long... shape) {
    return new Tensor(torch.full(shape, new Scalar(value), options(dtype, device)));
  }

  /// float32 on the CPU.
  public static Tensor of(float[] values, long... shape) {
    Tensor tensor = empty(Dtype.F32, Device.CPU, shape);
    MemorySegment.copy(
        values, 0, tensor.memory(), ValueLayout.JAVA_FLOAT_UNALIGNED, 0, values.length);
    return tensor;
  }

  /// float64 on the CPU.
  public static Tensor of(double[] values, long... shape) {
    Tensor tensor = empty(Dtype.F64, Device.CPU, shape);
    MemorySegment.copy(
        values, 0, tensor.memory(), ValueLayout.JAVA_DOUBLE_UNALIGNED, 0, values.length);
    return tensor;
  }

  /// int64 on the CPU.
  public static Tensor of(long[] values, long... shape) {
    Tensor tensor = empty(Dtype.I64, Device.CPU, shape);
    MemorySegment.copy(
        values, 0, tensor.memory(), ValueLayout.JAVA_LONG_UNALIGNED, 0, values.length);
    return tensor;
  }

  /// A tensor over foreign memory, without a copy. The caller keeps `memory` alive as long as the
  /// tensor.
  public static Tensor wrap(MemorySegment memory, Dtype dtype, long... shape) {
    return new Tensor(
        torch.from_blob(new Address(memory.address()), shape, options(dtype, Device.CPU)));
  }

  /// `0, 1, ..., n - 1`
  public static Tensor arange(long n, Dtype dtype, Device device) {
    return new Tensor(torch.arange(new Scalar(n), options(dtype, device)));
  }

  /// `count` numbers from `start` to `end`, both included.
  public static Tensor linspace(double start, double end, long count, Dtype dtype, Device device) {
    return new Tensor(
        torch.linspace(new Scalar(start), new Scalar(end), count, options(dtype, device)));
  }

  // ---- neural network
  // -------------------------------------------------------------------------------------------

  /// `input (..., in) x weight (out, in)^T`
  public static Tensor linear(Tensor input, Tensor weight) {
    return new Tensor(torch.linear(input.raw, weight.raw));
  }

  public static Tensor linear(Tensor input, Tensor weight, @Nullable Tensor bias) {
    return bias == null
        ? linear(input, weight)
        : new Tensor(torch.linear(input.raw, weight.raw, new TensorOptional(bias.raw)));
  }

  /// @param weight `(vocabulary, width)`
  /// @param ids int64 of any shape
  public static Tensor embedding(Tensor weight, Tensor ids) {
    return new Tensor(torch.embedding(weight.raw, ids.raw));
  }

  /// Over the last dimension, without affine parameters.
  public static Tensor layerNorm(Tensor input, double epsilon) {
    return new Tensor(
        torch.layer_norm(
            input.raw,
            new long[] {input.size(-1)},
            new TensorOptional(),
            new TensorOptional(),
            epsilon,
            false));
  }

  public static Tensor silu(Tensor input) {
    return new Tensor(torch.silu(input.raw));
  }

  /// SiLU in place.
  public static Tensor silu_(Tensor input) {
    torch.silu_(input.raw);
    return input;
  }

  /// Exact (erf) form.
  public static Tensor gelu(Tensor input) {
    return new Tensor(torch.gelu(input.raw));
  }

  /// Softmax attention with scale 1/sqrt(head size). Shapes `(B, N, L, d)`.
  ///
  /// @param mask boolean, true = attend, broadcast to `(B, N, Lq, Lk)`; null for none. Fully masked
  ///   rows give 0.
  public static Tensor attention(Tensor query, Tensor key, Tensor value, @Nullable Tensor mask) {
    return new Tensor(
        torch.scaled_dot_product_attention(
            query.raw,
            key.raw,
            value.raw,
            mask == null ? new TensorOptional() : new TensorOptional(mask.raw),
            0.0,
            false,
            new DoubleOptional(),
            false));
  }

  public static Tensor conv2d(
      Tensor input, Tensor weight, @Nullable Tensor bias, int stride, int padding) {
    return new Tensor(
        torch.conv2d(
            input.raw,
            weight.raw,
            bias == null ? new TensorOptional() : new TensorOptional(bias.raw),
            new long[] {stride, stride},
            new long[] {padding, padding},
            new long[] {1, 1},
            1));
  }

  /// Without padding and with stride 1.
  ///
  /// @param input `(B, in, t, h, w)`
  /// @param weight `(out, in, kt, kh, kw)`
  public static Tensor conv3d(Tensor input, Tensor weight, @Nullable Tensor bias) {
    return new Tensor(
        torch.conv3d(
            input.raw,
            weight.raw,
            bias == null ? new TensorOptional() : new TensorOptional(bias.raw),
            new long[] {1, 1, 1},
            new long[] {0, 0, 0},
            new long[] {1, 1, 1},
            1));
  }

  /// Zero padding of the last dimensions: `(left, right, top, bottom, ...)` from the last dimension
  /// on.
  public static Tensor pad(Tensor input, long... padding) {
    return new Tensor(torch.constant_pad_nd(input.raw, padding));
  }

  public static Tensor cat(List<Tensor> tensors, int dim) {
    return new Tensor(torch.cat(Tensor.vector(tensors), dim));
  }

  public static Tensor stack(List<Tensor> tensors, int dim) {
    return new Tensor(torch.stack(Tensor.vector(tensors), dim));
  }

  public static Tensor where(Tensor condition, Tensor a, Tensor b) {
    return new Tensor(torch.where(condition.raw, a.raw, b.raw));
  }

  /// For each value the number of `boundaries` below it (ascending, one-dimensional), int32.
  public static Tensor bucketize(Tensor values, Tensor boundaries) {
    return new Tensor(torch.bucketize(values.raw, boundaries.raw, true, false));
  }

  /// Area resize of the last two dimensions to `(height, width)`: the mean over the (possibly
  /// overlapping) cells of a regular grid.
  public static Tensor adaptiveAvgPool2d(Tensor input, long height, long width) {
    return new Tensor(torch.adaptive_avg_pool2d(input.raw, height, width));
  }

  // ---- autograd
  // -------------------------------------------------------------------------------------------------

  /// Vector-Jacobian product: for each input, the sum over outputs of gradOutput .
  /// d(output)/d(input).
  ///
  /// @return one gradient per input, in order; every input must take part in the outputs
  public static List<Tensor> grad(
      List<Tensor> outputs, List<Tensor> inputs, List<Tensor> gradOutputs) {
    return Tensor.list(
        torch.grad(
            Tensor.vector(outputs),
            Tensor.vector(inputs),
            Tensor.vector(gradOutputs),
            new BoolOptional(false),
            false,
            false));
  }

  // ---- layers with their own backward
  // -------------------------------------------------------------------------------------------------

  /// Layer norm over the last dimension with an elementwise `weight` and `bias` of its extent.
  /// Statistics are float32 (float64 for float64), whatever the dtype.
  ///
  /// @return output, mean, reciprocal standard deviation
  public static List<Tensor> layerNorm(Tensor input, Tensor weight, Tensor bias, double epsilon) {
    return Scope.keepAll(() ->
        triple(
            torch.native_layer_norm(
                input.raw,
                new long[] {input.size(-1)},
                new TensorOptional(weight.raw),
                new TensorOptional(bias.raw),
                epsilon)));
  }

  /// Gradients of [#layerNorm] from its mean and reciprocal standard deviation.
  ///
  /// @param affine whether the gradients of weight and bias are wanted too
  /// @return gradient of the input, and with `affine` those of weight and bias
  public static List<Tensor> layerNormBackward(
      Tensor gradOutput,
      Tensor input,
      Tensor mean,
      Tensor rstd,
      Tensor weight,
      Tensor bias,
      boolean affine) {
    return Scope.keepAll(() -> {
      List<Tensor> all =
          triple(
              torch.native_layer_norm_backward(
                  gradOutput.raw,
                  input.raw,
                  new long[] {input.size(-1)},
                  mean.raw,
                  rstd.raw,
                  new TensorOptional(weight.raw),
                  new TensorOptional(bias.raw),
                  new BoolPointer(3).put(0, true).put(1, affine).put(2, affine)));
      return affine ? all : all.subList(0, 1);
    });
  }

  /// Gradient of the exact [#gelu].
  public static Tensor geluBackward(Tensor gradOutput, Tensor input) {
    return new Tensor(torch.gelu_backward(gradOutput.raw, input.raw));
  }

  public static Tensor siluBackward(Tensor gradOutput, Tensor input) {
    return new Tensor(torch.silu_backward(gradOutput.raw, input.raw));
  }

  /// `output * (gradOutput - sum(gradOutput * output))` over the last dimension: the gradient of
  /// the scores when `output` is their softmax (or part of one), summed in float32.
  public static Tensor softmaxBackward(Tensor gradOutput, Tensor output) {
    return SOFTMAX_BACKWARD
        .call(1, gradOutput, output, -1L, (long) output.raw.scalar_type().value)
        .getFirst();
  }

  /// `out = a * b`, in the dtype of `out`, computed in the wider one of `a` and `b`.
  public static Tensor mulInto(Tensor out, Tensor a, Tensor b) {
    torch.mul_out(out.raw, a.raw, b.raw);
    return out;
  }

  /// `(B, C, h, w)` stretched bilinearly to `(B, C, height, width)`, pixel centres at half steps.
  public static Tensor upsampleBilinear(Tensor input, long height, long width) {
    return new Tensor(
        torch.upsample_bilinear2d(
            input.raw,
            new long[] {height, width},
            false,
            new DoubleOptional(),
            new DoubleOptional()));
  }

  private static List<Tensor> triple(T_TensorTensorTensor_T tuple) {
    // The getters give views into the tuple's memory: copy the handles.
    return List.of(
        new Tensor(new org.bytedeco.pytorch.Tensor(tuple.get0())),
        new Tensor(new org.bytedeco.pytorch.Tensor(tuple.get1())),
        new Tensor(new org.bytedeco.pytorch.Tensor(tuple.get2())));
  }

  static TensorOptions options(Dtype dtype, Device device) {
    return new TensorOptions(dtype.scalarType)
        .device(new org.bytedeco.pytorch.DeviceOptional(device.raw()));
  }

  /// A pointer to memory that JavaCPP does not own.
  private static final class Address extends Pointer {
    Address(long address) {
      super((Pointer) null);
      this.address = address;
    }
  }
}
