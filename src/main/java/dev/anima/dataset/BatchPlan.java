package dev.anima.dataset;

import dev.anima.config.Size;
import java.util.List;

/// The decisions of one micro-batch; all samples have the same size.
///
/// @param dataset position of the dataset in its group
/// @param target pixels of every sample
public record BatchPlan(int dataset, Size target, List<SamplePlan> samples) {
  public BatchPlan {
    samples = List.copyOf(samples);
  }
}
