package dev.anima.train.team;

import dev.anima.config.Ranks;
import dev.anima.engine.Device;
import dev.anima.engine.JoinFailed;
import dev.anima.engine.Ops;
import dev.anima.engine.PeerLost;
import dev.anima.engine.ProcessGroup;
import dev.anima.engine.Scope;
import dev.anima.engine.Tensor;
import dev.anima.io.InputException;
import java.io.IOException;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.random.RandomGenerator;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/// The processes that train one LoRA together, as seen from one of them. All of them make the same
/// calls in the same order.
///
/// [#ALONE] is the team of one process: it meets nobody and costs nothing.
public final class Team implements AutoCloseable {
  public static final Team ALONE = new Team(Ranks.ALONE, null, null);

  /// How long to wait for the others at the start, where `--ddp_timeout` says nothing.
  private static final Duration JOINING = Duration.ofMinutes(10);

  /// How long a step may take longer on another process, where `--ddp_timeout` says nothing; as
  /// torch.
  private static final Duration TIMEOUT = Duration.ofMinutes(30);

  /// For work that one process does while the others wait.
  private static final Duration LONG = Duration.ofDays(7);

  private static final Duration WORD = Duration.ofSeconds(20);

  private final Ranks ranks;
  private final @Nullable ProcessGroup group;
  private final @Nullable RollCall roll;

  private Team(Ranks ranks, @Nullable ProcessGroup group, @Nullable RollCall roll) {
    this.ranks = ranks;
    this.group = group;
    this.roll = roll;
  }

  /// A team of `size` that never meets, to plan with.
  public static Team planned(int size) {
    return size == 1 ? ALONE : new Team(Ranks.planned(size), null, null);
  }

  /// Meets the others.
  ///
  /// @param minutes `--ddp_timeout`
  /// @throws InputException if they do not come
  public static Team join(Ranks ranks, Optional<Duration> minutes) {
    return ranks.isAlone() ? ALONE : join(ranks, minutes.orElse(JOINING), minutes.orElse(TIMEOUT));
  }

  /// As above.
  ///
  /// @param joining how long to wait for the others
  /// @param timeout how long a sum may take
  static Team join(Ranks ranks, Duration joining, Duration timeout) {
    boolean allHere = ranks.localSize().orElse(0) == ranks.size();
    ProcessGroup.Meeting meeting =
        new ProcessGroup.Meeting(
            ranks.rank(),
            ranks.size(),
            ranks.master(),
            ranks.port(),
            ranks.store(),
            OwnAddress.towards(ranks.master(), ranks.port(), allHere));
    ProcessGroup group;
    try {
      group = ProcessGroup.join(meeting, joining, timeout);
    } catch (JoinFailed e) {
      throw new InputException(sentence(e, ranks), e);
    }
    try {
      return new Team(ranks, group, rollCall(ranks, group));
    } catch (IOException | PeerLost e) {
      group.close();
      throw new InputException(
          "the %d processes met at %s:%d, but rank %d cannot reach rank 0 on another port (%s)"
              .formatted(ranks.size(), ranks.master(), ranks.port(), ranks.rank(), e.getMessage()),
          e);
    }
  }

  private static String sentence(JoinFailed e, Ranks ranks) {
    return switch (e.reason()) {
      case PORT_TAKEN ->
          "MASTER_PORT=%d is in use on this computer\n  -> choose another port, the same for all processes"
              .formatted(ranks.port());
      case NO_SUCH_HOST ->
          "MASTER_ADDR=%s: there is no such host\n  -> give the name or address of the computer that runs rank 0"
              .formatted(ranks.master());
      case NOBODY_CAME ->
          "rank %d of %d: %s\n  -> start all ranks, with one MASTER_ADDR and one MASTER_PORT that they can reach; --ddp_timeout=MINUTES waits longer"
              .formatted(ranks.rank(), ranks.size(), e.getMessage());
    };
  }

  private static RollCall rollCall(Ranks ranks, ProcessGroup group) throws IOException {
    long token = RandomGenerator.getDefault().nextLong(1L << 62);
    RollCall hub = ranks.rank() == 0 ? RollCall.hub(token) : null;
    long[] place = share(group, hub == null ? new long[2] : new long[] {hub.port(), token});
    RollCall roll =
        hub == null
            ? RollCall.member(ranks.rank(), place[1], ranks.master(), Math.toIntExact(place[0]))
            : hub;
    roll.onLoss(group::abortCards);
    return roll;
  }

  // ---- who ------------------------------------------------------------------------------------

  public Ranks ranks() {
    return ranks;
  }

  public int size() {
    return ranks.size();
  }

  public int rank() {
    return ranks.rank();
  }

  public boolean isAlone() {
    return ranks.isAlone();
  }

  /// Whether this process writes the files and tells the user what happens.
  public boolean isFirst() {
    return ranks.rank() == 0;
  }

  /// What every one of the processes on this computer may take of something they share.
  public OptionalLong share(OptionalLong whole) {
    int here = ranks.localSize().orElse(1);
    return whole.isPresent() ? OptionalLong.of(whole.getAsLong() / here) : whole;
  }

