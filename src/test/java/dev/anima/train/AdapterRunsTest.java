package dev.anima.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;
import static org.assertj.core.api.Assertions.withinPercentage;

import dev.anima.Golden;
import dev.anima.config.NetworkKind;
import dev.anima.io.InputException;
import dev.anima.io.SafetensorsFile;
import dev.anima.io.SafetensorsWriter;
import dev.anima.io.TensorData;
import dev.anima.lora.LoraFile;
import dev.anima.lora.LoraKeys;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// Whole runs of every kind of network.
class AdapterRunsTest {
  @TempDir Path folder;
  private TinyRun runs;

  @BeforeEach
  void lay() throws IOException {
    runs = new TinyRun(folder);
  }

  /// @param flags that choose it
  /// @param suffixes of the tensors it saves
  record Kind(String name, NetworkKind kind, List<String> flags, List<String> suffixes) {
    @Override
    public String toString() {
      return name;
    }
  }

  static Stream<Kind> kinds() {
    List<String> loha = List.of("hada_w1_a", "hada_w1_b", "hada_w2_a", "hada_w2_b", "alpha");
    return Stream.of(
        new Kind("LoHa", NetworkKind.LOHA, List.of("--network_module=networks.loha"), loha),
        new Kind(
            "LoKr",
            NetworkKind.LOKR,
            List.of("--network_module=networks.lokr"),
            List.of("lokr_w1", "lokr_w2_a", "lokr_w2_b", "lokr_w2", "alpha")),
        new Kind(
            "DoRA",
            NetworkKind.LORA,
            List.of("--network_args", "dora_wd=True"),
            List.of("lora_down.weight", "lora_up.weight", "dora_scale", "alpha")),
        new Kind(
            "DoRA of a LoHa",
            NetworkKind.LOHA,
            List.of("--network_module=networks.loha", "--network_args", "dora_wd=True"),
            Stream.concat(loha.stream(), Stream.of("dora_scale")).toList()));
  }

  private static List<String> flags(Kind kind, String output, String... more) {
    List<String> flags = TinyRun.flags("plain.toml", output);
    flags.addAll(
        List.of("--network_dim=3", "--network_alpha=2", "--learning_rate=1e-3", "--seed=5"));
    flags.addAll(kind.flags);
    // Switches behind the list of --network_args end it.
    flags.addAll(List.of(more));
    return flags;
  }

  /// As [#flags], with dropouts and modulation layers.
  private static List<String> everything(Kind kind, String output, String... more) {
    List<String> flags = TinyRun.flags("article.toml", output);
    flags.addAll(kind.flags);
    List<String> args =
        List.of(
            "rank_dropout=0.2",
            "module_dropout=0.2",
            "include_patterns='.*modulation_mlp.*'",
            "train_llm_adapter=True",
            "network_reg_dims=.*mlp.*=5",
            "loraplus_lr_ratio=4");
    if (!kind.flags.contains("--network_args")) {
      flags.add("--network_args");
    }
    flags.addAll(args);
    flags.addAll(
        List.of(
            "--network_dim=3",
            "--network_alpha=2",
            "--learning_rate=1e-3",
            "--max_train_epochs=1",
            "--scale_weight_norms=1",
            "--save_state",
            "--seed=5"));
    flags.addAll(List.of(more));
    return flags;
  }

  /// Latents in memory belong to what runs share; on disk, to the run.
  @ParameterizedTest
  @MethodSource("kinds")
  void cachesAndSwappedBlocksChangeNothing(Kind kind) {
    String steps = "--max_train_steps=4";
    List<Double> onDisk =
        runs.train(flags(kind, "disk", "--cache_latents_to_disk", steps)).losses();
    List<Double> inMemory = runs.train(flags(kind, "memory", "--cache_latents", steps)).losses();
    List<Double> swapped =
        runs.train(flags(kind, "swap", "--cache_latents", "--blocks_to_swap=3", steps)).losses();

    assertThat(inMemory).isEqualTo(onDisk);
    assertThat(swapped).isEqualTo(onDisk);
  }

  @ParameterizedTest
  @MethodSource("kinds")
  void aRunSavesWhatTheKindConsistsOf(Kind kind) {
    runs.train(flags(kind, "out", "--network_train_unet_only", "--max_train_steps=3"));

    Path saved = folder.resolve("out/nami.safetensors");
    try (SafetensorsFile file = SafetensorsFile.open(saved)) {
      Set<String> ends =
          file.names().stream()
              .map(name -> name.substring(name.indexOf('.') + 1))
              .collect(Collectors.toSet());
      assertThat(ends).isSubsetOf(kind.suffixes).contains(kind.suffixes.getFirst());
      assertThat(file.metadata()).containsEntry("ss_network_module", kind.kind.module());
    }
    try (LoraFile lora = LoraFile.open(saved, LoraKeys.ofAnyModel())) {
      assertThat(lora.unknownKeys()).isEmpty();
      assertThat(lora.modules()).hasSize(30).allMatch(m -> m.form().kind() == kind.kind);
    }
  }

