package dev.anima.lint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.anima.config.RepeatsInToml;
import dev.anima.io.InputException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class BalanceTest {
  private static List<Balance.Folder> folders(String images) {
    List<Balance.Folder> folders = new ArrayList<>();
    for (String n : images.split(",")) {
      folders.add(new Balance.Folder("f" + folders.size(), Integer.parseInt(n), 1, 1));
    }
    return folders;
  }

  @ParameterizedTest(name = "{0} with m = {1}")
  @CsvSource({
    "'12,12,12,12,4,4,3', 1, '1,1,1,1,3,3,4', 84, 1.000",
    "'20,15,7', 1, '1,1,3', 56, 1.400",
    "'20,15,7', 2, '2,3,6', 127, 1.125",
    "'20,15,7', 3, '3,4,9', 183, 1.050",
    "'30,13,17', 1, '1,2,2', 90, 1.308",
    "'30,13,17', 3, '3,7,5', 266, 1.071",
    "'25,10', 1, '1,3', 55, 1.200",
    "'12,9', 1, '1,1', 21, 1.333",
    "'12,9', 3, '3,4', 72, 1.000",
    "'12,8', 1, '1,2', 28, 1.333",
    "'12,8', 2, '2,3', 48, 1.000",
    "'60,5,2', 1, '1,12,30', 180, 1.000"
  })
  void repeatsOfTheSpecification(String images, int m, String repeats, long sum, double spread) {
    Balance balance = Balance.of(folders(images), m);
    assertThat(balance.rows().stream().map(row -> Integer.toString(row.repeats())).toList())
        .isEqualTo(List.of(repeats.split(",")));
    assertThat(balance.sum()).isEqualTo(sum);
    assertThat(balance.spread()).isCloseTo(spread, within(0.0005));
  }

  @Test
  void offersTheSmallestFinerOneWhenTheSpreadIsLarge() {
    assertThat(Balance.finer(folders("20,15,7"))).get().extracting(Balance::m).isEqualTo(3);
    assertThat(Balance.finer(folders("12,8"))).get().extracting(Balance::m).isEqualTo(2);
    assertThat(Balance.finer(folders("25,10"))).isEmpty();
  }

  @Test
  void aWeightMultipliesTheTarget() {
    Balance balance =
        Balance.of(
            List.of(new Balance.Folder("a", 10, 1, 2), new Balance.Folder("b", 10, 1, 1)), 1);
    assertThat(balance.rows()).extracting(Balance.Row::repeats).containsExactly(2, 1);
    assertThat(balance.spread()).isEqualTo(1);
  }

  @Test
  void writesNothingButTheRepeats() {
    String toml =
        """
        # May
        [general]
        shuffle_caption = true   # yes

        [[datasets]]
        batch_size = 1

          [[datasets.subsets]]
          num_repeats = 10 # was ten
          image_dir = 'a'

          [[datasets.subsets]]
          image_dir = 'b'  # no repeats yet
          class_tokens = "num_repeats = 7"

        [[datasets]]
          [[datasets.subsets]]
          image_dir = 'c'
          num_repeats   =   2\
        """;
    assertThat(RepeatsInToml.with(toml, List.of(1, 3, 4), Path.of("x.toml")))
        .isEqualTo(
            toml.replace("num_repeats = 10 #", "num_repeats = 1 #")
                .replace("'b'  # no repeats yet\n", "'b'  # no repeats yet\n  num_repeats = 3\n")
                .replace("num_repeats   =   2", "num_repeats   =   4"));
    String windows = toml.replace("\n", "\r\n");
    assertThat(RepeatsInToml.with(windows, List.of(10, 1, 2), Path.of("x.toml")))
        .isEqualTo(
            windows.replace("# no repeats yet\r\n", "# no repeats yet\r\n  num_repeats = 1\r\n"));
  }

  @Test
  void inlineSubsetsAreWrittenToo() {
    String toml =
        "[[datasets]]\nsubsets = [{image_dir = 'a', num_repeats = 2}, {image_dir = 'b', num_repeats = 5}]\n";
    assertThat(RepeatsInToml.with(toml, List.of(3, 4), Path.of("x.toml")))
        .isEqualTo(toml.replace("= 2", "= 3").replace("= 5", "= 4"));
    assertThatThrownBy(() ->
            RepeatsInToml.with(
                "[[datasets]]\nsubsets = [{image_dir = 'a'}]", List.of(3), Path.of("x.toml")))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("by hand");
  }
}
