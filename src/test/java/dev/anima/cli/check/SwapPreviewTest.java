package dev.anima.cli.check;

import static org.assertj.core.api.Assertions.assertThat;

import dev.anima.Golden;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// What `check` says of `--blocks_to_swap`. The tiny DiT has three blocks.
class SwapPreviewTest {
  private static final List<String> DATA =
      List.of(
          "--train_data_dir=dataset",
          "--resolution=256",
          "--enable_bucket",
          "--network_module=networks.lora_anima");

  @TempDir Path folder;
  private Desk desk;

  @BeforeEach
  void setUp() throws IOException {
    desk = new Desk(folder);
    Golden.copyFolder(Golden.path("training/e2e/dataset"), folder.resolve("dataset"));
  }

  @Test
  void saysHowManyBlocksWaitAndWhere() {
    assertThat(desk.checkRun(words("--blocks_to_swap=2")).out())
        .contains("Block swap", "2 of 3 blocks wait outside until they are used");
    assertThat(desk.checkRun(words()).out()).doesNotContain("Block swap");
  }

  @Test
  void countsTheDitWithoutThem() {
    long all = bytes("--mixed_precision=bf16");
    long packed = bytes("--mixed_precision=bf16", "--fp8_base", "--device=cuda");

    assertThat(bytes("--mixed_precision=bf16", "--blocks_to_swap=3")).isLessThan(all);
    assertThat(bytes("--mixed_precision=bf16", "--fp8_base", "--blocks_to_swap=3", "--device=cuda"))
        .isLessThan(packed);
  }

  private static String[] words(String... more) {
    return Stream.concat(DATA.stream(), Stream.of(more)).toArray(String[]::new);
  }

  private long bytes(String... words) {
    Desk.Outcome outcome = desk.checkJson(words(words));
    assertThat(outcome.errors()).isEmpty();
    return outcome.json().get("memory").get("total_bytes").longValue();
  }

  @Test
  void refusesMoreThanThereAre() {
    assertThat(desk.checkJson(words("--blocks_to_swap=4")).errors())
        .containsExactly(
            "--blocks_to_swap=4: the DiT has only 3 blocks\n  -> use 3 to swap all of them");
  }
}
