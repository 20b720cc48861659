package dev.anima.dataset;

import dev.anima.config.Size;
import java.util.ArrayList;
import java.util.List;

/// The decisions of one micro-batch; all samples have the same size.
///
/// @param dataset position of the dataset in its group
/// @param target pixels of every sample
public record BatchPlan(int dataset, Size target, List<SamplePlan> samples) {
  public BatchPlan {
    samples = List.copyOf(samples);
  }

  /// Which samples train on the empty caption although their text outputs are cached. To be asked
  /// in the training step, after the batch ahead was decided: draws once per sample, unless no
  /// subset of the batch has a dropout rate.
  public List<Boolean> droppedCachedCaptions(Draws draws) {
    boolean any = samples.stream().anyMatch(sample -> dropoutRate(sample) > 0);
    List<Boolean> dropped = new ArrayList<>();
    for (SamplePlan sample : samples) {
      dropped.add(any && draws.chance(dropoutRate(sample)));
    }
    return dropped;
  }

  private static double dropoutRate(SamplePlan sample) {
    return sample.image().subset().spec().caption().captionDropoutRate();
  }
}
