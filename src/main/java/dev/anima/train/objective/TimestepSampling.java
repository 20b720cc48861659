package dev.anima.train.objective;

import dev.anima.engine.Dtype;
import dev.anima.engine.Ops;
import dev.anima.engine.RandomStream;
import dev.anima.engine.Tensor;

/// How the noise share sigma of each sample is drawn (`--timestep_sampling`). 0 is a clean image, 1
/// pure noise. One draw per sample.
public sealed interface TimestepSampling {
  /// Timesteps of the discrete table, and the scale of timesteps in flags and logs.
  int TIMESTEPS = 1000;

  /// One number per sample, `(B)` float32: normal or uniform, on the device of the stream.
  ///
  /// @param device the stream of noise and dropout
  /// @param cpu the stream that `sigma` draws from whatever the device
  Tensor draw(RandomStream device, RandomStream cpu, long batch);

  /// Sigma for given draws.
  ///
  /// @param draws `(B)` float32, as from [#draw]
  /// @param latentHeight,latentWidth extents of the latents, for the shift that depends on them
  /// @return `(B)` float32 in [0, 1]
  Tensor sigmas(Tensor draws, long latentHeight, long latentWidth);

  /// Even over [0, 1).
  record Uniform() implements TimestepSampling {
    @Override
    public Tensor draw(RandomStream device, RandomStream cpu, long batch) {
      return device.rand(Dtype.F32, batch);
    }

    @Override
    public Tensor sigmas(Tensor draws, long latentHeight, long latentWidth) {
      return draws;
    }
  }

  /// `sigmoid(scale * z)`: most samples in the middle.
  record Sigmoid(double scale) implements TimestepSampling {
    @Override
    public Tensor draw(RandomStream device, RandomStream cpu, long batch) {
      return device.randn(Dtype.F32, batch);
    }

    @Override
    public Tensor sigmas(Tensor draws, long latentHeight, long latentWidth) {
      return draws.mul(scale).sigmoid();
    }
  }

  /// [Sigmoid], moved towards noise by `shift` above 1.
  record Shift(double scale, double shift) implements TimestepSampling {
    @Override
    public Tensor draw(RandomStream device, RandomStream cpu, long batch) {
      return device.randn(Dtype.F32, batch);
    }

    @Override
    public Tensor sigmas(Tensor draws, long latentHeight, long latentWidth) {
      return shifted(draws.mul(scale).sigmoid(), shift);
    }
  }

  /// [Sigmoid], moved towards noise the more the larger the picture.
  record FluxShift(double scale) implements TimestepSampling {
    @Override
    public Tensor draw(RandomStream device, RandomStream cpu, long batch) {
      return device.randn(Dtype.F32, batch);
    }

    @Override
    public Tensor sigmas(Tensor draws, long latentHeight, long latentWidth) {
      // A line through (256 tokens, 0.5) and (4096 tokens, 1.15).
      double slope = (1.15 - 0.5) / (4096 - 256);
      double mu = slope * ((latentHeight / 2) * (latentWidth / 2)) + (0.5 - slope * 256);
      double e = Math.exp(mu);
      return draws.mul(scale).sigmoid().reciprocal().sub(1).add(e).reciprocal().mul(e);
    }
  }

  /// One of 1000 shifted sigmas, picked with a density. Drawn on the CPU.
  record Table(double shift, Density density) implements TimestepSampling {
    @Override
    public Tensor draw(RandomStream device, RandomStream cpu, long batch) {
      return density.draw(cpu, batch);
    }

    @Override
    public Tensor sigmas(Tensor draws, long latentHeight, long latentWidth) {
      // The reference fails on an index of 1000, which a saturated draw can give; the ends are
      // taken here.
      Tensor index =
          density.quantiles(draws).mul(TIMESTEPS).to(Dtype.I64).clamp_(0L, TIMESTEPS - 1L);
      float[] table = new float[TIMESTEPS];
      for (int i = 0; i < TIMESTEPS; i++) {
        table[i] = (float) (TIMESTEPS - i) / TIMESTEPS;
      }
      Tensor sigmas = shifted(Ops.of(table, TIMESTEPS), shift);
      return sigmas.to(draws.device()).indexSelect(0, index);
    }
  }

  /// Where in the table of [Table] the samples fall (`--weighting_scheme`).
  sealed interface Density {
    Tensor draw(RandomStream cpu, long batch);

    /// From draws to places in the table, 0 (pure noise) to 1.
    Tensor quantiles(Tensor draws);

    record Even() implements Density {
      @Override
      public Tensor draw(RandomStream cpu, long batch) {
        return cpu.rand(Dtype.F32, batch);
      }

      @Override
      public Tensor quantiles(Tensor draws) {
        return draws;
      }
    }

    /// `sigmoid` of a normal number with this mean and deviation; the draws have both already.
    record LogitNormal(double mean, double deviation) implements Density {
      @Override
      public Tensor draw(RandomStream cpu, long batch) {
        Tensor draws = Ops.empty(Dtype.F32, cpu.device(), batch);
        cpu.normal_(draws, mean, deviation);
        return draws;
      }

      @Override
      public Tensor quantiles(Tensor draws) {
        return draws.sigmoid();
      }
    }

    /// Esser et al. 2024, equation 20.
    record Mode(double scale) implements Density {
      @Override
      public Tensor draw(RandomStream cpu, long batch) {
        return cpu.rand(Dtype.F32, batch);
      }

      @Override
      public Tensor quantiles(Tensor draws) {
        Tensor wave = draws.mul(Math.PI).div(2).cos().square().sub(1).add(draws);
        return draws.neg().add(1).sub(wave.mul(scale));
      }
    }
  }

  private static Tensor shifted(Tensor sigmas, double shift) {
    return sigmas.mul(shift).div(sigmas.mul(shift - 1).add(1));
  }
}
