package dev.anima.train;

import dev.anima.engine.NoGrad;
import dev.anima.engine.Scope;
import dev.anima.engine.Tensor;
import dev.anima.engine.TensorFile;
import dev.anima.io.SafetensorsFile;
import dev.anima.io.SafetensorsWriter;
import dev.anima.io.TensorData;
import dev.anima.lora.FlatLayout;
import dev.anima.lora.LoraSet;
import dev.anima.lora.WeightNorms;
import dev.anima.train.optim.FlatParameters;
import dev.anima.train.optim.GradScaler;
import dev.anima.train.optim.Gradients;
import dev.anima.train.optim.Optimizer;
import dev.anima.train.optim.OptimizerChoice;
import dev.anima.train.optim.ParameterLayout;
import dev.anima.train.schedule.LrSchedule;
import dev.anima.train.state.RunState;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;

/// What learns: the LoRA's weights, their optimizer and its schedule.
final class Learner implements AutoCloseable {
  private final LoraSet loras;
  private final Tensor trainable;
  private final Optimizer optimizer;
  private final LrSchedule schedule;
  private final boolean ownRates;
  private final double maxGradNorm;
  private final OptionalDouble maxNorm;
  private Optional<GradScaler> scaler;
  private int scheduleSteps;
  private int scheduleStride = 1;

  /// @param loras not owned
  /// @param learningRate `--learning_rate`
  /// @param maxGradNorm 0 for no clipping
  /// @param maxNorm `--scale_weight_norms`
  /// @param scaler in fp16
  Learner(
      LoraSet loras,
      OptimizerChoice choice,
      LrSchedule schedule,
      double learningRate,
      double maxGradNorm,
      OptionalDouble maxNorm,
      Optional<GradScaler> scaler) {
    this.loras = loras;
    this.schedule = schedule;
    this.ownRates = choice.replacesSchedule();
    this.maxGradNorm = maxGradNorm;
    this.maxNorm = maxNorm;
    this.scaler = scaler;
    this.trainable = trainable(loras);
    this.optimizer =
        choice.create(new FlatParameters(trainable, layout(loras.layout())), learningRate);
  }

  private static Tensor trainable(LoraSet loras) {
    try (Scope _ = new Scope()) {
      return loras.weights().narrow(0, 0, loras.layout().trainable()).retain();
    }
  }

  private static ParameterLayout layout(FlatLayout flat) {
    ParameterLayout.Builder builder = ParameterLayout.builder();
    for (FlatLayout.Group group : flat.groups()) {
      builder.group(group.description(), group.learningRate());
      group
          .slices()
          .forEach(slice ->
              builder.add(
                  slice.parameter().name(), slice.parameter().rows(), slice.parameter().columns()));
    }
    return builder.build();
  }

  int scheduleSteps() {
    return scheduleSteps;
  }

  Optional<RunState.Scaler> scalerState() {
    return scaler.map(state -> new RunState.Scaler(state.scale(), state.goodSteps()));
  }

  /// Writes what [#restore] needs beside the weights.
  void saveOptimizer(Path file) {
    try (Scope _ = new Scope();
        NoGrad _ = new NoGrad()) {
      List<TensorData> tensors = new ArrayList<>();
      optimizer.state().forEach((name, tensor) -> tensors.add(TensorFile.data(name, tensor)));
      SafetensorsWriter.write(file, tensors);
    }
  }

  /// Continues where a saved run stood; its weights must have been put back before.
  ///
  /// @param file written by [#saveOptimizer]
  /// @throws dev.anima.io.InputException if it belongs to another optimizer or network
  void restore(RunState run, Path file) {
    try (Scope _ = new Scope();
        NoGrad _ = new NoGrad();
        SafetensorsFile saved = SafetensorsFile.open(file)) {
      Map<String, Tensor> state = new LinkedHashMap<>();
      saved.names().forEach(name -> state.put(name, TensorFile.view(saved, name)));
      optimizer.restore(state);
    }
    scheduleSteps = run.scheduleSteps();
    scaler =
        scaler.map(fresh ->
            run.scaler()
                .map(state -> new GradScaler(state.scale(), state.goodSteps()))
                .orElse(fresh));
  }

  /// Steps that the schedule makes at every update, 1 if nothing is said.
  void stepScheduleBy(int steps) {
    scheduleStride = steps;
  }

  /// Lets the schedule begin at `step`, for a run that counts from there.
  void startSchedule(int step) {
    scheduleSteps = step;
  }

  Optimizer optimizer() {
    return optimizer;
  }

  /// Factor that backward has to carry (the loss scale in fp16, else 1).
  double lossScale() {
    return scaler.map(GradScaler::scale).orElse(1.0);
  }

  /// One optimizer step over the gradients summed so far, which start anew.
  ///
  /// @return whether the weights moved (in fp16 an overflow skips the step)
  boolean update() {
    try (Scope _ = new Scope();
        NoGrad _ = new NoGrad()) {
      Tensor gradients = loras.gradients();
      boolean finite = true;
      if (scaler.isPresent()) {
        scaler.get().unscale_(gradients);
        finite = Double.isFinite(Gradients.norm(gradients).item());
        scaler.get().update(finite);
      }
      if (finite) {
        if (maxGradNorm > 0) {
          Gradients.clip_(gradients, maxGradNorm);
        }
        optimizer.update(gradients, withGradient(), ratesAt(scheduleSteps));
        scheduleSteps++;
      }
      loras.clearGradients();
      return finite;
    }
  }

  private BitSet withGradient() {
    BitSet set = new BitSet();
    int slot = 0;
    for (FlatLayout.Group group : loras.layout().groups()) {
      for (FlatLayout.Slice slice : group.slices()) {
        set.set(slot++, loras.hasGradient(slice.parameter()));
      }
    }
    return set;
  }

  private double[] ratesAt(int step) {
    return loras.layout().groups().stream()
        .mapToDouble(group ->
            ownRates
                ? group.learningRate()
                : schedule.rateAt(step * scheduleStride, group.learningRate()))
        .toArray();
  }

  /// Learning rate of each group by its description, for the next step: what the reference logs.
  Map<String, Double> nextRates() {
    double[] rates = ratesAt(scheduleSteps);
    Map<String, Double> map = new LinkedHashMap<>();
    for (int i = 0; i < rates.length; i++) {
      map.put(loras.layout().groups().get(i).description(), rates[i]);
    }
    return map;
  }

  /// What a group really steps by, where the optimizer finds its own step size: that times the rate
  /// of the next step, by the reference's TensorBoard tags.
  Map<String, Double> adaptedRates() {
    Map<String, Double> map = new LinkedHashMap<>();
    int group = 0;
    for (Map.Entry<String, Double> rate : nextRates().entrySet()) {
      OptionalDouble stepSize = optimizer.stepSizeEstimate(group++);
      if (stepSize.isPresent()) {
        map.put("lr/d*lr/" + rate.getKey(), stepSize.getAsDouble() * rate.getValue());
      }
    }
    return map;
  }

  /// Group descriptions in order.
  List<String> groups() {
    List<String> names = new ArrayList<>();
    loras.layout().groups().forEach(group -> names.add(group.description()));
    return names;
  }

  /// `--scale_weight_norms`, after every micro-batch; empty when off. The caller closes it.
  Optional<WeightNorms.Pending> limitNorms() {
    return maxNorm.isPresent()
        ? Optional.of(WeightNorms.limit(loras, maxNorm.getAsDouble()))
        : Optional.empty();
  }

  @Override
  public void close() {
    optimizer.close();
    trainable.close();
  }
}
