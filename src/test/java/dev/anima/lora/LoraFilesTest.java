package dev.anima.lora;

import static dev.anima.Golden.assertClose;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.anima.Golden;
import dev.anima.config.NetworkKind;
import dev.anima.engine.Device;
import dev.anima.engine.Dtype;
import dev.anima.engine.Ops;
import dev.anima.engine.RandomStream;
import dev.anima.engine.Scope;
import dev.anima.engine.Tensor;
import dev.anima.io.InputException;
import dev.anima.io.SafetensorsFile;
import dev.anima.io.SafetensorsWriter;
import dev.anima.io.TensorData;
import dev.anima.lora.LoraKeys.Style;
import dev.anima.lora.NetworkWeights.AlphaRule;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;

class LoraFilesTest {
  private static final LoraPlan.Layers LAYERS = LoraPlanTest.tinyLayers();
  private static final LoraKeys KEYS = LoraKeys.of(LAYERS);
  private static final Path INIT_DIT = Golden.path("training/lora_init_dit.safetensors");
  private static final String LAYER = "blocks.0.mlp.layer1";

  @TempDir Path folder;

  @ParameterizedTest(name = "{0}")
  @CsvSource({
    "training/lora_init_dit.safetensors, F32",
    "training/lora_init_dit_te.safetensors, F32",
    "training/lora_init_adapter.safetensors, F32",
    "training/e2e/output/article.safetensors, F16",
    "training/e2e/output/plain.safetensors, F32",
    "training/e2e/output/continued.safetensors, BF16"
  })
  void writesWhatItReadsWithTheRecordedHashes(String name, Dtype precision) throws IOException {
    JsonNode hashes = Golden.json("training/hashes.json").get("files").get(name);
    try (Scope _ = new Scope();
        LoraFile file = LoraFile.open(Golden.path(name), KEYS)) {
      assertThat(file.unknownKeys()).isEmpty();
      LoraPlan plan = NetworkWeights.plan(file, LAYERS, Set.of(Network.values()));
      try (LoraSet set = LoraSet.frozen(plan.trained(), Device.CPU, Dtype.F32)) {
        NetworkWeights.load(set, file, AlphaRule.CONSISTENT);
        LoraSaver.Options options =
            new LoraSaver.Options(Style.SD_SCRIPTS, Optional.of(precision), false);
        Path copy = folder.resolve("copy.safetensors");
        List<TensorData> tensors = LoraSaver.tensors(set, options);
        if (file.metadata().isEmpty()) {
          SafetensorsWriter.write(copy, tensors);
        } else {
          SafetensorsWriter.write(copy, tensors, file.metadata());
        }
        // Byte for byte the recorded file. (The whole-file hashes recorded for the e2e files are
        // not
        // theirs: their metadata was edited afterwards. The data hash holds.)
        assertThat(Files.mismatch(copy, Golden.path(name))).isEqualTo(-1);

        // hashes.json was made from other e2e runs than the files here, which carry their own hash.
        String expectedHash =
            file.metadata()
                .getOrDefault("sshs_model_hash", hashes.get("addnet_hash").stringValue());
        LoraSaver.save(set, copy, Map.of("sshs_model_hash", "to be replaced"), options);
        try (SafetensorsFile saved = SafetensorsFile.open(copy)) {
          assertThat(saved.metadata())
              .containsEntry("sshs_model_hash", expectedHash)
              .containsEntry("sshs_legacy_hash", "e3b0c442");
        }
      }
    }
  }

  @Test
  void alphaIsAFloatUnlessTheReferencesFormIsWanted() {
    LoraModule module = new LoraModule(Network.DIT, new LinearModule(LAYER, 3, 5), 2, 1);
    try (Scope _ = new Scope();
        LoraSet set = LoraSet.frozen(List.of(module), Device.CPU, Dtype.F32)) {
      assertThat(alphaDtype(set, Optional.empty(), false)).isEqualTo("F32");
      assertThat(alphaDtype(set, Optional.of(Dtype.BF16), false)).isEqualTo("BF16");
      assertThat(alphaDtype(set, Optional.empty(), true)).isEqualTo("I64");
      assertThat(alphaDtype(set, Optional.of(Dtype.F16), true)).isEqualTo("F16");
    }
  }

  private static String alphaDtype(LoraSet set, Optional<Dtype> precision, boolean integer) {
    return LoraSaver.tensors(set, new LoraSaver.Options(Style.SD_SCRIPTS, precision, integer))
        .stream()
        .filter(tensor -> tensor.name().endsWith(".alpha"))
        .findFirst()
        .orElseThrow()
        .dtype();
  }

