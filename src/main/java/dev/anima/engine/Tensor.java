package dev.anima.engine;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.bytedeco.pytorch.BoolOptional;
import org.bytedeco.pytorch.LongOptional;
import org.bytedeco.pytorch.MemoryFormatOptional;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.ScalarOptional;
import org.bytedeco.pytorch.ScalarTypeOptional;
import org.bytedeco.pytorch.TensorArrayRefOptional;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;

/// A libtorch tensor. Methods carry torch's own names and meaning; a trailing underscore works in
/// place.
///
/// Lifetime: a new tensor belongs to the innermost open [Scope]. Outside of any scope it would only
/// be freed by the garbage collector, so long-lived tensors (weights, optimizer state) call
/// [#retain] and are closed by their owner. All methods throw a [RuntimeException] with libtorch's
/// message on a shape or dtype error: that is a bug here, not the user's.
public final class Tensor implements AutoCloseable {
  /// Bytes up to which main memory is pinned for a way to a card. Batches are smaller, large
  /// weights larger: libtorch never gives pinned memory back.
  private static final long SENT_LATER = 32L << 20;

  final org.bytedeco.pytorch.Tensor raw;

  Tensor(org.bytedeco.pytorch.Tensor raw) {
    this.raw = raw;
  }

  // ---- shape and type
  // -------------------------------------------------------------------------------------------

  public long[] shape() {
    long[] shape = new long[dim()];
    for (int i = 0; i < shape.length; i++) {
      shape[i] = raw.size(i);
    }
    return shape;
  }

  /// Extent of `dim`; negative counts from the last.
  public long size(int dim) {
    return raw.size(dim);
  }

  public int dim() {
    return (int) raw.dim();
  }

  public long numel() {
    return raw.numel();
  }

  public Dtype dtype() {
    return Dtype.of(raw.scalar_type());
  }

  public Device device() {
    return Device.of(raw.device());
  }

  /// Bytes of the elements, not of the storage behind a view.
  public long bytes() {
    return numel() * dtype().bytes();
  }

  public boolean isContiguous() {
    return raw.is_contiguous();
  }

  // ---- lifetime
  // -------------------------------------------------------------------------------------------------

  /// Takes this tensor out of the innermost scope's hands; the caller owns it and must [#close] it.
  public Tensor retain() {
    raw.retainReference();
    return this;
  }

  /// Frees a retained tensor now (its storage goes when no view or graph holds it any more).
  @Override
  public void close() {
    raw.close();
  }

  // ---- views
  // ----------------------------------------------------------------------------------------------------

  public Tensor view(long... shape) {
    return new Tensor(raw.view(shape));
  }

  public Tensor reshape(long... shape) {
    return new Tensor(raw.reshape(shape));
  }

  public Tensor flatten() {
    return new Tensor(raw.flatten());
  }

  /// Joins dimensions `start` to `end`, both included.
  public Tensor flatten(int start, int end) {
    return new Tensor(raw.flatten(start, end));
  }

  public Tensor permute(long... dims) {
    return new Tensor(raw.permute(dims));
  }

  public Tensor transpose(int a, int b) {
    return new Tensor(raw.transpose(a, b));
  }

  /// Transposed matrix (last two dimensions).
  public Tensor t() {
    return transpose(-2, -1);
  }

  public Tensor unsqueeze(int dim) {
    return new Tensor(raw.unsqueeze(dim));
  }

  public Tensor squeeze(int dim) {
    return new Tensor(raw.squeeze(dim));
  }

  public Tensor expand(long... shape) {
    return new Tensor(raw.expand(shape));
  }

  public Tensor narrow(int dim, long start, long length) {
    return new Tensor(raw.narrow(dim, start, length));
  }

  public Tensor select(int dim, long index) {
    return new Tensor(raw.select(dim, index));
  }

  public Tensor slice(int dim, long start, long end, long step) {
    return new Tensor(raw.slice(dim, new LongOptional(start), new LongOptional(end), step));
  }

