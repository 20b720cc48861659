package dev.anima.captions;

import static dev.anima.captions.CaptionFiles.edit;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.anima.captions.TagOperations.IfPresent;
import dev.anima.captions.TagOperations.Keep;
import dev.anima.captions.TextOperations.Search;
import dev.anima.captions.TextOperations.Where;
import dev.anima.io.InputException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class OperationsTest {
  private static final Implications IMPLICATIONS = new Implications(TagKnowledge.shipped());

  private static Operation add(String tags, Position position) {
    return TagOperations.add(Separators.COMMA.tags(tags), position, IfPresent.SKIP);
  }

  private static Operation regex(String find, String by, Where where) {
    return TextOperations.replace(new Search(find, true, false, false), by, where);
  }

  private static Operation plain(String find, String by, Where where) {
    return TextOperations.replace(new Search(find, false, false, false), by, where);
  }

  @ParameterizedTest(name = "{0}")
  @CsvSource({
    "front, 'x, y, a, b, c'",
    "end, 'a, b, c, x, y'",
    "centre, 'a, x, y, b, c'",
    "after-prefix, 'a, b, x, y, c'",
    "2, 'a, x, y, b, c'",
    "99, 'a, b, c, x, y'",
    "before:b, 'a, x, y, b, c'",
    "after:b, 'a, b, x, y, c'",
    "after:nothing, 'a, b, c, x, y'"
  })
  void addsAtAPosition(String position, String expected) {
    assertThat(edit("a, b,c", add("x, y", Position.parse(position)), List.of(), 2, Map.of()))
        .isEqualTo(expected);
  }

  @Test
  void addSkipsOrMovesWhatIsThere() {
    assertThat(edit("a,b", add("b", new Position.Front()))).isEqualTo("a,b");
    assertThat(edit("a,b", TagOperations.add(List.of("b"), new Position.Front(), IfPresent.MOVE)))
        .isEqualTo("b, a");
  }

  @Test
  void anUnknownPositionNamesTheNearest() {
    assertThatThrownBy(() -> Position.parse("frnt"))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("did you mean \"front\"?");
  }

  @Test
  void setPrefixIsIdempotent() {
    Operation set = TagOperations.setPrefix(List.of("may", "1girl", "grbk"));
    assertThat(edit("hat, 1girl, may", set)).isEqualTo("may, 1girl, grbk, hat");
    assertThat(edit("may, 1girl, grbk, hat", set)).isEqualTo("may, 1girl, grbk, hat");
    assertThat(edit("may,1girl,grbk", set)).isEqualTo("may,1girl,grbk");
    assertThat(edit("grbk, hat, grbk, may, may", set)).isEqualTo("may, 1girl, grbk, hat");
  }

  @Test
  void stripPrefixEndsAtTheFirstOtherTag() {
    assertThat(edit("may, 1girl, hat, may", TagOperations.stripPrefix(List.of("1girl", "may"))))
        .isEqualTo("hat, may");
  }

  @Test
  void renameMergesAtTheEarliestPlace() {
    Operation rename = TagOperations.rename(List.of("b", "d"), List.of("x"));
    assertThat(edit("a, b, c, d", rename)).isEqualTo("a, x, c");
    assertThat(edit("a, x, b", rename)).isEqualTo("a, x");
    assertThat(edit("a, b, x", rename)).isEqualTo("a, x");
    assertThat(edit("a, b", TagOperations.rename(List.of("b"), List.of("b")))).isEqualTo("a, b");
    assertThat(edit("a, b", TagOperations.rename(List.of("b"), List.of()))).isEqualTo("a");
    assertThat(edit("a, b", TagOperations.rename(List.of("b"), List.of("c", "d"))))
        .isEqualTo("a, c, d");
  }

  @Test
  void renamingLeavesOtherRepeatsAlone() {
    assertThat(edit("q, q, b", TagOperations.rename(List.of("b"), List.of("c"))))
        .isEqualTo("q, q, c");
  }

  @Test
  void mapRenamesInOneGo() {
    Operation map =
        TagOperations.map(
            Map.of("a", List.of("b"), "b", List.of("c"), "x", List.of(), "y", List.of("1", "2")));
    assertThat(edit("a, b, x, y", map)).isEqualTo("b, c, 1, 2");
  }

  @ParameterizedTest(name = "{0} copies")
  @CsvSource({"3", "4", "5"})
  void dedupKeepsTheFirstOfManyCopies(int copies) {
    List<String> tags = new ArrayList<>(List.of("x", "a"));
    for (int i = 0; i < copies; i++) {
      tags.add("a");
      tags.add("b" + i);
    }
    List<String> expected = new ArrayList<>(List.of("x", "a"));
    for (int i = 0; i < copies; i++) {
      expected.add("b" + i);
    }
    assertThat(edit(String.join(",", tags), TagOperations.dedup(false)))
        .isEqualTo(String.join(", ", expected));
  }

  @Test
  void dedupLooselyIgnoresCaseAndUnderscore() {
    assertThat(edit("Red Hat, red_hat, cap", TagOperations.dedup(true))).isEqualTo("Red Hat, cap");
    assertThat(edit("Red Hat, red_hat, cap", TagOperations.dedup(false)))
        .isEqualTo("Red Hat, red_hat, cap");
  }

  @Test
  void onlyRemoveEmptyRemovesEmptyPieces() {
    assertThat(edit("a, , b,", TagOperations.removeEmpty())).isEqualTo("a, b");
    assertThat(edit("a,b", TagOperations.removeEmpty())).isEqualTo("a,b");
    assertThat(edit("a, , b", TagOperations.dedup(false))).isEqualTo("a, , b");
  }

  @ParameterizedTest(name = "{0}")
  @CsvSource({
    "'pink bikini, bikini, swimsuit', 'bikini, swimsuit'",
    "'white shirt, collared shirt, shirt', shirt",
    "'very long hair, long hair', long hair",
    "'hair bow, bow', bow",
    "'cat ears, animal ears', animal ears",
    "'dress shirt, dress', ''",
    "'no bra, bra', ''",
    "'dress shoes, shoes', shoes",
    "'may, may (pokemon)', ''"
  })
  void findsWhatIsImplied(String tags, String redundant) {
    assertThat(
            String.join(
                ", ", IMPLICATIONS.redundant(Separators.COMMA.tags(tags), List.of("may")).keySet()))
        .isEqualTo(redundant);
  }

  @Test
  void prunesTheGeneralOrTheSpecific() {
    assertThat(
            edit("a, pink bikini, bikini", TagOperations.pruneImplied(IMPLICATIONS, Keep.SPECIFIC)))
        .isEqualTo("a, pink bikini");
    assertThat(
            edit("a, pink bikini, bikini", TagOperations.pruneImplied(IMPLICATIONS, Keep.GENERAL)))
        .isEqualTo("a, bikini");
    assertThat(
            edit(
                "bikini, pink bikini",
                TagOperations.pruneImplied(IMPLICATIONS, Keep.SPECIFIC),
                List.of("bikini"),
                0,
                Map.of()))
        .isEqualTo("bikini, pink bikini");
  }

  @Test
  void replacesInThreePlaces() {
    assertThat(edit("hat, hats", plain("hat", "cap", Where.WHOLE_TAG))).isEqualTo("cap, hats");
    assertThat(edit("hat, hats", plain("hat", "cap", Where.INSIDE_TAGS))).isEqualTo("cap, caps");
    assertThat(edit("a, b, c", plain("a, b", "x", Where.CAPTION))).isEqualTo("x, c");
  }

  @Test
  void replacementsSplitVanishAndMerge() {
    assertThat(edit("a, b", plain("b", "", Where.WHOLE_TAG))).isEqualTo("a");
    assertThat(edit("a, b", plain("b", "c,d", Where.WHOLE_TAG))).isEqualTo("a, c, d");
    assertThat(edit("red hat, hat", regex("red (.*)", "$1", Where.WHOLE_TAG))).isEqualTo("hat");
    assertThat(edit("a, b, c", plain("b", "", Where.CAPTION))).isEqualTo("a, c");
    assertThat(edit("a, b, a", plain("b", "a", Where.CAPTION))).isEqualTo("a, a");
  }

  @ParameterizedTest(name = "{0} by {1}")
  @CsvSource({
    "'(\\w+) hat', '\\1 cap', 'red cap, blue'",
    "'(?P<colour_name>\\w+) hat', '\\g<colour_name> cap', 'red cap, blue'",
    "'(?P<c>\\w+) hat', '${c} cap', 'red cap, blue'",
    "'(?i)RED HAT', '$0!', 'red hat!, blue'",
    "'[[r]ed hat', 'x', 'x, blue'"
  })
  void understandsPythonsRegularExpressions(String find, String by, String expected) {
    assertThat(edit("red hat, blue", regex(find, by, Where.WHOLE_TAG))).isEqualTo(expected);
  }

  @Test
  void anExplodingRegularExpressionIsStopped() {
    Operation slow = regex("(.*a){25}b", "x", Where.INSIDE_TAGS);
    long start = System.nanoTime();
    assertThatThrownBy(() -> edit("a".repeat(60) + "c", slow))
        .isInstanceOf(BoundedRegex.TooSlowException.class)
        .hasMessageContaining("takes longer than 1 second");
    assertThat((System.nanoTime() - start) / 1e9).isLessThan(5);
  }

  @Test
  void aWrongRegularExpressionNamesThePlace() {
    assertThatThrownBy(() -> regex("a(b", "x", Where.WHOLE_TAG))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("not valid");
    assertThatThrownBy(() -> regex("(a)", "$2", Where.WHOLE_TAG))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("group $2");
    assertThatThrownBy(() -> regex("(?P<name>a)", "${nam}", Where.WHOLE_TAG))
        .hasMessageContaining("did you mean \"name\"?");
  }

  @Test
  void underscoresLeaveFacesAndScoresAlone() {
    String line = "long_hair, >_<, score_9, score_8_up, (o)_(o)";
    assertThat(edit(line, TextOperations.underscores(true)))
        .isEqualTo("long hair, >_<, score_9, score_8_up, (o)_(o)");
    assertThat(edit("long hair, >_<", TextOperations.underscores(false)))
        .isEqualTo("long_hair, >_<");
  }

  @Test
  void bracketsAndWeights() {
    assertThat(edit("photo \\(medium\\), :)", TextOperations.unescape()))
        .isEqualTo("photo (medium), :)");
    assertThat(edit("photo (medium), :), \\(a\\)", TextOperations.escape()))
        .isEqualTo("photo \\(medium\\), :), \\(a\\)");
    assertThat(
            edit(
                "(smile:1.2), ((hat)), [cap], may (pokemon), (o)_(o), (a) (b), :)",
                TextOperations.stripWeights()))
        .isEqualTo("smile, hat, cap, may (pokemon), (o)_(o), (a) (b), :)");
  }

  @Test
  void lowerCaseLeavesSentencesAlone() {
    assertThat(edit("Red Hat, A Girl stands there.", TextOperations.lowerCase()))
        .isEqualTo("red hat, A Girl stands there.");
  }

  @Test
  void orders() {
    assertThat(edit("b, c, a", Ordering.alphabetical(1))).isEqualTo("b, a, c");
    assertThat(edit("a, c, b", Ordering.frequency(0), List.of(), 0, Map.of("a", 3, "b", 5, "c", 5)))
        .isEqualTo("c, b, a");
    assertThat(edit("t, a, b", Ordering.reverse(1))).isEqualTo("t, b, a");
    assertThat(edit("b, c, a", Ordering.toFront(0, List.of("c", "x")))).isEqualTo("c, b, a");
    assertThat(edit("b, c, a", Ordering.toEnd(0, List.of("c", "b")))).isEqualTo("a, c, b");
    String shuffled = edit("a, b, c, d, e, f", Ordering.shuffle(1, 7));
    assertThat(edit("a, b, c, d, e, f", Ordering.shuffle(1, 7))).isEqualTo(shuffled);
    assertThat(shuffled).startsWith("a, ").isNotEqualTo("a, b, c, d, e, f");
  }

  @Test
  void orderKeepsThePrefixUnlessTold() {
    assertThat(
            edit("t, z, a", Ordering.alphabetical(Ordering.DEFAULT_KEEP), List.of(), 1, Map.of()))
        .isEqualTo("t, a, z");
    assertThat(
            edit(
                "t, u, z, a",
                Ordering.alphabetical(Ordering.DEFAULT_KEEP),
                List.of("t", "u"),
                1,
                Map.of()))
        .isEqualTo("t, u, a, z");
  }

  @Test
  void categoryOrder() {
    TagCategories categories = new TagCategories(TagKnowledge.shipped(), Vocabulary.empty());
    assertThat(
            edit(
                "may, hat, A girl sits there., @someone, 1girl, masterpiece, score_9",
                Ordering.category(1, categories)))
        .isEqualTo("may, masterpiece, score_9, 1girl, @someone, hat, A girl sits there.");
  }

  @Test
  void dropCategoryKeepsThePrefix() {
    TagCategories categories = new TagCategories(TagKnowledge.shipped(), Vocabulary.empty());
    assertThat(
            edit(
                "highres, may, absurdres",
                TagOperations.dropCategory(TagCategory.META, categories),
                List.of("highres"),
                0,
                Map.of()))
        .isEqualTo("highres, may");
  }

  @Test
  void shufflesAndBackLoseNoTag() {
    for (int seed = 0; seed < 100; seed++) {
      List<String> tags = new ArrayList<>();
      for (int i = 0; i < new Random(seed).nextInt(30); i++) {
        tags.add("tag" + i);
      }
      Collections.shuffle(tags, new Random(seed));
      String line = String.join(", ", tags);
      assertThat(Separators.COMMA.tags(edit(line, Ordering.shuffle(2, seed))))
          .containsExactlyInAnyOrderElementsOf(tags);
    }
  }
}
