package dev.anima.dataset;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.anima.Golden;
import dev.anima.config.DatasetSpec;
import dev.anima.config.Size;
import dev.anima.io.InputException;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;

class BucketRuleTest {
  @ParameterizedTest
  @ValueSource(
      strings = {
        "a_1024_no_upscale",
        "b_1024_upscale",
        "c_768_step32_upscale",
        "d_832x1216_step16_no_upscale",
        "e_1024_no_bucket"
      })
  void everySizeGetsTheReferencesBucket(String file) {
    JsonNode golden = Golden.json("buckets/" + file + ".json");
    BucketRule rule = BucketRule.of(spec(golden.get("config")));
    if (golden.has("predefined_resolutions")) {
      assertThat(((BucketRule.FromList) rule).resolutions())
          .isEqualTo(sizes(golden.get("predefined_resolutions")));
    }
    for (JsonNode expected : golden.get("cases")) {
      Size image = new Size(expected.get("w").intValue(), expected.get("h").intValue());
      if (image.area() == 0) {
        continue; // unreadable images are reported before they come here
      }
      BucketChoice choice = rule.choose(image);
      String what = image.toString();
      if (expected.has("error")) {
        assertThat(choice.isTooSmall()).as(what).isTrue();
        continue;
      }
      assertThat(choice.bucket()).as(what).isEqualTo(size(expected.get("bucket")));
      assertThat(choice.resized()).as(what).isEqualTo(size(expected.get("resized")));
      assertThat(choice.isTooSmall()).as(what).isEqualTo(!expected.has("crop_left"));
      if (!choice.isTooSmall()) {
        assertThat(choice.aspectError()).as(what).isEqualTo(expected.get("ar_error").doubleValue());
        assertThat(choice.centreLeft()).as(what).isEqualTo(expected.get("crop_left").intValue());
        assertThat(choice.centreTop()).as(what).isEqualTo(expected.get("crop_top").intValue());
        assertThat(choice.edges().toArray())
            .as(what)
            .containsExactly(
                expected
                    .get("crop_ltrb")
                    .valueStream()
                    .mapToDouble(JsonNode::doubleValue)
                    .toArray(),
                within(1e-9));
      }
    }
  }

  @Test
  void theListsOfResolutionsAndTheirBoundsMatch() {
    for (JsonNode golden : Golden.json("buckets/resolution_lists.json")) {
      DatasetSpec spec = spec(golden);
      if (!golden.path("error").isNull() && golden.has("error")) {
        assertThatThrownBy(() -> BucketRule.of(spec))
            .isInstanceOf(InputException.class)
            .hasMessageStartingWith(golden.get("error").stringValue().substring(0, 15));
        continue;
      }
      BucketRule.Bounds bounds = BucketRule.Bounds.of(spec);
      assertThat(List.of(bounds.min(), bounds.max()))
          .isEqualTo(golden.get("adjusted_min_max").valueStream().map(JsonNode::intValue).toList());
      if (golden.has("resolutions")) {
        assertThat(((BucketRule.FromList) BucketRule.of(spec)).resolutions())
            .isEqualTo(sizes(golden.get("resolutions")));
      }
    }
  }

  @Test
  void aDatasetWithoutResolutionIsRejected() {
    assertThatThrownBy(() -> BucketRule.of(Specs.dataset().resolution(null).build()))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("--resolution");
  }

  private static DatasetSpec spec(JsonNode config) {
    return Specs.dataset()
        .resolution(size(config.get("resolution")))
        .buckets(
            config.path("enable_bucket").booleanValue(true),
            config.get("min_bucket_reso").intValue(),
            config.get("max_bucket_reso").intValue(),
            config.get("bucket_reso_steps").intValue(),
            config.path("bucket_no_upscale").booleanValue(false))
        .build();
  }

  private static Size size(JsonNode pair) {
    return new Size(pair.get(0).intValue(), pair.get(1).intValue());
  }

  private static List<Size> sizes(JsonNode pairs) {
    return pairs.valueStream().map(BucketRuleTest::size).toList();
  }
}