  public List<Tensor> chunk(int chunks, int dim) {
    return list(raw.chunk(chunks, dim));
  }

  public Tensor contiguous() {
    return new Tensor(raw.contiguous());
  }

  /// Same storage, cut off from the autograd graph.
  public Tensor detach() {
    return new Tensor(raw.detach());
  }

  /// A copy with storage of its own.
  public Tensor copy() {
    return new Tensor(raw.clone());
  }

  public Tensor to(Dtype dtype) {
    return raw.scalar_type().value == dtype.scalarType.value
        ? this
        : new Tensor(raw.to(dtype.scalarType));
  }

  /// From main memory to a card without a wait, in order with the card's other work, unless it is
  /// large and not pinned.
  public Tensor to(Device device) {
    if (device.equals(device())) {
      return this;
    }
    return isSentLater(device)
        ? sentLater(device)
        : new Tensor(raw.to(device.raw(), raw.scalar_type()));
  }

  /// As [#to(Device)], in another dtype.
  public Tensor to(Device device, Dtype dtype) {
    if (device.equals(device())) {
      return to(dtype);
    }
    return isSentLater(device)
        ? to(dtype).sentLater(device)
        : new Tensor(raw.to(device.raw(), dtype.scalarType));
  }

  private boolean isSentLater(Device device) {
    return device.kind() == Device.Kind.CUDA
        && device().isCpu()
        && (bytes() <= SENT_LATER || raw.is_pinned());
  }

  /// Out of pinned memory, which libtorch keeps until the card has read it, whoever frees it
  /// before.
  private Tensor sentLater(Device device) {
    org.bytedeco.pytorch.Tensor pinned = raw.is_pinned() ? raw : raw.pin_memory();
    return new Tensor(
        pinned.to(device.raw(), raw.scalar_type(), true, false, new MemoryFormatOptional()));
  }

  /// Rows (or slices along `dim`) picked by an int64 index tensor.
  public Tensor indexSelect(int dim, Tensor index) {
    return new Tensor(raw.index_select(dim, index.raw));
  }

  /// Nearest-neighbour repeat of each element along `dim`.
  public Tensor repeatInterleave(long repeats, int dim) {
    return new Tensor(raw.repeat_interleave(repeats, new LongOptional(dim), new LongOptional()));
  }

  // ---- arithmetic
  // -----------------------------------------------------------------------------------------------

  public Tensor add(Tensor other) {
    return new Tensor(raw.add(other.raw));
  }

  public Tensor add(double value) {
    return new Tensor(raw.add(new Scalar(value)));
  }

  /// `this + alpha * other`
  public Tensor add(Tensor other, double alpha) {
    return new Tensor(raw.add(other.raw, new Scalar(alpha)));
  }

  public Tensor sub(Tensor other) {
    return new Tensor(raw.sub(other.raw));
  }

  public Tensor sub(double value) {
    return new Tensor(raw.sub(new Scalar(value)));
  }

  public Tensor mul(Tensor other) {
    return new Tensor(raw.mul(other.raw));
  }

  public Tensor mul(double value) {
    return new Tensor(raw.mul(new Scalar(value)));
  }

  public Tensor div(Tensor other) {
    return new Tensor(raw.div(other.raw));
  }

  public Tensor div(double value) {
    return new Tensor(raw.div(new Scalar(value)));
  }

  public Tensor neg() {
    return new Tensor(raw.neg());
  }

  public Tensor pow(double exponent) {
    return new Tensor(raw.pow(new Scalar(exponent)));
  }

  public Tensor square() {
    return new Tensor(raw.square());
  }

  public Tensor sqrt() {
    return new Tensor(raw.sqrt());
  }

  public Tensor rsqrt() {
    return new Tensor(raw.rsqrt());
  }

  public Tensor exp() {
    return new Tensor(raw.exp());
  }

  public Tensor log() {
    return new Tensor(raw.log());
  }