  /// Every `size`th item, from the one of this rank's number on: its part of a common work.
  public <T> List<T> part(List<T> items) {
    return IntStream.range(0, items.size())
        .filter(i -> i % size() == rank())
        .mapToObj(items::get)
        .toList();
  }

  /// What of `items` is not in [#part].
  public <T> List<T> rest(List<T> items) {
    return IntStream.range(0, items.size())
        .filter(i -> i % size() != rank())
        .mapToObj(items::get)
        .toList();
  }

  // ---- together -------------------------------------------------------------------------------

  /// Not so in a team of one, or one that is only planned.
  private boolean isMet() {
    return group != null;
  }

  private ProcessGroup group() {
    if (group == null) {
      throw new IllegalStateException("this process is alone");
    }
    return group;
  }

  /// Adds up over all processes, in place.
  ///
  /// @throws PeerLost if one of them is gone
  public void sum_(Tensor tensor) {
    group().sum_(tensor);
  }

  /// Goes on when all are here, however long they work.
  public void meet() {
    if (!isMet()) {
      return;
    }
    try (Scope _ = new Scope()) {
      group().sum_(Ops.of(new long[1], 1), LONG);
    }
  }

  /// Rank 0's number.
  public long ofFirst(long number) {
    return isMet() ? share(group(), new long[] {isFirst() ? number : 0})[0] : number;
  }

  private static long[] share(ProcessGroup group, long[] numbers) {
    try (Scope _ = new Scope()) {
      Tensor tensor = Ops.of(numbers, numbers.length);
      group.sum_(tensor);
      return tensor.toLongs();
    }
  }

  private String textOf(int source, String text) {
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    boolean own = rank() == source;
    int length = (int) share(group(), new long[] {own ? bytes.length : 0})[0];
    long[] codes = new long[length];
    for (int i = 0; own && i < length; i++) {
      codes[i] = bytes[i];
    }
    byte[] shared = new byte[length];
    long[] sum = length == 0 ? codes : share(group(), codes);
    for (int i = 0; i < length; i++) {
      shared[i] = (byte) sum[i];
    }
    return new String(shared, StandardCharsets.UTF_8);
  }

  /// Makes sure that all processes were told the same.
  ///
  /// @param facts of this process, such as its flags
  /// @throws InputException on all of them, with one sentence, if not
  public void compare(List<String> facts) {
    if (!isMet()) {
      return;
    }
    String own = String.join("\u0000", facts);
    String first = textOf(0, own);
    String problem = first.equals(own) ? "" : difference(first, own);
    long[] differing = new long[size()];
    differing[rank()] = problem.isEmpty() ? 0 : 1;
    long[] all = share(group(), differing);
    for (int i = 0; i < all.length; i++) {
      if (all[i] > 0) {
        throw new InputException(textOf(i, problem));
      }
    }
  }

  private String difference(String first, String own) {
    List<String> theirs = List.of(first.split("\u0000", -1));
    List<String> ours = List.of(own.split("\u0000", -1));
    String onlyThere =
        theirs.stream().filter(fact -> !ours.contains(fact)).findFirst().orElse("nothing more");
    String onlyHere =
        ours.stream().filter(fact -> !theirs.contains(fact)).findFirst().orElse("nothing more");
    return "rank %d was not started like rank 0: rank 0 has %s, rank %d has %s\n  -> give all processes the same flags, files and program"
        .formatted(rank(), onlyThere, rank(), onlyHere);
  }

  /// Lets NCCL add up on the cards, if each process has one of its own.
  ///
  /// @return what the user should know
  public Optional<String> useCards(Device device) {
    if (isAlone() || device.isCpu()) {
      return Optional.empty();
    }
    if (!haveOwnCards(device)) {
      return Optional.of(
          "several processes share a card: gradients are added up in main memory (Gloo)");
    }
    return group()
        .useCards(device)
        .map(reason ->
            "NCCL cannot be used (%s): gradients are added up in main memory (Gloo)"
                .formatted(reason));
  }

  private boolean haveOwnCards(Device device) {
    String visible = System.getenv().getOrDefault("CUDA_VISIBLE_DEVICES", "");
    String own = hostName() + " " + visible + " " + device.index();
    boolean different = true;
    for (int i = 0; i < size(); i++) {
      String theirs = textOf(i, own); // all take part in telling
      different &= i == rank() || !theirs.equals(own);
    }
    return share(group(), new long[] {different ? 0 : 1})[0] == 0;
  }

  private static String hostName() {
    try {
      return InetAddress.getLocalHost().getHostName();
    } catch (UnknownHostException _) {
      return "";
    }
  }

  // ---- the end --------------------------------------------------------------------------------

  /// Tells the others that this process fails, so that they can say why they end.
  public void fail(String reason) {
    if (roll != null) {
      roll.fail(reason);
    }
  }

  /// Who went first, if that becomes known.
  public Optional<Loss> loss() {
    return roll == null ? Optional.empty() : roll.loss(WORD);
  }

  @Override
  public void close() {
    if (roll != null) {
      roll.close();
    }
    if (group != null) {
      group.close();
    }
  }
}
