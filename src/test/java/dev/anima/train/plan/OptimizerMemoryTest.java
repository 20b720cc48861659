package dev.anima.train.plan;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.anima.engine.Device;
import dev.anima.engine.Dtype;
import dev.anima.engine.Ops;
import dev.anima.engine.Scope;
import dev.anima.engine.Tensor;
import dev.anima.train.optim.FlatParameters;
import dev.anima.train.optim.Optimizer;
import dev.anima.train.optim.OptimizerChoice;
import dev.anima.train.optim.ParameterLayout;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class OptimizerMemoryTest {
  private static final ParameterLayout LAYOUT =
      ParameterLayout.builder().group("all", 1).add("down", 16, 2048).add("up", 2048, 16).build();

  static List<String> optimizers() {
    return OptimizerChoice.names();
  }

  /// What the plan says an optimizer needs is what its state holds.
  @ParameterizedTest(name = "{0}")
  @MethodSource("optimizers")
  void theStateIsAsLargeAsForetold(String name) {
    OptimizerChoice choice = OptimizerChoice.parse(name, Map.of());
    try (Scope _ = new Scope()) {
      Tensor values = Ops.zeros(Dtype.F32, Device.CPU, LAYOUT.size());
      try (Optimizer optimizer = choice.create(new FlatParameters(values, LAYOUT), 1)) {
        long bytes = optimizer.state().values().stream().mapToLong(Tensor::bytes).sum();
        assertThat((double) bytes / LAYOUT.size())
            .isCloseTo(
                OptimizerMemory.bytesPerParameter(choice.config()),
                within(0.75)); // rows and columns of factored moments
      }
    }
  }
}