  public Tensor sin() {
    return new Tensor(raw.sin());
  }

  public Tensor cos() {
    return new Tensor(raw.cos());
  }

  public Tensor abs() {
    return new Tensor(raw.abs());
  }

  public Tensor sign() {
    return new Tensor(raw.sign());
  }

  public Tensor trunc() {
    return new Tensor(raw.trunc());
  }

  public Tensor floor() {
    return new Tensor(raw.floor());
  }

  /// To the nearest integer, ties to even.
  public Tensor round() {
    return new Tensor(raw.round());
  }

  public Tensor reciprocal() {
    return new Tensor(raw.reciprocal());
  }

  public Tensor sigmoid() {
    return new Tensor(raw.sigmoid());
  }

  public Tensor clamp(double low, double high) {
    return new Tensor(
        raw.clamp(new ScalarOptional(new Scalar(low)), new ScalarOptional(new Scalar(high))));
  }

  public Tensor clampMin(double low) {
    return new Tensor(raw.clamp_min(new Scalar(low)));
  }

  public Tensor matmul(Tensor other) {
    return new Tensor(raw.matmul(other.raw));
  }

  public Tensor lerp(Tensor end, double weight) {
    return new Tensor(raw.lerp(end.raw, new Scalar(weight)));
  }

  // ---- in place
  // -------------------------------------------------------------------------------------------------

  public Tensor copy_(Tensor source) {
    raw.copy_(source.raw);
    return this;
  }

  public Tensor zero_() {
    raw.zero_();
    return this;
  }

  public Tensor fill_(double value) {
    raw.fill_(new Scalar(value));
    return this;
  }

  public Tensor add_(Tensor other) {
    raw.add_(other.raw);
    return this;
  }

  public Tensor add_(Tensor other, double alpha) {
    raw.add_(other.raw, new Scalar(alpha));
    return this;
  }

  public Tensor add_(double value) {
    raw.add_(new Scalar(value));
    return this;
  }

  public Tensor sub_(Tensor other) {
    raw.sub_(other.raw);
    return this;
  }

  public Tensor mul_(Tensor other) {
    raw.mul_(other.raw);
    return this;
  }

  public Tensor mul_(double value) {
    if (dtype().isReduced() && device().isCpu()) {
      // On the CPU libtorch's scalar form rounds the factor to the tensor's type first (0.999
      // becomes 1 in bf16); Python calls the tensor form, which does not.
      try (Scope _ = new Scope()) {
        raw.mul_(Ops.of(new double[] {value}).raw);
      }
    } else {
      raw.mul_(new Scalar(value));
    }
    return this;
  }

  public Tensor div_(Tensor other) {
    raw.div_(other.raw);
    return this;
  }

  public Tensor div_(double value) {
    raw.div_(new Scalar(value));
    return this;
  }

  /// `this += value * a * b`
  public Tensor addcmul_(Tensor a, Tensor b, double value) {
    raw.addcmul_(a.raw, b.raw, new Scalar(value));
    return this;
  }

  /// `this += value * a / b`
  public Tensor addcdiv_(Tensor a, Tensor b, double value) {
    raw.addcdiv_(a.raw, b.raw, new Scalar(value));
    return this;
  }

  /// `this += weight * (end - this)`
  public Tensor lerp_(Tensor end, double weight) {
    raw.lerp_(end.raw, new Scalar(weight));
    return this;
  }

  public Tensor sqrt_() {
    raw.sqrt_();
    return this;
  }

  public Tensor sign_() {
    raw.sign_();
    return this;
  }

  public Tensor rsqrt_() {
    raw.rsqrt_();
    return this;
  }

  public Tensor reciprocal_() {
    raw.reciprocal_();
    return this;
  }

  public Tensor clamp_(double low, double high) {
    raw.clamp_(new ScalarOptional(new Scalar(low)), new ScalarOptional(new Scalar(high)));
    return this;
  }