  @ParameterizedTest
  @CsvSource({
    "training/lora_init_dit_te.safetensors",
    "training/lora_init_adapter.safetensors",
    "training/e2e/output/article.safetensors"
  })
  void convertsToComfyuiAndBackWithoutLoss(String name) {
    Path comfy = folder.resolve("comfy.safetensors");
    Path back = folder.resolve("back.safetensors");

    LoraConversion.convert(Golden.path(name), comfy, Style.COMFYUI, LoraKeys.ofAnyModel());
    LoraConversion.Report report =
        LoraConversion.convert(comfy, back, Style.SD_SCRIPTS, LoraKeys.ofAnyModel());

    assertThat(report.kept()).isEmpty();
    try (SafetensorsFile original = Golden.tensors(name);
        SafetensorsFile middle = SafetensorsFile.open(comfy);
        SafetensorsFile copy = SafetensorsFile.open(back)) {
      assertThat(middle.names())
          .allMatch(n -> n.startsWith("diffusion_model.") || n.startsWith("text_encoders."));
      assertThat(copy.names()).isEqualTo(original.names());
      assertThat(copy.metadata()).isEqualTo(original.metadata());
      assertThat(copy.data().mismatch(original.data())).isEqualTo(-1);
    }
  }

  @Test
  void aComfyuiFileStartsTheSameTraining() {
    Path comfy = folder.resolve("comfy.safetensors");
    LoraConversion.convert(INIT_DIT, comfy, Style.COMFYUI, KEYS);
    try (Scope _ = new Scope();
        LoraSet one = tinySet(4);
        LoraSet two = tinySet(4);
        LoraFile original = LoraFile.open(INIT_DIT, KEYS);
        LoraFile converted = LoraFile.open(comfy, KEYS)) {
      assertThat(NetworkWeights.load(one, original, AlphaRule.CONSISTENT).loaded()).isEqualTo(30);
      assertThat(NetworkWeights.load(two, converted, AlphaRule.CONSISTENT).loaded()).isEqualTo(30);
      assertClose("weights", two.weights(), one.weights(), 0);
      assertThat(one.weights().abs().max().item()).isPositive();
    }
  }

  @Test
  void anotherRankNamesTheFlag() {
    try (Scope _ = new Scope();
        LoraSet set = tinySet(8);
        LoraFile file = LoraFile.open(INIT_DIT, KEYS)) {
      assertThatThrownBy(() -> NetworkWeights.load(set, file, AlphaRule.CONSISTENT))
          .isInstanceOf(InputException.class)
          .hasMessageContaining("lora_init_dit.safetensors")
          .hasMessageContaining("has rank 4, expected 8")
          .hasMessageContaining("--network_dim 4");
      assertThat(set.weights().abs().max().item()).isZero();
    }
  }

  @Test
  void anotherModelsWidthsAreAnError() {
    LoraModule wide = new LoraModule(Network.DIT, new LinearModule(LAYER, 128, 384), 4, 1);
    try (Scope _ = new Scope();
        LoraSet set = LoraSet.frozen(List.of(wide), Device.CPU, Dtype.F32);
        LoraFile file = LoraFile.open(INIT_DIT, KEYS)) {
      assertThatThrownBy(() -> NetworkWeights.load(set, file, AlphaRule.CONSISTENT))
          .isInstanceOf(InputException.class)
          .hasMessageContaining("from 96 to 384")
          .hasMessageContaining("from 128 to 384");
    }
  }

  @Test
  void aFileWithoutAnyMatchIsAnError() {
    Path other =
        write("sdxl.safetensors", matrix("lora_unet_input_blocks_4_1_proj_in.lora_down.weight"));
    try (Scope _ = new Scope();
        LoraSet set = tinySet(4);
        LoraFile file = LoraFile.open(other, KEYS)) {
      assertThatThrownBy(() -> NetworkWeights.load(set, file, AlphaRule.CONSISTENT))
          .isInstanceOf(InputException.class)
          .hasMessageContaining("holds no weights for any module")
          .hasMessageContaining("lora_unet_input_blocks_4_1_proj_in");
      assertThatThrownBy(() -> NetworkWeights.plan(file, LAYERS, Set.of(Network.values())))
          .isInstanceOf(InputException.class);
    }
  }