  @ParameterizedTest
  @MethodSource("kinds")
  void aStoppedRunGoesOnAsIfItHadNot(Kind kind) {
    RunOutcome whole = runs.train(everything(kind, "whole"));

    RunOutcome first = runs.train(everything(kind, "parts"), 4);
    Path state = runs.states.getLast();
    RunOutcome second = runs.train(everything(kind, "parts", "--resume=" + state));

    List<Double> losses = new ArrayList<>(first.losses());
    losses.addAll(second.losses());
    assertThat(losses).isEqualTo(whole.losses());
    assertThat(runs.weights("parts/nami.safetensors"))
        .isEqualTo(runs.weights("whole/nami.safetensors"));
    assertThat(runs.weights("parts/nami-state/optimizer.safetensors"))
        .isEqualTo(runs.weights("whole/nami-state/optimizer.safetensors"));
  }

  @Test
  void aDoraBeginsWhereItsLoraBegins() {
    Kind lora = new Kind("LoRA", NetworkKind.LORA, List.of(), List.of());
    Kind dora = kinds().skip(2).findFirst().orElseThrow();
    String[] two = {"--network_train_unet_only", "--max_train_steps=2"};
    String[] from = with(two, "--network_weights=plain/nami.safetensors");

    List<Double> plain = runs.train(flags(lora, "plain", two)).losses();
    List<Double> decomposed = runs.train(flags(dora, "dora", two)).losses();
    List<Double> more = runs.train(flags(lora, "more", from)).losses();
    List<Double> decomposedMore = runs.train(flags(dora, "doraMore", from)).losses();

    assertThat(decomposed.getFirst()).isCloseTo(plain.getFirst(), within(1e-6));
    assertThat(Math.abs(decomposed.getLast() - plain.getLast())).isGreaterThan(1e-6);
    assertThat(Math.abs(more.getFirst() - plain.getFirst())).isGreaterThan(1e-6);
    assertThat(decomposedMore.getFirst()).isCloseTo(more.getFirst(), within(1e-6));
  }

  /// With a rate that moves no float: what is saved is what was loaded.
  @ParameterizedTest
  @MethodSource("kinds")
  void aFileIsGoneOnFromWithItsOwnShapeOrTheFlags(Kind kind) {
    String[] one = {"--network_train_unet_only", "--max_train_steps=1"};
    String[] from = with(one, "--network_weights=made/nami.safetensors", "--learning_rate=1e-30");
    runs.train(flags(kind, "made", one));

    runs.train(flags(kind, "flags", from));
    runs.train(flags(kind, "file", with(from, "--dim_from_weights", "--network_dim=9")));

    assertThat(runs.weights("flags/nami.safetensors"))
        .isEqualTo(runs.weights("made/nami.safetensors"));
    assertThat(runs.weights("file/nami.safetensors"))
        .isEqualTo(runs.weights("made/nami.safetensors"));
  }

  @ParameterizedTest
  @MethodSource("kinds")
  void whatIsMergedIntoTheBaseActsAsWhatStandsBesideIt(Kind kind) {
    String[] one = {"--network_train_unet_only", "--max_train_steps=1"};
    runs.train(flags(kind, "made", "--network_train_unet_only", "--max_train_steps=3"));
    double beside =
        runs.train(flags(kind, "beside", with(one, "--network_weights=made/nami.safetensors")))
            .losses()
            .getFirst();
    double merged =
        runs.train(flags(kind, "merged", with(one, "--base_weights=made/nami.safetensors")))
            .losses()
            .getFirst();
    double half =
        runs.train(
                flags(
                    kind,
                    "half",
                    with(
                        one,
                        "--base_weights=made/nami.safetensors",
                        "--base_weights_multiplier=0.5")))
            .losses()
            .getFirst();
    double none = runs.train(flags(kind, "none", one)).losses().getFirst();

    assertThat(merged).isCloseTo(beside, within(1e-6));
    assertThat(Math.abs(half - none)).isGreaterThan(1e-6);
    assertThat(Math.abs(half - merged)).isGreaterThan(1e-6);
  }