  /// For integers.
  public Tensor clamp_(long low, long high) {
    raw.clamp_(new ScalarOptional(new Scalar(low)), new ScalarOptional(new Scalar(high)));
    return this;
  }

  public Tensor clampMin_(double low) {
    raw.clamp_min_(new Scalar(low));
    return this;
  }

  public Tensor clampMax_(double high) {
    raw.clamp_max_(new Scalar(high));
    return this;
  }

  public Tensor maskedFill_(Tensor mask, double value) {
    raw.masked_fill_(mask.raw, new Scalar(value));
    return this;
  }

  // ---- reductions
  // -----------------------------------------------------------------------------------------------

  public Tensor sum() {
    return new Tensor(raw.sum());
  }

  public Tensor sum(boolean keepDim, long... dims) {
    return new Tensor(raw.sum(dims, keepDim, new ScalarTypeOptional()));
  }

  public Tensor mean() {
    return new Tensor(raw.mean());
  }

  public Tensor mean(boolean keepDim, long... dims) {
    return new Tensor(raw.mean(dims, keepDim, new ScalarTypeOptional()));
  }

  /// Largest element.
  public Tensor max() {
    return new Tensor(raw.max());
  }

  public Tensor min() {
    return new Tensor(raw.min());
  }

  /// Elementwise larger of the two.
  public Tensor maximum(Tensor other) {
    return new Tensor(raw.maximum(other.raw));
  }

  /// Largest element along `dims`; NaN wins.
  public Tensor amax(boolean keepDim, long... dims) {
    return new Tensor(raw.amax(dims, keepDim));
  }

  /// Euclidean length along `dim`.
  public Tensor norm(boolean keepDim, long dim) {
    return new Tensor(
        torch.linalg_vector_norm(
            raw, new Scalar(2), new long[] {dim}, keepDim, new ScalarTypeOptional()));
  }

  /// Euclidean length of all elements together.
  public Tensor norm() {
    return new Tensor(raw.norm());
  }

  public Tensor softmax(int dim) {
    return new Tensor(torch.softmax(raw, dim));
  }

  public Tensor logsumexp(boolean keepDim, long... dims) {
    return new Tensor(raw.logsumexp(dims, keepDim));
  }

  // ---- masks
  // ----------------------------------------------------------------------------------------------------

  public Tensor eq(double value) {
    return new Tensor(raw.eq(new Scalar(value)));
  }

  public Tensor ne(double value) {
    return new Tensor(raw.ne(new Scalar(value)));
  }

  public Tensor gt(double value) {
    return new Tensor(raw.gt(new Scalar(value)));
  }

  public Tensor lt(double value) {
    return new Tensor(raw.lt(new Scalar(value)));
  }

  public Tensor logicalNot() {
    return new Tensor(raw.logical_not());
  }

  public Tensor logicalAnd(Tensor other) {
    return new Tensor(raw.logical_and(other.raw));
  }

  public Tensor maskedFill(Tensor mask, double value) {
    return new Tensor(raw.masked_fill(mask.raw, new Scalar(value)));
  }

  public Tensor isFinite() {
    return new Tensor(raw.isfinite());
  }

  // ---- autograd
  // -------------------------------------------------------------------------------------------------

  public Tensor requiresGrad_(boolean value) {
    raw.set_requires_grad(value);
    return this;
  }

  public boolean requiresGrad() {
    return raw.requires_grad();
  }

  /// Adds d(this)/d(leaf) to every leaf's gradient. For a scalar.
  public void backward() {
    raw.backward();
  }

  /// Adds gradient . d(this)/d(leaf) to every leaf's gradient and frees the graph.
  ///
  /// @param gradient in the shape and dtype of this
  public void backward(Tensor gradient) {
    raw.backward(gradient.raw, new BoolOptional(false), false, new TensorArrayRefOptional());
  }

  /// Whether a gradient has been accumulated.
  public boolean hasGrad() {
    return raw.grad().defined();
  }

  public Tensor grad() {
    return new Tensor(raw.mutable_grad());
  }

