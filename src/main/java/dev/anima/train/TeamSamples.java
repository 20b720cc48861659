package dev.anima.train;

import dev.anima.config.SampleConfig;
import dev.anima.train.team.Team;
import java.util.List;

/// Sample pictures of a team: rank 0 draws them, the others wait where it draws, however long it
/// takes.
///
/// @param drawing rank 0's pictures; [Samples#NONE] elsewhere
record TeamSamples(Samples drawing, SampleConfig config, Team team) implements Samples {
  @Override
  public List<String> texts() {
    return drawing.texts();
  }

  @Override
  public void atStart() {
    drawing.atStart();
    if (config.atFirst()) {
      team.meet();
    }
  }

  @Override
  public void afterStep(int step, int epoch) {
    drawing.afterStep(step, epoch);
    if (config.everySteps().isPresent() && step % config.everySteps().getAsInt() == 0) {
      team.meet();
    }
  }

  @Override
  public void afterEpoch(int epoch, int step) {
    drawing.afterEpoch(epoch, step);
    if (config.everyEpochs().isPresent() && epoch % config.everyEpochs().getAsInt() == 0) {
      team.meet();
    }
  }

  /// Only rank 0 is asked; the others wait at the next step's sum.
  @Override
  public boolean onRequest(int step) {
    return drawing.onRequest(step);
  }
}
