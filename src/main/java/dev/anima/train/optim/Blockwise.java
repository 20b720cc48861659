package dev.anima.train.optim;

import dev.anima.engine.Device;
import dev.anima.engine.Dtype;
import dev.anima.engine.NoGrad;
import dev.anima.engine.Ops;
import dev.anima.engine.Tensor;
import java.util.BitSet;
import java.util.Map;

/// The optimizers of bitsandbytes: AdamW, Lion and SGD with momentum whose state has 8 bits (or,
/// for small tensors and the 32-bit names, float32). The paged names compute the same.
///
/// Arithmetic is float32 whatever the parameters' dtype.
final class Blockwise implements Optimizer {
  private final OptimizerConfig.Blockwise config;
  private final FlatParameters parameters;
  private final KernelOrder order;
  private final StateTensors state = new StateTensors();
  private final StepCounts steps;
  private final BlockPlan plan;
  private final Moment first;

  /// Of Adam only; elsewhere the same object as `first`, unused.
  private final Moment second;

  Blockwise(OptimizerConfig.Blockwise config, FlatParameters parameters, KernelOrder order) {
    this.config = config;
    this.parameters = parameters;
    this.order = order;
    steps = new StepCounts(parameters.layout());
    plan = new BlockPlan(parameters.layout(), config.min8bitSize());
    Device device = parameters.values().device();
    first = new Moment("state1", DynamicMap.SIGNED, order, plan, state, device);
    second =
        config instanceof OptimizerConfig.AdamW8bit
            ? new Moment("state2", DynamicMap.UNSIGNED, order, plan, state, device)
            : first;
  }

  @Override
  public void update(Tensor gradients, BitSet withGradient, double[] learningRates) {
    steps.advance(withGradient);
    try (NoGrad _ = new NoGrad()) {
      for (Run run :
          Run.of(parameters.layout(), withGradient, slot -> plan.key(slot, steps.of(slot)))) {
        double rate = learningRates[run.group()];
        run.forEachChunk(gradients, chunk -> update(run, chunk, chunk.of(gradients), rate));
      }
    }
  }

  private void update(Run run, Run.Chunk chunk, Tensor gradient, double rate) {
    Tensor values = parameters.open(chunk).to(Dtype.F32);
    Tensor grad = gradient.to(Dtype.F32);
    Tensor s1 = first.read(run, chunk);
    long step = steps.of(run.firstSlot());
    switch (config) {
      case OptimizerConfig.AdamW8bit adam -> {
        Tensor s2 = second.read(run, chunk);
        boolean small = plan.isSmall(run.firstSlot());
        switch (order) {
          case CPU -> adamOnCpu(adam, values, grad, s1, s2, rate, step, small);
          case CUDA -> adamOnCuda(adam, values, grad, s1, s2, rate, step, small);
        }
        second.write(run, chunk, s2);
      }
      case OptimizerConfig.Lion8bit lion -> lion(lion, values, grad, s1, rate);
      case OptimizerConfig.Sgd8bit sgd -> momentum(sgd, values, grad, s1, rate);
    }
    first.write(run, chunk, s1);
    parameters.store(chunk, values);
  }

  private static void adamOnCpu(
      OptimizerConfig.AdamW8bit adam,
      Tensor values,
      Tensor gradient,
      Tensor s1,
      Tensor s2,
      double rate,
      long step,
      boolean small) {
    s1.mul_(adam.beta1()).add_(gradient, 1 - adam.beta1());
    s2.mul_(adam.beta2()).addcmul_(gradient, gradient, 1 - adam.beta2());
    double correction1 = 1 - Math.pow(adam.beta1(), (double) step);
    double correction2 = Math.sqrt(1 - Math.pow(adam.beta2(), (double) step));
    if (adam.weightDecay() > 0) {
      values.mul_(1 - rate * adam.weightDecay());
    }
    if (small) {
      Tensor denominator = s2.sqrt().add_(adam.epsilon() * correction2);
      values.add_(s1.div(denominator), -rate * correction2 / correction1);
    } else {
      Tensor denominator = s2.sqrt().div_(correction2).add_(adam.epsilon());
      values.addcdiv_(s1, denominator, -rate / correction1);
    }
  }

  private static void adamOnCuda(
      OptimizerConfig.AdamW8bit adam,
      Tensor values,
      Tensor gradient,
      Tensor s1,
      Tensor s2,
      double rate,
      long step,
      boolean small) {
    s1.mul_(adam.beta1()).add_(gradient, 1 - adam.beta1());
    s2.mul_(adam.beta2()).addcmul_(gradient, gradient, 1 - adam.beta2());
    double correction1 = 1 - Math.pow(adam.beta1(), (double) step);
    double correction2 = Math.sqrt(1 - Math.pow(adam.beta2(), (double) step));
    double decay = adam.weightDecay() > 0 ? 1 - rate * adam.weightDecay() : 1;
    if (small) {
      Tensor denominator = s2.sqrt().add_(adam.epsilon() * correction2);
      values.addcdiv_(s1, denominator, -rate * correction2 / correction1).mul_(decay);
      return;
    }
    Tensor broken = gradient.isFinite().logicalNot();
    s1.maskedFill_(broken, 0); // so that the update is 0 there
    s2.maskedFill_(broken, 0);
    Tensor denominator = s2.sqrt().add_(adam.epsilon() * correction2);
    values.addcdiv_(s1, denominator, -rate * correction2 / correction1);
    if (decay != 1) {
      values.copy_(Ops.where(broken, values, values.mul(decay)));
    }
  }

  private static void lion(
      OptimizerConfig.Lion8bit lion, Tensor values, Tensor gradient, Tensor s1, double rate) {
    if (lion.weightDecay() > 0) {
      values.mul_(1 - rate * lion.weightDecay());
    }
    Tensor direction = s1.mul(lion.beta1()).add_(gradient.mul(1 - lion.beta1())).sign_();
    values.add_(direction, -rate);
    s1.mul_(lion.beta2()).add_(gradient, 1 - lion.beta2());
  }

  /// Plain momentum: the kernels have no Nesterov term, whatever the name says.
  private static void momentum(
      OptimizerConfig.Sgd8bit sgd, Tensor values, Tensor gradient, Tensor s1, double rate) {
    Tensor decayed = sgd.weightDecay() > 0 ? gradient.add(values, sgd.weightDecay()) : gradient;
    s1.mul_(sgd.momentum()).add_(decayed); // a state of zeros gives the first step's copy
    values.add_(s1, -rate);
  }

  @Override
  public Map<String, Tensor> state() {
    Map<String, Tensor> saved = state.view();
    steps.saveTo(saved);
    return saved;
  }

  @Override
  public void restore(Map<String, Tensor> saved) {
    state.restore(saved);
    steps.restore(saved);
  }

  @Override
  public void close() {
    first.close();
    if (second != first) {
      second.close();
    }
    state.close();
  }
}
