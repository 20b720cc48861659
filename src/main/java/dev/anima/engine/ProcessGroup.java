package dev.anima.engine;

import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Optional;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.javacpp.chrono.Milliseconds;
import org.bytedeco.pytorch.AllreduceOptions;
import org.bytedeco.pytorch.GlooDeviceVector;
import org.bytedeco.pytorch.PrefixStore;
import org.bytedeco.pytorch.ProcessGroupGloo;
import org.bytedeco.pytorch.Store;
import org.bytedeco.pytorch.TCPStore;
import org.bytedeco.pytorch.TCPStoreOptions;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.Work;
import org.jspecify.annotations.Nullable;

/// Processes that add up tensors with each other: libtorch's Gloo over TCP, found through a store
/// that process 0 serves. On several cards large tensors go through NCCL instead ([#useCards]).
///
/// All calls belong on one thread, and every process makes the same ones in the same order.
public final class ProcessGroup implements AutoCloseable {
  /// Where the processes meet.
  ///
  /// @param rank number of this process, from 0
  /// @param size number of processes
  /// @param host where process 0 is
  /// @param port that process 0 opens there
  /// @param store prefix of the keys in a store that somebody else serves there; empty where
  ///   process 0 serves it
  /// @param ownAddress under which the others reach this process
  public record Meeting(
      int rank, int size, String host, int port, Optional<String> store, String ownAddress) {}

  private final Meeting meeting;
  private final Duration timeout;
  private final ProcessGroupGloo gloo;
  private final Deque<Pointer> owned = new ArrayDeque<>();
  private @Nullable Nccl cards;

  private ProcessGroup(Meeting meeting, Duration joining, Duration timeout) {
    this.meeting = meeting;
    this.timeout = timeout;
    try (Scope _ = new Scope()) {
      TCPStoreOptions options = new TCPStoreOptions();
      options
          .port((short) meeting.port()) // unsigned on the other side
          .isServer(meeting.rank() == 0 && meeting.store().isEmpty())
          .waitWorkers(false)
          .useLibUV(false) // not every build has it
          .timeout(new Milliseconds(joining.toMillis()));
      TCPStore tcp = own(new TCPStore(meeting.host(), options));
      Store store =
          meeting.store().isPresent() ? own(new PrefixStore(meeting.store().get(), tcp)) : tcp;
      gloo = own(new ProcessGroupGloo(store, meeting.rank(), meeting.size(), options(joining)));
      gloo.setTimeout(new Milliseconds(timeout.toMillis()));
    } catch (RuntimeException e) {
      closeOwned();
      throw e;
    }
  }

  /// On Linux the address is ours to choose; elsewhere the binding has no way to say it, and Gloo
  /// takes that of this computer's name.
  private ProcessGroupGloo.Options options(Duration joining) {
    Milliseconds patience = new Milliseconds(joining.toMillis());
    if (!System.getProperty("os.name").equals("Linux")) {
      return ProcessGroupGloo.Options.create_default(patience);
    }
    ProcessGroupGloo.Options options = ProcessGroupGloo.Options.create(patience);
    options.devices(
        new GlooDeviceVector(ProcessGroupGloo.createDeviceForHostname(meeting.ownAddress())));
    return options;
  }

  private <T extends Pointer> T own(T pointer) {
    pointer.retainReference();
    owned.push(pointer);
    return pointer;
  }

  /// Meets the other processes.
  ///
  /// @param joining how long to wait for them
  /// @param timeout how long each sum may take
  /// @throws JoinFailed if they do not come, or the port is taken
  public static ProcessGroup join(Meeting meeting, Duration joining, Duration timeout) {
    Libtorch.silenceLog();
    try {
      return new ProcessGroup(meeting, joining, timeout);
    } catch (RuntimeException e) {
      throw JoinFailed.of(meeting, joining, e);
    }
  }

  public int rank() {
    return meeting.rank();
  }

  public int size() {
    return meeting.size();
  }

  /// Replaces `tensor` by the sum over all processes, the same to the bit on each.
  ///
  /// @param tensor contiguous, of one shape and dtype everywhere, without autograd
  /// @throws PeerLost if a process is gone
  public void sum_(Tensor tensor) {
    sum_(tensor, timeout);
  }

  /// As above.
  ///
  /// @param patience how long the others may take to come here
  public void sum_(Tensor tensor, Duration patience) {
    if (tensor.device().isCpu()) {
      glooSum_(tensor, patience);
    } else if (cards != null) {
      cards.sum_(tensor);
    } else {
      try (Scope _ = new Scope()) {
        Tensor host = tensor.to(Device.CPU);
        glooSum_(host, patience);
        tensor.copy_(host);
      }
    }
  }

  private void glooSum_(Tensor tensor, Duration patience) {
    try (Scope _ = new Scope()) {
      AllreduceOptions options = new AllreduceOptions();
      options.timeout(new Milliseconds(patience.toMillis()));
      Work work = gloo.allreduce(new TensorVector(tensor.raw), options);
      work._wait();
    } catch (RuntimeException e) {
      throw new PeerLost(firstLine(e), e);
    }
  }

  static String firstLine(RuntimeException e) {
    return String.valueOf(e.getMessage()).lines().findFirst().orElse("").strip();
  }

  /// From now on tensors on `card` are added up there, by NCCL. All processes call this; it works
  /// on all of them or is used by none.
  ///
  /// @return why it is not used, where it is not
  public Optional<String> useCards(Device card) {
    byte[] id = new byte[Nccl.ID_BYTES];
    String problem = "";
    try {
      id = Nccl.uniqueId(); // loads the library, on every process
    } catch (RuntimeException | LinkageError e) {
      problem = String.valueOf(e.getMessage());
    }
    if (!isRightEverywhere(problem.isEmpty())) {
      return Optional.of(problem.isEmpty() ? "it is missing on another process" : problem);
    }
    Nccl opened = null;
    byte[] shared = sharedId(id);
    try {
      opened = Nccl.open(shared, rank(), size(), card);
      opened.check(size(), card);
    } catch (RuntimeException e) {
      problem = String.valueOf(e.getMessage());
    }
    if (isRightEverywhere(problem.isEmpty())) {
      cards = opened;
      return Optional.empty();
    }
    if (opened != null) {
      opened.close();
    }
    return Optional.of(problem.isEmpty() ? "it does not work on another process" : problem);
  }

  private boolean isRightEverywhere(boolean here) {
    try (Scope _ = new Scope()) {
      Tensor right = Ops.of(new long[] {here ? 1 : 0}, 1);
      glooSum_(right, timeout);
      return right.toLongs()[0] == size();
    }
  }

  private byte[] sharedId(byte[] id) {
    long[] words = new long[id.length];
    for (int i = 0; i < id.length; i++) {
      words[i] = rank() == 0 ? id[i] : 0;
    }
    long[] sum;
    try (Scope _ = new Scope()) {
      Tensor shared = Ops.of(words, words.length);
      glooSum_(shared, timeout);
      sum = shared.toLongs();
    }
    byte[] bytes = new byte[id.length];
    for (int i = 0; i < bytes.length; i++) {
      bytes[i] = (byte) sum[i];
    }
    return bytes;
  }

  /// Lets go of sums on the cards that can never end, as a process is gone. From any thread.
  public void abortCards() {
    Nccl running = cards;
    if (running != null) {
      running.abort();
    }
  }

  @Override
  public void close() {
    if (cards != null) {
      cards.close();
      cards = null;
    }
    closeOwned();
  }

  private void closeOwned() {
    while (!owned.isEmpty()) {
      owned.pop().close();
    }
  }
}