  /// Makes `gradient` (same shape and dtype) the place where [#backward] adds this leaf's gradient.
  ///
  /// The storage stays `gradient`'s own: a view of a larger buffer is filled in place.
  public Tensor gradientInto_(Tensor gradient) {
    raw.mutable_grad().put(gradient.raw);
    return this;
  }

  // ---- to Java
  // --------------------------------------------------------------------------------------------------

  /// The single element. Waits for the device.
  public double item() {
    return raw.item_double();
  }

  /// All elements in row-major order as float32. Waits for the device.
  public float[] toFloats() {
    try (Scope _ = new Scope()) {
      Tensor plain = detach().to(Device.CPU).to(Dtype.F32).contiguous();
      float[] values = new float[Math.toIntExact(plain.numel())];
      MemorySegment.copy(
          plain.memory(), ValueLayout.JAVA_FLOAT_UNALIGNED, 0, values, 0, values.length);
      return values;
    }
  }

  /// All elements in row-major order as float64. Waits for the device.
  public double[] toDoubles() {
    try (Scope _ = new Scope()) {
      Tensor plain = detach().to(Device.CPU).to(Dtype.F64).contiguous();
      double[] values = new double[Math.toIntExact(plain.numel())];
      MemorySegment.copy(
          plain.memory(), ValueLayout.JAVA_DOUBLE_UNALIGNED, 0, values, 0, values.length);
      return values;
    }
  }

  /// All elements in row-major order as int64. Waits for the device.
  public long[] toLongs() {
    try (Scope _ = new Scope()) {
      Tensor plain = detach().to(Device.CPU).to(Dtype.I64).contiguous();
      long[] values = new long[Math.toIntExact(plain.numel())];
      MemorySegment.copy(
          plain.memory(), ValueLayout.JAVA_LONG_UNALIGNED, 0, values, 0, values.length);
      return values;
    }
  }

  /// The elements' bytes, little endian, in row-major order. Waits for the device.
  public byte[] toBytes() {
    try (Scope _ = new Scope()) {
      return detach().to(Device.CPU).contiguous().memory().toArray(ValueLayout.JAVA_BYTE);
    }
  }

  /// The elements in place, without a copy: only for a contiguous CPU tensor, valid while this
  /// tensor lives.
  @SuppressWarnings("restricted") // the address and length are libtorch's own
  public MemorySegment memory() {
    if (!isContiguous() || !device().isCpu()) {
      throw new IllegalStateException("memory() needs a contiguous tensor on the CPU");
    }
    return bytes() == 0
        ? MemorySegment.NULL
        : MemorySegment.ofAddress(raw.data_ptr().address()).reinterpret(bytes());
  }

  @Override
  public String toString() {
    return "Tensor" + Arrays.toString(shape()) + " " + dtype();
  }

  static List<Tensor> list(TensorVector vector) {
    List<Tensor> tensors = new ArrayList<>((int) vector.size());
    for (long i = 0; i < vector.size(); i++) {
      // get() is a view into the vector's memory: copy the handle so that it outlives the vector.
      tensors.add(new Tensor(new org.bytedeco.pytorch.Tensor(vector.get(i))));
    }
    return tensors;
  }

  static TensorVector vector(List<Tensor> tensors) {
    org.bytedeco.pytorch.Tensor[] raws = new org.bytedeco.pytorch.Tensor[tensors.size()];
    for (int i = 0; i < raws.length; i++) {
      raws[i] = tensors.get(i).raw;
    }
    return new TensorVector(raws);
  }

  // ---- products and passes for hand-written backwards
  // -----------------------------------------------------------------------------------------------

  /// Matrix product of two matrices.
  public Tensor mm(Tensor other) {
    return new Tensor(raw.mm(other.raw));
  }

  /// Batched matrix product: `(n, a, b) x (n, b, c)`.
  public Tensor bmm(Tensor other) {
    return new Tensor(raw.bmm(other.raw));
  }

