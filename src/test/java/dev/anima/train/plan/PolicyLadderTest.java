package dev.anima.train.plan;

import static dev.anima.model.block.SavePolicy.ATTENTION_ONLY;
import static dev.anima.model.block.SavePolicy.EVERYTHING;
import static dev.anima.model.block.SavePolicy.INPUT_ONLY;
import static dev.anima.model.block.SavePolicy.INPUT_ON_HOST;
import static dev.anima.model.block.SavePolicy.UNITS_13;
import static org.assertj.core.api.Assertions.assertThat;

import dev.anima.config.Size;
import dev.anima.engine.Device;
import dev.anima.engine.Dtype;
import dev.anima.model.block.SavePolicy;
import dev.anima.train.plan.PolicyLadder.Cost;
import java.util.List;
import org.junit.jupiter.api.Test;

class PolicyLadderTest {
  @Test
  void leavesOutWhatOthersBeat() {
    PolicyLadder ladder =
        PolicyLadder.of(
            List.of(
                new Cost(INPUT_ONLY, 1, 10),
                new Cost(ATTENTION_ONLY, 3, 9.9), // half way to the next, this pays less
                new Cost(UNITS_13, 13, 1),
                new Cost(EVERYTHING, 23, 1)), // bytes for no time
            4);

    assertThat(ladder.rungs()).containsExactly(INPUT_ONLY, UNITS_13);
    assertThat(ladder.height()).isEqualTo(4);
  }

  @Test
  void theLastBlocksClimbFirstAndTheBestRungBeforeTheNext() {
    PolicyLadder ladder =
        PolicyLadder.of(
            List.of(
                new Cost(INPUT_ONLY, 1, 10),
                new Cost(ATTENTION_ONLY, 3, 5),
                new Cost(UNITS_13, 13, 1)),
            3);

    assertThat(ladder.at(0).policies()).containsOnly(INPUT_ONLY);
    assertThat(ladder.at(2).policies()).containsExactly(INPUT_ONLY, ATTENTION_ONLY, ATTENTION_ONLY);
    assertThat(ladder.at(4).policies()).containsExactly(ATTENTION_ONLY, ATTENTION_ONLY, UNITS_13);
    assertThat(ladder.at(6).policies()).containsOnly(UNITS_13);
  }

  @Test
  void attentionIsWorthKeepingWhereThereAreManyTokens() {
    assertThat(rungs(new Size(2048, 2048), Device.Kind.CUDA))
        .containsExactly(INPUT_ON_HOST, INPUT_ONLY, ATTENTION_ONLY, UNITS_13, EVERYTHING);
    assertThat(rungs(new Size(256, 256), Device.Kind.CPU))
        .containsExactly(INPUT_ONLY, UNITS_13, EVERYTHING);
  }

  private static List<SavePolicy> rungs(Size pixels, Device.Kind device) {
    StepMemory steps = FullSize.steps(new Arithmetic(device, Dtype.BF16));
    return PolicyLadder.of(steps, StepShape.of(1, pixels, 100, 512), EVERYTHING).rungs();
  }
}
