package dev.anima.lora;

import dev.anima.engine.Device;
import dev.anima.engine.Dtype;
import dev.anima.engine.NoGrad;
import dev.anima.engine.Ops;
import dev.anima.engine.RandomStream;
import dev.anima.engine.Scope;
import dev.anima.engine.Tensor;
import org.jspecify.annotations.Nullable;

/// First weights of the modules, such that `ΔW` is 0: LoRA's up, LoHa's second left and LoKr's last
/// matrix are 0, the others random.
public final class LoraInit {
  private LoraInit() {}

  /// Fills `set` from `host`, drawing as the reference does (spec/training.md §5.3): module after
  /// module in creation order, for LoRA a first down and up that nobody uses before the down that
  /// counts. Modules that are created but not in the set (Qwen3's with `--network_train_unet_only`)
  /// are drawn too.
  ///
  /// DoRA's lengths draw nothing; they follow from the base model, see [DoraStart].
  public static void draw(LoraSet set, LoraPlan plan, RandomStream host) {
    try (NoGrad _ = new NoGrad()) {
      for (LoraModule module : plan.created()) {
        LoraAdapter adapter = set.module(module.network(), module.path());
        if (module.form() instanceof LoraForm.LowRank) {
          long unused =
              module.parameters().stream()
                  .filter(parameter -> parameter.part() != LoraPart.MAGNITUDE)
                  .mapToLong(LoraParameter::elements)
                  .sum();
          host.skip(unused);
        }
        for (LoraParameter parameter : module.parameters()) {
          fill(parameter, adapter, host);
        }
      }
    }
  }

  private static void fill(
      LoraParameter parameter, @Nullable LoraAdapter adapter, RandomStream host) {
    switch (parameter.part()) {
      case DOWN, LOKR_W1, LOKR_W2_A -> uniform(parameter, adapter, host);
      case HADA_W1_A -> normal(parameter, adapter, host, 0.1);
      case HADA_W1_B, HADA_W2_B -> normal(parameter, adapter, host, 1);
      case UP, HADA_W2_A, LOKR_W2, LOKR_W2_B, MAGNITUDE -> {
        if (adapter != null) {
          adapter.weight(parameter.part()).zero_();
        }
      }
      case LOKR_W1_A, LOKR_W1_B, ALPHA -> throw new IllegalStateException(parameter.name());
    }
  }

  private static void uniform(
      LoraParameter parameter, @Nullable LoraAdapter adapter, RandomStream host) {
    if (adapter == null) {
      host.skip(parameter.elements());
      return;
    }
    try (Scope _ = new Scope()) {
      Tensor values = empty(parameter);
      double bound = kaimingBound(parameter.columns());
      host.uniform_(values, -bound, bound);
      adapter.weight(parameter.part()).copy_(values);
    }
  }

  /// Drawn even for nobody: how many words a normal tensor takes depends on its size.
  private static void normal(
      LoraParameter parameter, @Nullable LoraAdapter adapter, RandomStream host, double deviation) {
    try (Scope _ = new Scope()) {
      Tensor values = empty(parameter);
      host.normal_(values, 0, deviation);
      if (adapter != null) {
        adapter.weight(parameter.part()).copy_(values);
      }
    }
  }

  private static Tensor empty(LoraParameter parameter) {
    return Ops.empty(Dtype.F32, Device.CPU, parameter.rows(), parameter.columns());
  }

  /// Kaiming-uniform with a = sqrt(5): 1 / sqrt(in), by torch's own steps so that the last bit
  /// agrees.
  private static double kaimingBound(long in) {
    double gain = Math.sqrt(2.0 / (1 + Math.pow(Math.sqrt(5), 2)));
    return Math.sqrt(3.0) * (gain / Math.sqrt((double) in));
  }
}
