package dev.anima.engine;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class AttentionChoiceTest {
  @Test
  void theCpuTakesWhatWasMeasured() {
    assertThat(AttentionChoice.on(Device.CPU, Dtype.F32, 128).kernel())
        .isEqualTo(FusedAttention.CPU_FLASH);
    AttentionChoice bf16 = AttentionChoice.on(Device.CPU, Dtype.BF16, 128);
    assertThat(bf16.kernel()).isEqualTo(ChunkedAttention.standard());
    assertThat(bf16.description())
        .isEqualTo("attention in bf16 on cpu: matrix products in chunks of 1048576 scores");
  }

  /// As on a card that lacks some of the kernels.
  @Test
  void whatDoesNotWorkHereIsLeftOutAndSaid() {
    AttentionChoice choice =
        AttentionChoice.among(
            List.of(FusedAttention.CUDA_FLASH, FusedAttention.CUDA_CUDNN, FusedAttention.CPU_FLASH),
            Device.CPU,
            Dtype.F32,
            12,
            64);

    assertThat(choice.kernel()).isEqualTo(FusedAttention.CPU_FLASH);
    assertThat(choice.leftOut()).hasSize(2);
    assertThat(choice.leftOut().getFirst())
        .startsWith("_scaled_dot_product_flash_attention: Could not run");
    assertThat(choice.description())
        .startsWith("attention in f32 on cpu: _scaled_dot_product_flash_attention_for_cpu (")
        .doesNotContain("\n");
  }

  @Test
  void withoutAnyThatWorksMatrixProductsRemain() {
    AttentionChoice choice =
        AttentionChoice.among(List.of(FusedAttention.CUDA_FLASH), Device.CPU, Dtype.F32, 12, 64);
    assertThat(choice.kernel()).isEqualTo(ChunkedAttention.standard());
  }

  @Test
  void theClockDecidesBetweenGoodOnes() {
    AttentionChoice choice =
        AttentionChoice.among(
            List.of(new ChunkedAttention(1 << 15), FusedAttention.CPU_FLASH),
            Device.CPU,
            Dtype.F32,
            64,
            64);
    assertThat(choice.leftOut())
        .singleElement()
        .satisfies(line -> assertThat(line).contains("times as long"));
  }

  /// The trial sees a wrong result: bf16 is not what float32 promises.
  @ParameterizedTest
  @EnumSource(names = {"F32", "BF16"})
  void theTrialMeasuresTheErrorOfTheDtype(Dtype dtype) {
    AttentionKernel kernel = AttentionChoice.on(Device.CPU, dtype, 64).kernel();
    double error = AttentionTrial.error(kernel, Device.CPU, dtype, 64);
    assertThat(error).isPositive().isLessThan(AttentionChoice.tolerance(dtype));
    assertThat(error > AttentionChoice.tolerance(Dtype.F32)).isEqualTo(dtype == Dtype.BF16);
  }
}
