package dev.anima.train.plan;

import dev.anima.engine.Device;
import dev.anima.train.optim.OptimizerConfig;

/// What an optimizer takes beside weights and gradients.
///
/// @param stateBytes kept from step to step
/// @param pieceBytes temporaries of the largest piece it updates at once
public record OptimizerMemory(long stateBytes, long pieceBytes) {
  /// Elements of a piece, see `Run`: what fits the cache on the CPU, few launches elsewhere.
  private static final long CPU_PIECE = 1L << 18;

  private static final long DEVICE_PIECE = 1L << 23;

  /// Temporaries of an update in float32, in pieces.
  private static final int TEMPORARIES = 4;

  /// @param trainable parameters
  /// @param bytesPerParameter of state, see [#bytesPerParameter]
  public static OptimizerMemory of(long trainable, int bytesPerParameter, Device.Kind device) {
    long piece = Math.min(trainable, device == Device.Kind.CPU ? CPU_PIECE : DEVICE_PIECE);
    return new OptimizerMemory(trainable * bytesPerParameter, TEMPORARIES * piece * Float.BYTES);
  }

  /// Bytes of state for a parameter.
  public static int bytesPerParameter(OptimizerConfig optimizer) {
    return switch (optimizer) {
      case OptimizerConfig.AdamW adam -> adam.amsgrad() ? 12 : 8;
      case OptimizerConfig.Prodigy prodigy -> (int) (8 + 8 / prodigy.sliceP());
      case OptimizerConfig.AdamWScheduleFree _, OptimizerConfig.RAdamScheduleFree _ -> 8;
      case OptimizerConfig.Lion _, OptimizerConfig.SgdScheduleFree _, OptimizerConfig.Muon _ -> 4;
      case OptimizerConfig.Sgd sgd -> sgd.momentum() == 0 ? 0 : 4;
      case OptimizerConfig.AdamW8bit adam -> adam.min8bitSize() == Long.MAX_VALUE ? 8 : 2;
      case OptimizerConfig.Lion8bit _, OptimizerConfig.Sgd8bit _ -> 1;
      case OptimizerConfig.DAdaptAdan _ -> 20;
      case OptimizerConfig.DAdaptAdam _, OptimizerConfig.DAdaptAdaGrad _ -> 12;
      case OptimizerConfig.DAdaptLion _, OptimizerConfig.DAdaptSgd _ -> 8;
      // What it keeps of every eleventh element comes to less than a byte.
      case OptimizerConfig.ProdigyPlus plus -> plus.factored() ? 5 : 9;
      case OptimizerConfig.Came _ -> 4;
      // Two vectors stand for a matrix, unless the first moment is kept too.
      case OptimizerConfig.Adafactor adafactor -> adafactor.beta1().isPresent() ? 4 : 0;
    };
  }
}
