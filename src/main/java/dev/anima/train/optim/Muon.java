package dev.anima.train.optim;

import dev.anima.engine.Dtype;
import dev.anima.engine.NoGrad;
import dev.anima.engine.Ops;
import dev.anima.engine.Scope;
import dev.anima.engine.Tensor;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// Muon (Jordan et al. 2024) as `torch.optim.Muon`: momentum whose singular values are brought to
/// about 1 by Newton-Schulz steps in bf16. Tensors that are no matrices are left to AdamW.
///
/// Matrices of one shape go through the steps together.
final class Muon implements Optimizer {
  /// Elements of a batch of matrices at most: temporaries of 32 MB.
  private static final long BATCH_ELEMENTS = 1L << 23;

  private final OptimizerConfig.Muon config;
  private final FlatParameters parameters;
  private final StateTensors state = new StateTensors();
  private final Tensor momentum;
  private final BitSet matrices = new BitSet();

  /// For vectors; empty where there are none.
  private final Optional<AdamW> others;

  Muon(OptimizerConfig.Muon config, FlatParameters parameters) {
    this.config = config;
    this.parameters = parameters;
    momentum = state.zerosLike("momentum_buffer", parameters.values());
    List<ParameterLayout.Slot> slots = parameters.layout().slots();
    for (int slot = 0; slot < slots.size(); slot++) {
      matrices.set(slot, slots.get(slot).shape().size() == 2);
    }
    others =
        matrices.cardinality() == slots.size()
            ? Optional.empty()
            : Optional.of(new AdamW(config.others(), parameters));
  }

  @Override
  public void update(Tensor gradients, BitSet withGradient, double[] learningRates) {
    try (NoGrad _ = new NoGrad()) {
      for (List<Integer> batch : batches(withGradient)) {
        try (Scope _ = new Scope()) {
          update(gradients, batch, learningRates);
        }
      }
    }
    if (others.isPresent()) {
      BitSet vectors = (BitSet) withGradient.clone();
      vectors.andNot(matrices);
      others.get().update(gradients, vectors, learningRates);
    }
  }

  /// Matrices with a gradient, those of one shape together.
  private List<List<Integer>> batches(BitSet withGradient) {
    Map<List<Long>, List<Integer>> open = new LinkedHashMap<>();
    List<List<Integer>> batches = new ArrayList<>();
    for (int index : withGradient.stream().filter(matrices::get).toArray()) {
      ParameterLayout.Slot slot = parameters.layout().slots().get(index);
      List<Integer> batch = open.computeIfAbsent(slot.shape(), _ -> new ArrayList<>());
      batch.add(index);
      if ((batch.size() + 1) * slot.length() > BATCH_ELEMENTS) {
        batches.add(batch);
        open.remove(slot.shape());
      }
    }
    batches.addAll(open.values());
    return batches;
  }

  private void update(Tensor gradients, List<Integer> batch, double[] learningRates) {
    List<Tensor> directions = new ArrayList<>();
    for (int index : batch) {
      ParameterLayout.Slot slot = parameters.layout().slots().get(index);
      Tensor gradient = FlatParameters.view(gradients, slot);
      Tensor buffer = FlatParameters.view(momentum, slot).lerp_(gradient, 1 - config.momentum());
      directions.add(
          (config.nesterov() ? gradient.lerp(buffer, config.momentum()) : buffer).to(Dtype.BF16));
    }
    Tensor orthogonal = orthogonalised(Ops.stack(directions, 0));
    for (int i = 0; i < batch.size(); i++) {
      ParameterLayout.Slot slot = parameters.layout().slots().get(batch.get(i));
      double rate = learningRates[parameters.layout().groupOf(batch.get(i))];
      Tensor values = parameters.open(slot);
      values.mul_(1 - rate * config.weightDecay());
      values.add_(orthogonal.select(0, i), -rate * adjustment(slot.shape()));
      parameters.store(slot, values);
    }
  }

  /// The nearest matrices with equal singular values, roughly: these end between 0.7 and 1.2.
  ///
  /// @param matrices `(n, rows, columns)` bf16
  private Tensor orthogonalised(Tensor matrices) {
    boolean tall = matrices.size(1) > matrices.size(2);
    Tensor x = tall ? matrices.transpose(1, 2) : matrices;
    Tensor lengths = x.flatten(1, 2).norm(true, 1).unsqueeze(2); // (n, 1, 1)
    x = x.div(lengths.clampMin(config.epsilon()));
    for (int i = 0; i < config.steps(); i++) {
      Tensor gram = x.bmm(x.transpose(1, 2));
      Tensor polynomial = gram.copy().baddbmm_(gram, gram, config.b(), config.c());
      x = x.copy().baddbmm_(polynomial, x, config.a(), 1);
    }
    return tall ? x.transpose(1, 2) : x;
  }

  /// Factor on the learning rate that suits a matrix of this shape.
  private double adjustment(List<Long> shape) {
    double rows = (double) shape.getFirst();
    double columns = (double) shape.getLast();
    return switch (config.adjustment()) {
      case ORIGINAL -> Math.sqrt(Math.max(1, rows / columns));
      case MATCH_RMS_ADAMW -> 0.2 * Math.sqrt(Math.max(rows, columns));
    };
  }

  @Override
  public Map<String, Tensor> state() {
    Map<String, Tensor> saved = others.map(AdamW::state).orElseGet(LinkedHashMap::new);
    saved.putAll(state.view());
    return saved;
  }

  @Override
  public void restore(Map<String, Tensor> saved) {
    state.restore(saved);
    others.ifPresent(adam -> adam.restore(saved));
  }

  @Override
  public void close() {
    others.ifPresent(AdamW::close);
    state.close();
  }
}
