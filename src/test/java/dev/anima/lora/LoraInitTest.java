package dev.anima.lora;

import static dev.anima.Golden.assertClose;
import static org.assertj.core.api.Assertions.assertThat;

import dev.anima.Golden;
import dev.anima.engine.Device;
import dev.anima.engine.Dtype;
import dev.anima.engine.RandomStream;
import dev.anima.engine.Scope;
import dev.anima.io.SafetensorsFile;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;

class LoraInitTest {
  @Test
  void seedZeroGivesTheReferencesFirstWeightsBitForBit() {
    LoraPlan plan = plan(Set.of(Network.values()));
    try (Scope _ = new Scope();
        SafetensorsFile golden = Golden.tensors("training/e2e/article_init.safetensors");
        LoraSet set = new LoraSet(plan.trained(), List.of(), Dropouts.NONE, Device.CPU, Dtype.F32);
        RandomStream stream = seeded()) {
      LoraInit.draw(set, plan, stream);

      assertThat(set.modules()).hasSize(51);
      for (LoraAdapter adapter : set.modules()) {
        String name = adapter.module().name();
        assertClose(name, adapter.down(), Golden.tensor(golden, name + ".lora_down.weight"), 0);
        assertClose(name, adapter.up(), Golden.tensor(golden, name + ".lora_up.weight"), 0);
        assertThat(Golden.tensor(golden, name + ".alpha").item()).isEqualTo(adapter.alpha());
      }
    }
  }

  @Test
  void droppedTextEncoderModulesAreDrawnToo() {
    LoraPlan plan = plan(Set.of(Network.DIT));
    try (Scope _ = new Scope();
        SafetensorsFile golden = Golden.tensors("training/e2e/article_init.safetensors");
        LoraSet set = LoraSet.frozen(plan.trained(), Device.CPU, Dtype.F32);
        RandomStream stream = seeded()) {
      LoraInit.draw(set, plan, stream);

      assertThat(set.modules()).hasSize(30);
      LoraAdapter last = set.modules().getLast();
      assertClose(
          "last module",
          last.down(),
          Golden.tensor(golden, last.module().name() + ".lora_down.weight"),
          0);
    }
  }

  @Test
  void countsTheWordsOfTheFullSizeModels() {
    JsonNode keys = Golden.json("models/checkpoint_keys.json");
    // spec/training.md §5.3
    assertThat(ReferenceDraws.ofTextEncoderFile(LoraPlanTest.shapes(keys.get("qwen3"))))
        .isEqualTo(1_503_133_696L);
    assertThat(ReferenceDraws.ofVae(LoraPlanTest.shapes(keys.get("vae")))).isEqualTo(126_878_131L);
  }

  /// Seed 0 after the reference has built its two models.
  private static RandomStream seeded() {
    RandomStream stream = RandomStream.cpu(0);
    try (SafetensorsFile qwen3 = Golden.tensors("tiny/qwen3.safetensors");
        SafetensorsFile vae = Golden.tensors("tiny/vae.safetensors")) {
      stream.skip(ReferenceDraws.ofTextEncoderFile(qwen3));
      stream.skip(ReferenceDraws.ofVae(vae));
    }
    return stream;
  }

  private static LoraPlan plan(Set<Network> networks) {
    return LoraPlan.select(
        LoraPlanTest.spec(4, 4, NetworkArgs.NONE), LoraPlanTest.tinyLayers(), networks);
  }
}