  /// `this + alpha * a b` in place, for matrices.
  public Tensor addmm_(Tensor a, Tensor b, double alpha) {
    raw.addmm_(a.raw, b.raw, new Scalar(1), new Scalar(alpha));
    return this;
  }

  /// `beta * this + alpha * a b` in place, for batches of matrices. With `beta` 0 the old content
  /// does not matter.
  public Tensor baddbmm_(Tensor a, Tensor b, double beta, double alpha) {
    raw.baddbmm_(a.raw, b.raw, new Scalar(beta), new Scalar(alpha));
    return this;
  }

  /// `this + a * b` in one pass.
  public Tensor addcmul(Tensor a, Tensor b) {
    return new Tensor(raw.addcmul(a.raw, b.raw));
  }

  /// `log(exp(this) + exp(other))`
  public Tensor logaddexp(Tensor other) {
    return new Tensor(raw.logaddexp(other.raw));
  }

  /// Euclidean length over the last dimension, which stays with extent 1; summed in `statistic`.
  public Tensor lengths(Dtype statistic) {
    return new Tensor(
        torch.linalg_vector_norm(
            raw,
            new Scalar(2.0),
            new long[] {-1},
            true,
            new ScalarTypeOptional(statistic.scalarType)));
  }

  /// Sum over `dims`, accumulated and returned in `dtype`.
  public Tensor sum(Dtype dtype, boolean keepDim, long... dims) {
    return new Tensor(raw.sum(dims, keepDim, new ScalarTypeOptional(dtype.scalarType)));
  }

  /// The same numbers in the computer's memory; from a card into pinned memory, without a wait:
  /// only work of the card itself may read it before the card has come this far (see [Readback]).
  public Tensor toHost() {
    if (device().isCpu()) {
      return this;
    }
    org.bytedeco.pytorch.Tensor pinned =
        torch.empty(
            shape(),
            Ops.options(dtype(), Device.CPU).pinned_memory(new BoolOptional(true)),
            new MemoryFormatOptional());
    pinned.copy_(raw, true);
    return new Tensor(pinned);
  }

  /// [#copy_] that does not wait for a card: the source must stay as it is until the card is done.
  /// On the CPU the same as [#copy_].
  public Tensor copyLater_(Tensor source) {
    raw.copy_(source.raw, true);
    return this;
  }

  /// Largest absolute value over the last dimension, which stays with extent 1; in one pass, in
  /// this dtype.
  public Tensor largestMagnitudes() {
    return new Tensor(
        torch.linalg_vector_norm(
            raw,
            new Scalar(Double.POSITIVE_INFINITY),
            new long[] {-1},
            true,
            new ScalarTypeOptional()));
  }

  public Tensor round_() {
    raw.round_();
    return this;
  }

  // ---- what optimizers and noise need --------------------------------------------------------

  /// Angle of the point (`other`, this), in (-pi, pi].
  public Tensor atan2(Tensor other) {
    return new Tensor(raw.atan2(other.raw));
  }

  /// The same bytes read as `dtype`, which must be as wide. A view.
  public Tensor bitsAs(Dtype dtype) {
    if (dtype.bytes() != dtype().bytes()) {
      throw new IllegalArgumentException(dtype() + " and " + dtype + " differ in width");
    }
    return new Tensor(raw.view(dtype.scalarType));
  }

  /// Bitwise and with `mask`, for whole numbers.
  public Tensor bitwiseAnd_(long mask) {
    raw.bitwise_and_(new Scalar(mask));
    return this;
  }

  /// Standard deviation of all elements, with n - 1 below.
  public Tensor std() {
    return new Tensor(raw.std());
  }

  /// [#to] that does not wait for a card when this is in pinned memory.
  public Tensor toLater(Device device) {
    return device.equals(device())
        ? this
        : new Tensor(
            raw.to(device.raw(), raw.scalar_type(), true, false, new MemoryFormatOptional()));
  }
}
