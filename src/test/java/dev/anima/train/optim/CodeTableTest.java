package dev.anima.train.optim;

import static org.assertj.core.api.Assertions.assertThat;

import dev.anima.Golden;
import dev.anima.engine.Device;
import dev.anima.engine.Dtype;
import dev.anima.engine.Ops;
import dev.anima.engine.Scope;
import dev.anima.engine.Tensor;
import dev.anima.io.SafetensorsFile;
import java.util.Locale;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import tools.jackson.databind.JsonNode;

class CodeTableTest {
  private static final int BLOCKS = 8;

  @ParameterizedTest
  @EnumSource
  void theMapsAreThoseOfBitsandbytes(DynamicMap map) {
    JsonNode expected =
        Golden.json("training/adam8bit_maps.json").get(map.name().toLowerCase(Locale.ROOT));
    float[] numbers = map.numbers();
    assertThat(expected.size()).isEqualTo(256);
    for (int code = 0; code < 256; code++) {
      assertThat(numbers[code])
          .as("code %d", code)
          .isEqualTo((float) expected.get(code).doubleValue());
    }
  }

  @ParameterizedTest
  @EnumSource
  void codesAreThoseOfTheCpuKernels(DynamicMap map) {
    String prefix = map.name().toLowerCase(Locale.ROOT);
    try (SafetensorsFile file = Golden.tensors("training/adam8bit_quantisation.safetensors");
        Scope _ = new Scope();
        CodeTable table = new CodeTable(map, KernelOrder.CPU, Device.CPU)) {
      Tensor numbers = Golden.tensor(file, "x");
      if (map == DynamicMap.UNSIGNED) {
        numbers = numbers.abs();
      }
      Tensor codes = Ops.zeros(Dtype.U8, Device.CPU, numbers.numel());
      Tensor scales = Ops.zeros(Dtype.F32, Device.CPU, BLOCKS);
      table.quantise(numbers, codes, scales);

      assertThat(codes.toLongs()).isEqualTo(Golden.tensor(file, prefix + "/codes").toLongs());
      assertThat(scales.toFloats()).isEqualTo(Golden.tensor(file, prefix + "/absmax").toFloats());
      Golden.assertClose(
          "dequantised",
          table.dequantise(codes, scales),
          Golden.tensor(file, prefix + "/dequantised"),
          0);
    }
  }

  @ParameterizedTest
  @EnumSource
  void theCudaOrderTakesTheNearestCodeOfTheSameSign(DynamicMap map) {
    float[] table = map.numbers();
    float[] values = new float[512];
    for (int i = 0; i < 256; i++) {
      values[i] = table[i]; // a code each
      values[256 + i] =
          (i % 2 == 0 ? 1e-9f : 0.3f) * (map == DynamicMap.SIGNED && i % 3 == 0 ? -1 : 1);
    }
    values[511] = 1;
    try (Scope _ = new Scope();
        CodeTable coder = new CodeTable(map, KernelOrder.CUDA, Device.CPU)) {
      Tensor codes = Ops.zeros(Dtype.U8, Device.CPU, 512);
      Tensor scales = Ops.zeros(Dtype.F32, Device.CPU, 2);
      coder.quantise(Ops.of(values, 512), codes, scales);
      long[] actual = codes.toLongs();
      for (int i = 0; i < 256; i++) {
        assertThat(actual[i]).isEqualTo(i);
      }
      float[] decoded = coder.dequantise(codes, scales).toFloats();
      for (int i = 256; i < 512; i++) {
        assertThat(decoded[i] * values[i]).as("sign of %s", values[i]).isGreaterThanOrEqualTo(0);
        if (values[i] < 0) {
          assertThat(decoded[i]).isNegative();
        }
        assertThat(decoded[i]).isCloseTo(values[i], org.assertj.core.api.Assertions.within(0.01f));
      }
    }
  }
}
