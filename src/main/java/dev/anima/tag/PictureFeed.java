package dev.anima.tag;

import dev.anima.io.InputException;
import java.nio.FloatBuffer;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.jspecify.annotations.Nullable;

/// Reads and prepares pictures on several threads, ahead of the model, in batches in their order.
/// Memory is bounded: a batch's room is used again.
final class PictureFeed implements AutoCloseable {
  private final TaggerModel model;
  private final List<Path> images;
  private final Profile profile;
  private final int batchSize;
  private final int ahead;
  private final Optional<Memory> memory;
  private final ExecutorService loaders;
  private final Deque<Loading> loading = new ArrayDeque<>();
  private final Deque<FloatBuffer> rooms = new ArrayDeque<>();
  private int next;

  /// What earlier runs know.
  interface Memory {
    Optional<Outcome.Answered> of(Path image);
  }

  /// A picture on its way; what it comes to is a finished outcome or a picture for the model.
  private sealed interface Prepared {
    record Done(Outcome outcome) implements Prepared {}

    /// @param slot of the batch's room
    record ForModel(Path image, int slot, int width, int height) implements Prepared {}
  }

  private record Loading(FloatBuffer room, List<Future<Prepared>> pictures) {}

  /// @param loaderCount threads
  PictureFeed(
      TaggerModel model,
      List<Path> images,
      Profile profile,
      int batchSize,
      int loaderCount,
      Optional<Memory> memory) {
    this.model = model;
    this.images = images;
    this.profile = profile;
    this.batchSize = batchSize;
    this.memory = memory;
    ahead = 1 + Math.ceilDiv(2 * loaderCount, batchSize);
    loaders =
        Executors.newFixedThreadPool(
            loaderCount, Thread.ofPlatform().daemon().name("picture-", 0).factory());
  }

  /// The next batch with the model's answers; null behind the last one.
  @Nullable List<Outcome> next() {
    while (next < images.size() && loading.size() <= ahead) {
      start();
    }
    Loading batch = loading.poll();
    if (batch == null) {
      return null;
    }
    List<Outcome> outcomes = answered(batch);
    rooms.add(batch.room());
    return outcomes;
  }

  private void start() {
    FloatBuffer free = rooms.poll();
    FloatBuffer room =
        free != null ? free : model.room(Math.max(batchSize, model.fixedBatch().orElse(1)));
    List<Future<Prepared>> pictures = new ArrayList<>();
    for (int slot = 0; slot < batchSize && next < images.size(); slot++) {
      Path image = images.get(next++);
      int place = slot;
      pictures.add(loaders.submit((Callable<Prepared>) () -> prepare(image, room, place)));
    }
    loading.add(new Loading(room, pictures));
  }

  private Prepared prepare(Path image, FloatBuffer room, int slot) {
    try {
      Optional<Outcome.Answered> known = memory.flatMap(answers -> answers.of(image));
      if (known.isPresent()) {
        return new Prepared.Done(known.get());
      }
      Picture.Prepared picture = Picture.prepare(image, profile, model.side());
      model.fill(room, slot, picture.pixels());
      return new Prepared.ForModel(image, slot, picture.width(), picture.height());
    } catch (InputException e) {
      return new Prepared.Done(new Outcome.Unreadable(image, String.valueOf(e.getMessage())));
    } catch (OutOfMemoryError e) {
      return new Prepared.Done(
          new Outcome.Unreadable(image, image + ": is too large for the memory of this program"));
    }
  }

  /// Asks the model about those pictures of a batch that need it.
  private List<Outcome> answered(Loading batch) {
    List<Prepared> pictures = batch.pictures().stream().map(PictureFeed::await).toList();
    List<Prepared.ForModel> asked = new ArrayList<>();
    for (Prepared picture : pictures) {
      if (picture instanceof Prepared.ForModel forModel) {
        moveUp(batch.room(), forModel.slot(), asked.size());
        asked.add(forModel);
      }
    }
    List<Probabilities> answers =
        asked.isEmpty() ? List.of() : model.probabilities(batch.room(), asked.size());
    List<Outcome> outcomes = new ArrayList<>();
    for (Prepared picture : pictures) {
      outcomes.add(
          switch (picture) {
            case Prepared.Done(Outcome outcome) -> outcome;
            case Prepared.ForModel p ->
                new Outcome.Answered(
                    p.image(), p.width(), p.height(), answers.get(asked.indexOf(p)), false);
          });
    }
    return outcomes;
  }

  /// Closes the gap that a picture without a question leaves.
  private void moveUp(FloatBuffer room, int from, int to) {
    if (from != to) {
      int length = model.pictureFloats();
      room.put(to * length, room, from * length, length);
    }
  }

  private static Prepared await(Future<Prepared> picture) {
    try {
      return picture.get();
    } catch (ExecutionException e) {
      throw new IllegalStateException("preparing a picture failed", e.getCause());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted while preparing pictures", e);
    }
  }

  @Override
  public void close() {
    loaders.shutdownNow();
    try {
      // They write into memory outside the heap, which must not go before them.
      boolean ended = loaders.awaitTermination(30, java.util.concurrent.TimeUnit.SECONDS);
      if (!ended) {
        throw new IllegalStateException("a thread that prepares pictures does not end");
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
