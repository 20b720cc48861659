package dev.anima.train.plan;

/// A stretch of a run with its own greatest need.
///
/// @param name such as `training 1024x1024`
/// @param peak everything that is there then, the program itself included
public record Phase(String name, Peak peak) {
  public long bytes() {
    return peak.bytes();
  }
}
