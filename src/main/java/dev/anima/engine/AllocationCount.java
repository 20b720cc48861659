package dev.anima.engine;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.util.EnumMap;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.pytorch.DebugInfoBase;
import org.bytedeco.pytorch.DebugInfoKind;
import org.bytedeco.pytorch.ThreadLocalDebugInfo;
import org.jspecify.annotations.Nullable;

/// Counts the bytes libtorch allocates for tensors on the thread that opened this: exactly, every
/// allocation and every release, its kernels' own temporaries included. Not counted: what was there
/// before, memory that is not libtorch's (mapped files, the buffers of MKL and oneDNN), and blocks
/// that another thread allocates.
///
/// libtorch reports each allocation to the thread's profiler object, if there is one. Java cannot
/// extend that C++ class, so one is laid out by hand: a table of virtual functions that call back
/// here. The layout is that of the Itanium C++ ABI, so not on Windows. A report costs well below a
/// microsecond.
///
/// Counters nest; open and close them on one thread, the last opened first.
public final class AllocationCount implements AutoCloseable {
  private static final boolean LAID_OUT_AS_EXPECTED =
      !System.getProperty("os.name", "").startsWith("Windows");

  /// By the address of the C++ object that stands for each.
  private static final Map<Long, AllocationCount> OPEN = new ConcurrentHashMap<>();

  private static final ThreadLocal<@Nullable AllocationCount> INNERMOST = new ThreadLocal<>();

  private final Map<Device.Kind, Sum> sums = new EnumMap<>(Device.Kind.class);
  private final @Nullable AllocationCount around;
  private final Reports reports;
  private final MemorySegment object;

  /// Hears of every allocation while it happens; must not touch tensors.
  @FunctionalInterface
  public interface Reports {
    Reports NONE = (_, _) -> {};

    /// @param bytes negative when they are released
    void allocated(Device.Kind where, long bytes);
  }

  /// Of one kind of device.
  private static final class Sum {
    private long live;
    private long peak;

    private void add(long bytes) {
      live += bytes;
      peak = Math.max(peak, live);
    }
  }

  private AllocationCount(Reports reports) {
    this.reports = reports;
    this.around = INNERMOST.get();
    this.object = ProfilerObject.create();
  }

  /// Begins to count, from 0; empty where libtorch cannot be asked.
  public static Optional<AllocationCount> open() {
    return open(Reports.NONE);
  }

  /// As above, telling `reports` as well.
  public static Optional<AllocationCount> open(Reports reports) {
    if (!LAID_OUT_AS_EXPECTED) {
      return Optional.empty();
    }
    Libtorch.load();
    AllocationCount count = new AllocationCount(reports);
    OPEN.put(count.object.address(), count);
    INNERMOST.set(count);
    try (Scope _ = new Scope()) {
      ThreadLocalDebugInfo._push(
          DebugInfoKind.PROFILER_STATE(), new DebugInfoBase(new Address(count.object.address())));
    }
    return Optional.of(count);
  }

  /// Bytes allocated since this was opened, less those released.
  public synchronized long live(Device device) {
    return sum(device.kind()).live;
  }

  /// The most that [#live] was, since the beginning or [#resetPeak].
  public synchronized long peak(Device device) {
    return sum(device.kind()).peak;
  }

  /// Looks for the peak from here on.
  public synchronized void resetPeak() {
    sums.values().forEach(sum -> sum.peak = sum.live);
  }

  private Sum sum(Device.Kind kind) {
    return sums.computeIfAbsent(kind, _ -> new Sum());
  }

  private void add(Device.Kind kind, long bytes) {
    synchronized (this) {
      sum(kind).add(bytes);
    }
    reports.allocated(kind, bytes);
    if (around != null) {
      around.add(kind, bytes);
    }
  }

  @Override
  public void close() {
    if (OPEN.remove(object.address()) != null) {
      INNERMOST.set(around);
      try (Scope _ = new Scope()) {
        ThreadLocalDebugInfo._pop(DebugInfoKind.PROFILER_STATE());
      }
    }
  }

  /// A pointer to memory that JavaCPP does not own.
  private static final class Address extends Pointer {
    Address(long address) {
      super((Pointer) null);
      this.address = address;
    }
  }

  /// `c10::MemoryReportingInfoBase` as the compiler lays it out: a pointer to its functions, no
  /// fields. A few bytes each, never freed: libtorch may keep a reference for longer than we do.
  @SuppressWarnings("unused") // its functions are found by name and called by libtorch
  private static final class ProfilerObject {
    private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG;
    private static final MemorySegment FUNCTIONS = functions();

    static MemorySegment create() {
      MemorySegment object = Arena.global().allocate(ValueLayout.ADDRESS);
      object.set(ValueLayout.ADDRESS, 0, FUNCTIONS);
      return object;
    }

    private static MemorySegment functions() {
      var pointer = ValueLayout.ADDRESS;
      var device = ValueLayout.JAVA_SHORT; // a kind and an index, one byte each
      MemorySegment end = upcall("end", FunctionDescriptor.ofVoid(pointer));
      MemorySegment[] inOrder = {
        MemorySegment.NULL, // offset to top
        MemorySegment.NULL, // type information
        end, // destructor
        end, // destructor that frees
        upcall("report", FunctionDescriptor.ofVoid(pointer, pointer, LONG, LONG, LONG, device)),
        upcall("outOfMemory", FunctionDescriptor.ofVoid(pointer, LONG, LONG, LONG, device)),
        upcall("wanted", FunctionDescriptor.of(ValueLayout.JAVA_BOOLEAN, pointer))
      };
      MemorySegment table = Arena.global().allocate(pointer, inOrder.length);
      for (int i = 0; i < inOrder.length; i++) {
        table.setAtIndex(pointer, i, inOrder[i]);
      }
      return table.asSlice(2 * pointer.byteSize());
    }

    @SuppressWarnings("restricted") // the program starts with native access
    private static MemorySegment upcall(String name, FunctionDescriptor descriptor) {
      MethodType type = descriptor.toMethodType();
      try {
        return Linker.nativeLinker()
            .upcallStub(
                MethodHandles.lookup().findStatic(ProfilerObject.class, name, type),
                descriptor,
                Arena.global());
      } catch (ReflectiveOperationException e) {
        throw new IllegalStateException(name + " is not here as " + type, e);
      }
    }

    static void end(MemorySegment self) {}

    static void report(
        MemorySegment self,
        MemorySegment block,
        long bytes,
        long allocated,
        long reserved,
        short device) {
      AllocationCount count = OPEN.get(self.address());
      if (count != null) {
        count.add((device & 0xFF) == 0 ? Device.Kind.CPU : Device.Kind.CUDA, bytes);
      }
    }

    static void outOfMemory(
        MemorySegment self, long wanted, long allocated, long reserved, short device) {}

    static boolean wanted(MemorySegment self) {
      return OPEN.containsKey(self.address());
    }
  }
}
