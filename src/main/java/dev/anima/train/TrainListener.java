package dev.anima.train;

import java.util.List;

/// Hears what a run tells. Called on the training thread: must be quick and must not throw.
@FunctionalInterface
public interface TrainListener {
  TrainListener NONE = _ -> {};

  void on(TrainEvent event);

  /// Several listeners as one.
  static TrainListener all(List<TrainListener> listeners) {
    List<TrainListener> copy = List.copyOf(listeners);
    return event -> copy.forEach(listener -> listener.on(event));
  }
}
