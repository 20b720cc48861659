package dev.anima.config;

import static org.assertj.core.api.Assertions.assertThat;

import dev.anima.config.Flag.Origin;
import dev.anima.config.Flag.Status;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class FlagTableTest {
  private static final FlagTable TABLE = FlagTable.train();

  // We write what the reference drops, and do by other means what it does by switches of its own.
  private static final Set<String> WRITTEN_BY_US =
      Set.of(
          "metadata_usage_hint",
          "metadata_thumbnail",
          "metadata_merged_from",
          "metadata_trigger_phrase",
          "metadata_preprocessor",
          "metadata_is_negative_embedding");

  @ParameterizedTest(name = "--{0}")
  @MethodSource("referenceRows")
  void agreesWithTheReference(
      String name, String kind, String literal, String choices, String code) {
    Flag flag = TABLE.get(name);
    assertThat(flag.kind().word()).isEqualTo(kind);
    assertThat(String.join(" ", flag.choices())).isEqualTo(choices);
    assertThat(flag.defaultValue()).isEqualTo(expectedDefault(kind, literal));
    switch (code) {
      case "D" -> assertThat(flag.status()).isEqualTo(Status.DATASET_FALLBACK);
      case "M" -> assertThat(flag.status()).isEqualTo(Status.METADATA_ONLY);
      case "-" ->
          assertThat(flag.status())
              .isEqualTo(WRITTEN_BY_US.contains(name) ? Status.HONOURED : Status.NO_EFFECT);
      default -> assertThat(flag.status()).isNotEqualTo(Status.METADATA_ONLY);
    }
  }

  private static @Nullable Object expectedDefault(String kind, String literal) {
    return switch (literal) {
      case "None" -> null;
      case "off" -> false;
      case "\"\"" -> "";
      default ->
          kind.equals("text")
              ? literal
              : literal.matches("-?\\d+")
                  ? Long.valueOf(literal)
                  : (Object) Double.valueOf(literal);
    };
  }

  static List<Object[]> referenceRows() throws IOException {
    try (var in =
        Objects.requireNonNull(
            FlagTableTest.class.getResourceAsStream("reference-flags.tsv"), "extract")) {
      return new String(in.readAllBytes(), StandardCharsets.UTF_8)
          .lines()
          .filter(line -> !line.startsWith("#"))
          .map(line -> (Object[]) line.split("\t", -1))
          .toList();
    }
  }

  @Test
  void holdsEveryReferenceFlagAndNoOther() throws IOException {
    assertThat(TABLE.all().stream().filter(f -> f.origin() == Origin.REFERENCE)).hasSize(220);
    assertThat(TABLE.all().stream().filter(f -> f.origin() == Origin.NEWER_REFERENCE)).hasSize(13);
    assertThat(TABLE.all().stream().filter(f -> f.origin() != Origin.OURS).map(Flag::name).toList())
        .containsExactlyInAnyOrderElementsOf(
            referenceRows().stream().map(row -> (String) row[0]).toList());
  }

  @Test
  void everyFlagExplainsItself() {
    assertThat(TABLE.all())
        .allSatisfy(flag -> {
          assertThat(flag.help()).as(flag.name()).endsWith(".").hasSizeLessThan(110);
          boolean plain =
              flag.status() == Status.HONOURED || flag.status() == Status.DATASET_FALLBACK;
          assertThat(flag.reason().isEmpty()).as("reason of " + flag.name()).isEqualTo(plain);
        });
  }

  @Test
  void ourOwnFlagsNeverMakeAReferenceAbbreviationAmbiguous() {
    List<String> reference =
        TABLE.all().stream()
            .filter(flag -> flag.origin() == Origin.REFERENCE)
            .map(Flag::name)
            .toList();
    for (String name : reference) {
      for (int length = 1; length < name.length(); length++) {
        String prefix = name.substring(0, length);
        List<String> candidates = reference.stream().filter(n -> n.startsWith(prefix)).toList();
        if (candidates.size() == 1) {
          assertThat(TABLE.matching(prefix)).extracting(Flag::name).isEqualTo(candidates);
        }
      }
    }
  }
}