  @Test
  void theFilesAlphaIsKeptUnlessTheReferencesRuleIsAsked() {
    Path file =
        write(
            "alpha.safetensors",
            matrix("lora_unet_blocks_0_mlp_layer1.lora_down.weight"),
            matrix("lora_unet_blocks_0_mlp_layer1.lora_up.weight"),
            scalar("lora_unet_blocks_0_mlp_layer1.alpha", 4, Dtype.I64));
    LoraModule module = new LoraModule(Network.DIT, new LinearModule(LAYER, 2, 2), 2, 1);
    try (Scope _ = new Scope();
        LoraSet consistent = LoraSet.frozen(List.of(module), Device.CPU, Dtype.F32);
        LoraSet reference = LoraSet.frozen(List.of(module), Device.CPU, Dtype.F32);
        LoraFile lora = LoraFile.open(file, KEYS)) {
      NetworkWeights.Report report = NetworkWeights.load(consistent, lora, AlphaRule.CONSISTENT);
      assertThat(report.warnings()).singleElement().asString().contains("alpha 4.0, not 1.0");
      assertThat(consistent.modules().getFirst().alpha()).isEqualTo(4);
      assertThat(consistent.modules().getFirst().scale()).isEqualTo(2);

      NetworkWeights.load(reference, lora, AlphaRule.REFERENCE);
      assertThat(reference.modules().getFirst().alpha()).isEqualTo(4);
      assertThat(reference.modules().getFirst().scale()).isEqualTo(0.5);
    }
  }

  @Test
  void noAlphaMeansScaleOne() {
    Path file =
        write(
            "peft.safetensors",
            matrix("base_model.model.blocks.0.mlp.layer1.lora_A.weight"),
            matrix("base_model.model.blocks.0.mlp.layer1.lora_B.weight"));
    Path converted = folder.resolve("converted.safetensors");
    LoraConversion.convert(file, converted, Style.SD_SCRIPTS, KEYS);
    for (Path path : List.of(file, converted)) {
      try (LoraFile lora = LoraFile.open(path, KEYS)) {
        assertThat(lora.modules())
            .singleElement()
            .satisfies(m -> {
              assertThat(m.alpha()).isEqualTo(2);
              assertThat(m.scale()).isEqualTo(1);
            });
      }
    }
  }

  @Test
  void missingAndUnusedModulesAreReported() {
    try (Scope _ = new Scope();
        LoraSet both =
            new LoraSet(
                plan(4, Network.values()).trained(),
                List.of(),
                Dropouts.NONE,
                Device.CPU,
                Dtype.F32);
        LoraSet dit = tinySet(4);
        LoraFile ditOnly = LoraFile.open(INIT_DIT, KEYS);
        LoraFile withTextEncoder =
            LoraFile.open(Golden.path("training/lora_init_dit_te.safetensors"), KEYS)) {
      NetworkWeights.Report fresh = NetworkWeights.load(both, ditOnly, AlphaRule.CONSISTENT);
      assertThat(fresh.missing()).hasSize(21).allMatch(name -> name.startsWith("lora_te_"));
      assertThat(fresh.warnings()).anyMatch(w -> w.contains("--network_train_unet_only"));

      NetworkWeights.Report lost = NetworkWeights.load(dit, withTextEncoder, AlphaRule.CONSISTENT);
      assertThat(lost.unused()).hasSize(21);
      assertThat(lost.warnings()).anyMatch(w -> w.contains("are lost"));
    }
  }

  @ParameterizedTest(name = "{0}")
  @CsvSource({
    "lora_unet_blocks_0_mlp_layer1.lora_up.weight, only",
    "lora_unet_blocks_0_mlp_layer1.dora_scale, a pair of down",
    "lora_unet_blocks_0_mlp_layer1.hada_w1_a, the four matrices of a LoHa",
    "lora_unet_blocks_0_mlp_layer1.lokr_w1, both factors of a LoKr",
    "lora_unet_blocks_0_mlp_layer1.lokr_t2, convolution",
    "lora_unet_blocks_0_mlp_layer1.hada_t1, convolution"
  })
  void whatIsNoWholeModuleIsNamed(String tensor, String word) {
    Path file = write("other.safetensors", matrix(tensor));
    assertThatThrownBy(() -> LoraFile.open(file, KEYS))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("other.safetensors")
        .hasMessageContaining(word);
  }

