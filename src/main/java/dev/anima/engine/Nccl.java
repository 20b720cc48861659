package dev.anima.engine;

import java.lang.foreign.AddressLayout;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.util.concurrent.atomic.AtomicBoolean;
import org.bytedeco.pytorch.global.torch;

/// Sums over cards of several processes by NVIDIA's NCCL, which the CUDA build of libtorch has
/// loaded already.
///
/// Called directly: libtorch's own group for it can only be reached through JavaCPP's binding of
/// CUDA. Work goes into the default stream, where libtorch's operators of this program run too, so
/// nothing waits for the card.
final class Nccl implements AutoCloseable {
  /// `sizeof(ncclUniqueId)`
  static final int ID_BYTES = 128;

  private static final int SUCCESS = 0;
  private static final int FLOAT32 = 7; // ncclFloat32
  private static final int SUM = 0; // ncclSum

  private static final AddressLayout POINTER = ValueLayout.ADDRESS;
  private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT;
  private static final ValueLayout.OfLong SIZE = ValueLayout.JAVA_LONG;
  private static final MemoryLayout ID =
      MemoryLayout.structLayout(MemoryLayout.sequenceLayout(ID_BYTES, ValueLayout.JAVA_BYTE));

  private final Library library;
  private final MemorySegment communicator;
  private final AtomicBoolean ended = new AtomicBoolean();

  /// The functions used, by their names in `nccl.h`.
  private record Library(
      MethodHandle getUniqueId,
      MethodHandle commInitRank,
      MethodHandle allReduce,
      MethodHandle commDestroy,
      MethodHandle commAbort,
      MethodHandle getErrorString) {

    @SuppressWarnings("restricted") // the program starts with native access
    static Library load() {
      SymbolLookup symbols = SymbolLookup.libraryLookup("libnccl.so.2", Arena.global());
      return new Library(
          function(symbols, "ncclGetUniqueId", POINTER),
          function(symbols, "ncclCommInitRank", POINTER, INT, ID, INT),
          function(symbols, "ncclAllReduce", POINTER, POINTER, SIZE, INT, INT, POINTER, POINTER),
          function(symbols, "ncclCommDestroy", POINTER),
          function(symbols, "ncclCommAbort", POINTER),
          Linker.nativeLinker()
              .downcallHandle(
                  symbols.findOrThrow("ncclGetErrorString"), FunctionDescriptor.of(POINTER, INT)));
    }

    @SuppressWarnings("restricted")
    private static MethodHandle function(
        SymbolLookup symbols, String name, MemoryLayout... parameters) {
      return Linker.nativeLinker()
          .downcallHandle(symbols.findOrThrow(name), FunctionDescriptor.of(INT, parameters));
    }

    void call(MethodHandle function, Object... arguments) {
      int result;
      try {
        result = (int) function.invokeWithArguments(arguments);
      } catch (Throwable e) { // invokeWithArguments; NCCL itself throws nothing
        throw new IllegalStateException("NCCL cannot be called", e);
      }
      if (result != SUCCESS) {
        throw new IllegalStateException("NCCL: " + text(result));
      }
    }

    @SuppressWarnings("restricted")
    private String text(int result) {
      try {
        MemorySegment text = (MemorySegment) getErrorString.invokeExact(result);
        return text.reinterpret(1024).getString(0);
      } catch (Throwable e) { // as above
        throw new IllegalStateException("NCCL cannot be called", e);
      }
    }
  }

  private Nccl(Library library, MemorySegment communicator) {
    this.library = library;
    this.communicator = communicator;
  }

  /// What process 0 makes and gives to all.
  static byte[] uniqueId() {
    try (Arena arena = Arena.ofConfined()) {
      Library library = Library.load();
      MemorySegment id = arena.allocate(ID_BYTES);
      library.call(library.getUniqueId(), id);
      return id.toArray(ValueLayout.JAVA_BYTE);
    }
  }

  /// Meets the other processes; each must have a card of its own.
  static Nccl open(byte[] id, int rank, int size, Device card) {
    Library library = Library.load();
    try (Arena arena = Arena.ofConfined()) {
      // NCCL takes the card that is current in this thread.
      try (Scope _ = new Scope()) {
        torch.getDeviceGuardImpl(torch.DeviceType.CUDA).setDevice(card.raw());
      }
      MemorySegment shared = arena.allocate(ID_BYTES);
      MemorySegment.copy(id, 0, shared, ValueLayout.JAVA_BYTE, 0, ID_BYTES);
      MemorySegment out = arena.allocate(POINTER);
      library.call(library.commInitRank(), out, size, shared, rank);
      return new Nccl(library, out.get(POINTER, 0));
    }
  }

  /// @param tensor contiguous float32 on the card
  void sum_(Tensor tensor) {
    if (tensor.dtype() != Dtype.F32 || !tensor.isContiguous()) {
      throw new IllegalArgumentException("NCCL sums contiguous float32 here, got " + tensor);
    }
    MemorySegment data = MemorySegment.ofAddress(tensor.raw.data_ptr().address());
    try {
      library.call(
          library.allReduce(),
          data,
          data,
          tensor.numel(),
          FLOAT32,
          SUM,
          communicator,
          MemorySegment.NULL); // the default stream
    } catch (IllegalStateException e) {
      throw new PeerLost(String.valueOf(e.getMessage()), e);
    }
  }

  /// A small sum whose result is known.
  ///
  /// @throws IllegalStateException if it comes out wrong
  void check(int size, Device card) {
    try (Scope _ = new Scope()) {
      Tensor ones = Ops.full(1, Dtype.F32, card, 1000);
      sum_(ones);
      if (ones.min().item() != size || ones.max().item() != size) {
        throw new IllegalStateException("NCCL gave a wrong sum");
      }
    }
  }

  /// Ends sums that can never end by themselves. From any thread.
  void abort() {
    if (ended.compareAndSet(false, true)) {
      library.call(library.commAbort(), communicator);
    }
  }

  @Override
  public void close() {
    if (ended.compareAndSet(false, true)) {
      library.call(library.commDestroy(), communicator);
    }
  }
}
