package dev.anima.lora;

import dev.anima.engine.Device;
import dev.anima.engine.Dtype;
import dev.anima.engine.NoGrad;
import dev.anima.engine.Ops;
import dev.anima.engine.RandomStream;
import dev.anima.engine.Scope;
import dev.anima.engine.Tensor;

/// First weights of a LoRA: down from U(-1/sqrt(in), 1/sqrt(in)), up 0.
public final class LoraInit {
  private LoraInit() {}

  /// Fills `set` from `host`, drawing as the reference does (spec/training.md §5.3): for each
  /// created module a first down and up that nobody uses, then the down that counts. Modules that
  /// are created but not in the set (Qwen3's with `--network_train_unet_only`) are drawn too.
  public static void draw(LoraSet set, LoraPlan plan, RandomStream host) {
    try (NoGrad _ = new NoGrad()) {
      for (LoraModule module : plan.created()) {
        long downWords = (long) module.rank() * module.linear().in();
        long upWords = (long) module.rank() * module.linear().out();
        LoraAdapter adapter = set.module(module.network(), module.path());
        if (adapter == null) {
          host.skip(2 * downWords + upWords);
        } else {
          host.skip(downWords + upWords);
          fillDown(adapter, host);
          adapter.up().zero_();
        }
      }
    }
  }

  private static void fillDown(LoraAdapter adapter, RandomStream host) {
    try (Scope _ = new Scope()) {
      Tensor down = Ops.empty(Dtype.F32, Device.CPU, adapter.down().shape());
      double bound = kaimingBound(adapter.module().linear().in());
      host.uniform_(down, -bound, bound);
      adapter.down().copy_(down);
    }
  }

  /// Kaiming-uniform with a = sqrt(5): 1 / sqrt(in), by torch's own steps so that the last bit
  /// agrees.
  private static double kaimingBound(int in) {
    double gain = Math.sqrt(2.0 / (1 + Math.pow(Math.sqrt(5), 2)));
    return Math.sqrt(3.0) * (gain / Math.sqrt(in));
  }
}