  @Test
  void baseWeightsMergeAsTheReference() {
    try (Scope _ = new Scope();
        SafetensorsFile golden = Golden.tensors("training/lora_module.safetensors")) {
      Path file =
          write(
              "base.safetensors",
              stored(golden, "down", "lora_unet_blocks_0_mlp_layer1.lora_down.weight"),
              stored(golden, "up", "lora_unet_blocks_0_mlp_layer1.lora_up.weight"),
              scalar("lora_unet_blocks_0_mlp_layer1.alpha", 4, Dtype.F32));
      LoraPlan.Layers layers =
          new LoraPlan.Layers(List.of(), List.of(new LinearModule(LAYER, 24, 40)));
      try (BaseWeights base = BaseWeights.open(List.of(file), List.of(0.7), layers)) {
        Tensor weight = Golden.tensor(golden, "weight");

        Tensor merged = base.merge(Network.DIT, LAYER, weight);

        assertClose("merged", merged, Golden.tensor(golden, "merged_multiplier_0.7"), 2e-6);
        assertThat(base.merge(Network.DIT, "blocks.1.mlp.layer1", weight)).isSameAs(weight);
        assertThat(base.merge(Network.DIT, LAYER, weight.to(Dtype.BF16)).dtype())
            .isEqualTo(Dtype.BF16);
      }
    }
  }

  /// LyCORIS with `decompose_both`: the first factor is a product too.
  @Test
  void aDecomposedFirstFactorIsMultipliedOut() {
    String module = "lora_unet_blocks_0_mlp_layer1.";
    LoraPlan.Layers layers = new LoraPlan.Layers(List.of(), List.of(new LinearModule(LAYER, 4, 4)));
    Path low =
        write(
            "low.safetensors",
            matrix(module + "lokr_w1_a"),
            matrix(module + "lokr_w1_b"),
            matrix(module + "lokr_w2_a"),
            matrix(module + "lokr_w2_b"),
            scalar(module + "alpha", 1, Dtype.F32));
    Path whole =
        write(
            "whole.safetensors",
            matrix(module + "lokr_w1_a"),
            matrix(module + "lokr_w1_b"),
            matrix(module + "lokr_w2"),
            scalar(module + "alpha", 1, Dtype.F32));
    try (Scope _ = new Scope()) {
      Tensor m = Ops.of(new float[] {1, 2, 3, 4}, 2, 2);
      Tensor square = m.matmul(m);
      Tensor zero = Ops.zeros(Dtype.F32, Device.CPU, 4, 4);
      try (BaseWeights a = BaseWeights.open(List.of(low), List.of(), layers);
          BaseWeights b = BaseWeights.open(List.of(whole), List.of(), layers)) {
        // Scaled by alpha / rank = 1 / 2 as long as one factor is a product.
        assertClose("low", a.merge(Network.DIT, LAYER, zero), kron(square, square).mul(0.5), 0);
        assertClose("whole", b.merge(Network.DIT, LAYER, zero), kron(square, m).mul(0.5), 0);
      }
      try (LoraFile file = LoraFile.open(whole, LoraKeys.of(layers))) {
        LoraPlan plan = NetworkWeights.plan(file, layers, Set.of(Network.DIT));
        try (LoraSet set = LoraSet.frozen(plan.trained(), Device.CPU, Dtype.F32)) {
          NetworkWeights.load(set, file, AlphaRule.CONSISTENT);
          LoraAdapter adapter = set.modules().getFirst();
          assertClose(
              "trained on",
              adapter.change().dense().mul(adapter.scale()),
              kron(square, m).mul(0.5),
              0);
        }
      }
    }
  }

  private static Tensor kron(Tensor a, Tensor b) {
    return a.view(2, 1, 2, 1).mul(b.view(1, 2, 1, 2)).reshape(4, 4);
  }

  @Test
  void aDoraOfRowsIsOnlyMerged() {
    String module = "lora_unet_blocks_0_mlp_layer1.";
    LoraPlan.Layers layers = new LoraPlan.Layers(List.of(), List.of(new LinearModule(LAYER, 2, 2)));
    Path file =
        write(
            "rows.safetensors",
            matrix(module + "lora_down.weight"),
            matrix(module + "lora_up.weight"),
            new TensorData(
                module + "dora_scale",
                "F32",
                List.of(2L, 1L),
                MemorySegment.ofArray(Ops.of(new float[] {1, 2}, 2, 1).toBytes())));
    BaseWeights.open(List.of(file), List.of(), layers).close();
    try (LoraFile lora = LoraFile.open(file, LoraKeys.of(layers))) {
      assertThatThrownBy(() -> NetworkWeights.plan(lora, layers, Set.of(Network.DIT)))
          .isInstanceOf(InputException.class)
          .hasMessageContaining("dora_scale has a length for each output");
    }
  }

