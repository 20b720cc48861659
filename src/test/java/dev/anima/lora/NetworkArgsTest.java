package dev.anima.lora;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.anima.config.NetworkKind;
import dev.anima.io.InputException;
import dev.anima.lora.NetworkArgs.LoraPlus;
import java.util.List;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class NetworkArgsTest {
  @Test
  void namesTheNearestKey() {
    NetworkArgs args = NetworkArgs.parse(List.of("rank_dropot=0.1"));
    assertThat(args.warnings()).singleElement().asString().contains("did you mean rank_dropout?");
  }

  @Test
  void everyKindHasItsOwnKeys() {
    List<String> factor = List.of("factor=8");
    assertThat(NetworkArgs.parse(NetworkKind.LOKR, factor).factor()).isEqualTo(8);
    assertThat(NetworkArgs.parse(NetworkKind.LOKR, List.of()).factor()).isEqualTo(-1);
    assertThat(NetworkArgs.parse(NetworkKind.LOKR, factor).warnings()).isEmpty();
    assertThat(NetworkArgs.parse(NetworkKind.LOHA, factor).warnings())
        .singleElement()
        .asString()
        .contains("networks.loha has no such key", "--network_module=networks.lokr");
    assertThat(NetworkArgs.parse(NetworkKind.LOKR, List.of("facter=8")).warnings())
        .singleElement()
        .asString()
        .contains("did you mean factor?");
    assertThat(NetworkArgs.parse(NetworkKind.LOHA, List.of("conv_dim=4", "use_tucker=True")))
        .satisfies(args ->
            assertThat(args.warnings())
                .hasSize(2)
                .allMatch(text -> text.contains("no convolutions")));
  }

  @ParameterizedTest
  @ValueSource(strings = {"0", "-2", "eight", "8.5", "99999999999"})
  void aFactorIsAWholeNumberOrMinusOne(String value) {
    assertThatThrownBy(() -> NetworkArgs.parse(NetworkKind.LOKR, List.of("factor=" + value)))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("factor=" + value);
  }

  @Test
  void layersMayHaveAlphasOfTheirOwn() {
    NetworkArgs args =
        NetworkArgs.parse(List.of("network_reg_alphas=.*q_proj=8,.*mlp.*=0,.*k_proj=much"));
    LoraSpec spec =
        LoraSpec.of(OptionalInt.of(4), OptionalDouble.of(2), OptionalDouble.empty(), args);
    assertThat(args.warnings()).singleElement().asString().contains("'.*k_proj=much'");
    assertThat(alpha(spec, "blocks.0.self_attn.q_proj")).isEqualTo(8);
    assertThat(alpha(spec, "blocks.0.mlp.layer1")).isEqualTo(4);
    assertThat(alpha(spec, "blocks.0.self_attn.k_proj")).isEqualTo(2);
    assertThatThrownBy(() -> NetworkArgs.parse(List.of("network_reg_alphas=.*=-1")))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("network_reg_alphas");
  }

  private static double alpha(LoraSpec spec, String path) {
    return spec.module(Network.DIT, new LinearModule(path, 8, 8), 4).alpha();
  }

  @Test
  void onlyALoraDropsElements() {
    for (NetworkKind kind : NetworkKind.values()) {
      LoraSpec spec =
          LoraSpec.of(
              OptionalInt.empty(),
              OptionalDouble.empty(),
              OptionalDouble.of(0.1),
              NetworkArgs.parse(kind, List.of("rank_dropout=0.2")));
      assertThat(spec.dropouts().element().isPresent()).isEqualTo(kind == NetworkKind.LORA);
      assertThat(spec.dropouts().rank()).hasValue(0.2);
    }
  }

  @Test
  void saysWhatToUseInsteadOfDropout() {
    NetworkArgs args = NetworkArgs.parse(List.of("dropout=0.1"));
    assertThat(args.warnings()).singleElement().asString().contains("--network_dropout");
  }

  @Test
  void anUnquotedPatternIsAnError() {
    assertThatThrownBy(() -> NetworkArgs.parse(List.of("include_patterns=.*final_layer.*")))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("include_patterns=.*final_layer.*")
        .hasMessageContaining("quoted");
  }

  @Test
  void anInvalidExclusionIsReportedAndLeftOut() {
    NetworkArgs args = NetworkArgs.parse(List.of("exclude_patterns=['(', '.*mlp.*']"));
    assertThat(args.exclude()).hasSize(1);
    assertThat(args.warnings()).singleElement().asString().contains("'('");
  }

  @Test
  void anInvalidRankRegexIsAnError() {
    assertThatThrownBy(() -> NetworkArgs.parse(List.of("network_reg_dims=(=4")))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("network_reg_dims");
  }

  @Test
  void invalidRulesAreReportedAndLeftOut() {
    NetworkArgs args =
        NetworkArgs.parse(List.of("network_reg_dims=.*q_proj=8,mlp, .*k_proj=x,.*q_proj=2"));
    assertThat(args.ranks()).singleElement().extracting("rank").isEqualTo(2);
    assertThat(args.warnings()).hasSize(2);
  }

  @Test
  void dropoutsHaveARange() {
    NetworkArgs args = NetworkArgs.parse(List.of("rank_dropout=1"));
    assertThatThrownBy(() ->
            LoraSpec.of(OptionalInt.empty(), OptionalDouble.empty(), OptionalDouble.empty(), args))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("rank_dropout=1.0");
  }

  @Test
  void wordsAreNoNumbers() {
    assertThatThrownBy(() -> NetworkArgs.parse(List.of("module_dropout=little")))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("module_dropout=little");
  }

  @Test
  void absentAlphaIsOneAndZeroIsTheRank() {
    LoraSpec absent =
        LoraSpec.of(
            OptionalInt.empty(), OptionalDouble.empty(), OptionalDouble.empty(), NetworkArgs.NONE);
    LoraSpec zero =
        LoraSpec.of(
            OptionalInt.of(8), OptionalDouble.of(0), OptionalDouble.empty(), NetworkArgs.NONE);
    assertThat(absent.rank()).isEqualTo(4);
    assertThat(absent.alpha(4)).isEqualTo(1);
    assertThat(zero.alpha(8)).isEqualTo(8);
    assertThat(zero.integerAlpha()).isTrue();
  }

  @Test
  void theSpecificRatioWinsUnlessItIsZero() {
    OptionalDouble none = OptionalDouble.empty();
    LoraPlus plus = new LoraPlus(OptionalDouble.of(16), OptionalDouble.of(4), OptionalDouble.of(0));
    assertThat(plus.ratio(Network.DIT)).hasValue(4);
    assertThat(plus.ratio(Network.TEXT_ENCODER)).hasValue(16);
    assertThat(new LoraPlus(none, none, OptionalDouble.of(2)).ratio(Network.DIT)).isEmpty();
  }

  /// Expected values from Python 3's `re.fullmatch`.
  @ParameterizedTest(name = "{0} on {1}")
  @CsvSource(
      quoteCharacter = '`',
      value = {
        "`blocks.0.*`, blocks.0.mlp.layer1, true",
        "`mlp`, blocks.0.mlp.layer1, false",
        "`a|ab`, ab, true",
        "`(?P<kind_1>q|k)_proj_(?P=kind_1)`, q_proj_q, true",
        "`(?P<kind_1>q|k)_proj_(?P=kind_1)`, q_proj_k, false",
        "`blocks\\.\\d{,2}`, blocks.12, true",
        "`blocks\\.\\d{,2}`, blocks.123, false",
        "`a{b}`, a{b}, true",
        "`[[a]+`, [a, true",
        "`[]a]+`, ]a, true",
        "`[a&&b]+`, a&b, true",
        "`[^]]`, ], false",
        "`x(?#comment)y\\Z`, xy, true",
      })
  void readsPatternsAsPythonDoes(String pattern, String name, boolean matches) {
    assertThat(PythonPattern.compile(pattern).fullMatch(name)).isEqualTo(matches);
  }

  @Test
  void patternsAreOneStringOrSeveral() {
    assertThat(exclusions("'.*mlp.*'")).containsExactly(".*mlp.*");
    assertThat(exclusions("[r'a\\.b', \"c\"]")).containsExactly("a\\.b", "c");
    assertThat(exclusions("[]")).isEmpty();
    assertThatThrownBy(() -> exclusions("[7]"))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("7 is not a quoted string");
  }

  private static List<String> exclusions(String literal) {
    return NetworkArgs.parse(List.of("exclude_patterns=" + literal)).exclude().stream()
        .map(PythonPattern::toString)
        .toList();
  }
}
