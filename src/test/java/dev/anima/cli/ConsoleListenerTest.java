package dev.anima.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.anima.train.RunPlan;
import dev.anima.train.TrainEvent;
import java.util.Map;
import java.util.OptionalInt;
import org.junit.jupiter.api.Test;

class ConsoleListenerTest {
  private static TrainEvent.BatchDone step(int step) {
    return new TrainEvent.BatchDone(step, 1, true, 0.5, 0.5, Map.of("unet", 1e-4), Map.of(), 2);
  }

  @Test
  void afterAPhaseBetweenStepsTheStepsAreCountedAgain() {
    Screen screen = new Screen();
    try (ConsoleListener listener = new ConsoleListener(screen.console)) {
      RunPlan plan = RunPlan.of(2, 1, 1, 2, OptionalInt.empty());
      listener.on(new TrainEvent.Started(plan, 0));
      listener.on(step(1));
      listener.on(new TrainEvent.PhaseStarted("encoding captions", 9, "captions"));
      listener.on(new TrainEvent.PhaseProgress("encoding captions", 9, 9));
      listener.on(step(2));
    }

    assertThat(screen.err().lines())
        .containsExactly(
            "training: 2 steps, 1 epochs of 2 batches",
            "training: 1/2 steps, loss 0.5000, average 0.5000, lr 0.000100, 2.00 s/it",
            "encoding captions: 9/9 captions",
            "training: 2/2 steps, loss 0.5000, average 0.5000, lr 0.000100, 2.00 s/it");
  }
}
