package dev.anima.config;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class NearestNameTest {
  @ParameterizedTest(name = "{0} means {1}")
  @CsvSource({
    "lr_warmpu, lr_warmup_steps",
    "learning_rat, learning_rate",
    "netwrok_dim, network_dim",
    "max_train_epoch, max_train_epochs"
  })
  void findsMisspeltNamesAndAbbreviations(String typed, String meant) {
    List<String> names =
        List.of("learning_rate", "lr_warmup_steps", "network_dim", "max_train_epochs", "vae");

    assertThat(NearestName.of(typed, names)).hasValue(meant);
  }

  @Test
  void saysNothingWhenNothingIsNear() {
    assertThat(NearestName.of("banana", List.of("learning_rate", "vae"))).isEmpty();
    assertThat(NearestName.hint("banana", List.of("vae"))).isEmpty();
    assertThat(NearestName.hint("model", List.of("modle"))).isEqualTo(", did you mean \"modle\"?");
  }
}
