package dev.anima.train;

import dev.anima.dataset.BatchPlan;
import dev.anima.engine.Dtype;
import dev.anima.engine.NoGrad;
import dev.anima.engine.Scope;
import dev.anima.io.RunFailedException;
import dev.anima.train.optim.Gradients;
import java.util.stream.Collectors;

/// The end of a run whose numbers became NaN or infinite: what happened where, and what to do.
final class NotFinite {
  private final TrainSetup setup;
  private final RunParts parts;

  NotFinite(TrainSetup setup, RunParts parts) {
    this.setup = setup;
    this.parts = parts;
  }

  /// @param step optimizer steps done
  /// @param where the newest good file is, as part of a sentence
  RunFailedException loss(double loss, BatchPlan batch, int step, int epoch, String where) {
    String files =
        batch.samples().stream()
            .map(sample -> sample.image().found().file().toString())
            .distinct()
            .collect(Collectors.joining(", "));
    return new RunFailedException(
        "the loss became %s at step %d (epoch %d) with %s; %s. Nothing was saved over; %s"
            .formatted(
                Double.isNaN(loss) ? "NaN" : "infinite",
                step + 1,
                epoch,
                files,
                advice(step),
                where));
  }

  /// Waits for the device.
  ///
  /// @throws RunFailedException if a weight is not finite: such a file must not replace a good one
  void checkWeights(int step, String where) {
    try (Scope _ = new Scope();
        NoGrad _ = new NoGrad()) {
      if (!Double.isFinite(Gradients.norm(parts.loras().weights()).item())) {
        throw new RunFailedException(
            "the weights became NaN or infinite at step %d; %s. Nothing was saved over; %s"
                .formatted(step, advice(step), where));
      }
    }
  }

  private String advice(int step) {
    if (step <= setup.start().step()) {
      return "nothing was learnt yet, so a model file, the file of --network_weights or a cached latent holds NaN (anima check looks at the files; delete the caches and try --no_half_vae)";
    }
    return setup.dtype() == Dtype.F16
        ? "try --mixed_precision=bf16, or a lower --learning_rate"
        : "try a lower --learning_rate (%s now), or --max_grad_norm=1"
            .formatted(setup.flags().pythonText("learning_rate"));
  }
}