  private static String[] with(String[] flags, String... more) {
    return Stream.concat(Stream.of(flags), Stream.of(more)).toArray(String[]::new);
  }

  /// Packed blocks are unpacked into one buffer, which DoRA looks at.
  @ParameterizedTest
  @MethodSource("kinds")
  void aPackedBaseServesEveryKind(Kind kind) {
    String[] three = {"--network_train_unet_only", "--max_train_steps=3"};
    List<Double> packed = runs.train(flags(kind, "packed", with(three, "--int8_base"))).losses();
    List<Double> dense = runs.train(flags(kind, "dense", three)).losses();
    for (int i = 0; i < 3; i++) {
      assertThat(packed.get(i)).isCloseTo(dense.get(i), withinPercentage(2));
    }
    assertThat(packed).isNotEqualTo(dense);
  }

  @Test
  void baseWeightsGoIntoTheTextEncoderToo() {
    Path both = Golden.path("training/lora_init_dit_te.safetensors");
    Path dit = folder.resolve("dit.safetensors");
    try (SafetensorsFile file = SafetensorsFile.open(both)) {
      SafetensorsWriter.write(
          dit,
          file.entries().values().stream()
              .filter(entry -> entry.name().startsWith("lora_unet"))
              .map(entry ->
                  new TensorData(
                      entry.name(), entry.dtype(), entry.shape(), file.bytes(entry.name())))
              .toList());
    }
    Kind lora = new Kind("LoRA", NetworkKind.LORA, List.of(), List.of());
    String[] one = {"--network_train_unet_only", "--max_train_steps=1"};

    double with =
        runs.train(flags(lora, "a", with(one, "--base_weights=" + both))).losses().getFirst();
    double without =
        runs.train(flags(lora, "b", with(one, "--base_weights=" + dit))).losses().getFirst();

    assertThat(Math.abs(with - without)).isGreaterThan(1e-6);
  }

  @Test
  void anotherKindsFileNamesTheFlag() {
    Kind loha = kinds().findFirst().orElseThrow();
    Kind lokr = kinds().skip(1).findFirst().orElseThrow();
    String[] one = {"--network_train_unet_only", "--max_train_steps=1", "--save_state"};
    runs.train(flags(loha, "made", one));

    assertRefused(
        flags(lokr, "x", with(one, "--network_weights=made/nami.safetensors")),
        "is a LoHa, expected a LoKr",
        "--network_module networks.loha");
    assertRefused(
        flags(
            lokr, "x", with(one, "--network_weights=made/nami.safetensors", "--dim_from_weights")),
        "is a LoHa",
        "--network_module networks.loha");
    assertRefused(
        flags(
            lokr,
            "x",
            "--network_train_unet_only",
            "--max_train_steps=2",
            "--resume=made/nami-state"),
        "a LoHa of rank 3 and alpha 2.0 in it",
        "LoKr");
    List<String> otherFactor =
        flags(
            lokr,
            "y",
            "--network_args",
            "factor=2",
            "--network_train_unet_only",
            "--max_train_steps=1");
    runs.train(otherFactor);
    assertRefused(
        flags(lokr, "x", with(one, "--network_weights=y/nami.safetensors")),
        "LoKr of 2 x 2 and 48 x 48",
        "factor it was trained with");
  }

  private void assertRefused(List<String> flags, String... words) {
    assertThatThrownBy(() -> runs.train(flags))
        .isInstanceOf(InputException.class)
        .hasMessageContainingAll(words);
  }

  @Test
  void aRankThatSavesNothingIsNamed() {
    Kind lokr = kinds().skip(1).findFirst().orElseThrow();
    List<String> flags = flags(lokr, "out", "--network_train_unet_only", "--max_train_steps=1");
    flags.add("--network_dim=100");
    runs.train(flags);
    assertThat(runs.notes)
        .anySatisfy(note ->
            assertThat(note).contains("saves nothing in 30 of 30 LoKr modules", "rank 100"));
  }

  @Test
  void verboseListsTheModules() {
    Kind lora = new Kind("LoRA", NetworkKind.LORA, List.of(), List.of());
    runs.train(
        flags(
            lora,
            "out",
            "--network_args",
            "verbose=True",
            "network_reg_alphas=.*mlp.*=3",
            "--network_train_unet_only",
            "--max_train_steps=1"));
    assertThat(runs.notes)
        .anySatisfy(note ->
            assertThat(note)
                .contains(
                    "lora_unet_blocks_0_self_attn_q_proj: rank 3, alpha 2.0",
                    "lora_unet_blocks_0_mlp_layer1: rank 3, alpha 3.0"));
  }
}