  @Test
  void otherKindsConvertToComfyuiAndBack() {
    Path theirs = folder.resolve("theirs.safetensors");
    for (NetworkKind kind : List.of(NetworkKind.LOHA, NetworkKind.LOKR)) {
      NetworkArgs args = NetworkArgs.parse(kind, List.of("dora_wd=True"));
      LoraPlan plan =
          LoraPlan.select(LoraPlanTest.spec(4, 2, args), LAYERS, Set.of(Network.values()));
      try (LoraSet set = LoraSet.frozen(plan.trained(), Device.CPU, Dtype.F32);
          RandomStream stream = RandomStream.cpu(1)) {
        LoraInit.draw(set, plan, stream);
        LoraSaver.save(set, theirs, Map.of("a", "b"), LoraSaver.Options.DEFAULT);
      }
      Path comfy = folder.resolve("comfy.safetensors");
      Path back = folder.resolve("back.safetensors");
      LoraConversion.convert(theirs, comfy, Style.COMFYUI, LoraKeys.ofAnyModel());
      assertThat(
              LoraConversion.convert(comfy, back, Style.SD_SCRIPTS, LoraKeys.ofAnyModel()).kept())
          .isEmpty();
      try (SafetensorsFile original = SafetensorsFile.open(theirs);
          SafetensorsFile middle = SafetensorsFile.open(comfy);
          SafetensorsFile copy = SafetensorsFile.open(back)) {
        assertThat(middle.names())
            .contains(
                "diffusion_model.blocks.0.mlp.layer1."
                    + (kind == NetworkKind.LOHA ? "hada_w1_a" : "lokr_w1"),
                "diffusion_model.blocks.0.mlp.layer1.dora_scale");
        assertThat(copy.names()).isEqualTo(original.names());
        assertThat(copy.data().mismatch(original.data())).isEqualTo(-1);
      }
    }
  }

  @Test
  void moreMultipliersThanFilesAreAnError() {
    assertThatThrownBy(() -> BaseWeights.open(List.of(INIT_DIT), List.of(1.0, 0.5), LAYERS))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("--base_weights_multiplier");
  }

  @Test
  void ranksAndAlphasComeFromTheFile() {
    try (LoraFile file =
        LoraFile.open(Golden.path("training/lora_init_adapter.safetensors"), KEYS)) {
      LoraPlan plan = NetworkWeights.plan(file, LAYERS, Set.of(Network.values()));
      assertThat(plan.trained()).hasSize(71).allMatch(module -> module.rank() == 2);
      assertThat(plan.trained().stream().map(LoraModule::name).toList())
          .containsSubsequence(
              "lora_unet_llm_adapter_blocks_0_self_attn_q_proj",
              "lora_unet_blocks_0_self_attn_q_proj",
              "lora_unet_blocks_0_adaln_modulation_mlp_2");
    }
  }

  private static LoraPlan plan(int rank, Network... networks) {
    return LoraPlan.select(LoraPlanTest.spec(rank, 2, NetworkArgs.NONE), LAYERS, Set.of(networks));
  }

  private static LoraSet tinySet(int rank) {
    return LoraSet.frozen(plan(rank, Network.DIT).trained(), Device.CPU, Dtype.F32);
  }

  private Path write(String name, TensorData... tensors) {
    Path file = folder.resolve(name);
    SafetensorsWriter.write(file, List.of(tensors));
    return file;
  }

  /// 2 x 2, float32.
  private static TensorData matrix(String name) {
    try (Scope _ = new Scope()) {
      byte[] bytes = Ops.of(new float[] {1, 2, 3, 4}, 2, 2).toBytes();
      return new TensorData(name, "F32", List.of(2L, 2L), MemorySegment.ofArray(bytes));
    }
  }

  private static TensorData scalar(String name, double value, Dtype dtype) {
    return new TensorData(name, dtype.safetensorsName(), List.of(), LoraSaver.scalar(value, dtype));
  }

  private static TensorData stored(SafetensorsFile file, String name, String as) {
    SafetensorsFile.Entry entry = file.entry(name);
    return new TensorData(as, entry.dtype(), entry.shape(), file.bytes(name));
  }
}
