package dev.anima.captions.filter;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.anima.captions.CaptionFiles;
import dev.anima.captions.CaptionSet;
import dev.anima.captions.CaptionedImage;
import dev.anima.captions.Separators;
import dev.anima.captions.TagCategories;
import dev.anima.captions.TagKnowledge;
import dev.anima.captions.Vocabulary;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class FilterTest {
  @TempDir Path temp;
  private CaptionFiles files;

  @BeforeEach
  void layOut() {
    files = new CaptionFiles(temp);
  }

  private static SubjectFacts facts() {
    return new SubjectFacts(
        _ -> List.of("may", "1girl"),
        new TagCategories(TagKnowledge.shipped(), Vocabulary.empty()),
        Vocabulary.empty(),
        String::length,
        image -> image.fileName().equals("a.png"),
        _ -> false,
        (image, what) -> what.equals("any") && image.fileName().equals("b.png"));
  }

  private Set<String> matching(String filter) {
    CaptionSet set = files.read();
    Filter parsed = FilterParser.parse(filter, Set.of("tag-case", "caption-bom")).filter();
    Set<String> names = new TreeSet<>();
    for (CaptionedImage image : set.images()) {
      if (parsed.test(new ImageSubject(image, facts()))) {
        names.add(image.name().replace(".png", ""));
      }
    }
    return names;
  }

  private static FilterException error(String filter) {
    try {
      FilterParser.parse(filter, Set.of("tag-case"));
    } catch (FilterException e) {
      return e;
    }
    throw new AssertionError(filter + " was understood");
  }

  @ParameterizedTest(name = "{0}")
  @CsvSource(
      delimiter = '~',
      quoteCharacter = '\u0001',
      textBlock =
          """
          tag:a AND tag:b OR tag:c ~ ab abc c
          tag:a OR tag:b AND NOT tag:c ~ a ab abc b
          (tag:a OR tag:b) AND NOT tag:c ~ a ab b
          not not tag:a ~ a ab abc
          NOT(tag:a) ~ b c
          TAG:a ~ a ab abc
          tag: a ~ a ab abc
          tag :a ~ a ab abc
          tags: >= 2 ~ ab abc
          tags:2 ~ ab
          tags:2..3 ~ ab abc
          tags != 1 ~ ab abc
          chars:<=1 ~ a b c
          tag:a tag:b ~ ab abc
          caption:"a" caption:"b" ~ ab abc
          tag:"a" tag:"b" ~ ab abc
          -tag:a ~ b c
          -(tag:a or tag:b) ~ c
          one(a, b) ~ a b
          any(a, b) ~ a ab abc b
          all(a, b) ~ ab abc
          none(a, b) ~ c
          none(tag:a, -tag:c) ~ c
          tag:[ab]* ~ a ab abc b
          tag:[!ab] ~ abc c
          tag:? ~ a ab abc b c
          first:b ~ b
          last:c ~ abc c
          pos(b) = 2 ~ ab abc
          pos(b):>=1 tags:1 ~ b
          count(?) > 2 ~ abc
          tag:/[ab]/ ~ a ab abc b
          tag:/A/i ~ a ab abc
          caption:/^a, b$/ ~ ab
          name:abc ~ abc
          name:a* ~ a ab abc
          is:edited ~ a
          lint:any ~ b
          has:caption tags:3 ~ abc
          ext:png tags:3 ~ abc
          subset:"data set" tags:3 ~ abc
          """)
  void meansWhatTheTableSays(String filter, String expected) {
    for (String name : List.of("a", "b", "c", "ab", "abc")) {
      files.with(name + ".png", String.join(", ", name.split("")));
    }
    assertThat(matching(filter)).isEqualTo(new TreeSet<>(List.of(expected.split(" "))));
  }

  @ParameterizedTest(name = "{0} means {1}")
  @CsvSource(
      delimiter = '~',
      quoteCharacter = '\u0001',
      textBlock =
          """
          tag:cat_(animal) ~ cat_(animal)
          tag:>_< ~ >_<
          tag:^_^ ~ ^_^
          tag::3 ~ :3
          tag:it's ~ it's
          tag:NOT ~ NOT
          tag:\\*_\\* ~ *_*
          tag:"\\\\*_\\\\*" ~ *_*
          tag:"pink bikini" ~ pink bikini
          tag:'it\\'s' ~ it's
          tag:photo_\\(medium\\) ~ photo_(medium)
          tag:日本 ~ 日本
          one(pink bikini, red bikini) ~ pink bikini
          one(:3, x) ~ :3
          """)
  void meansATagLiterally(String filter, String tag) {
    files.with("hit.png", tag).with("other.png", "zzz, a_b, cat_animal, x_x");
    assertThat(matching(filter)).containsExactly("hit");
    assertThat(matching(FilterParser.literal(tag))).containsExactly("hit");
  }

  @Test
  void aQuotedStarIsAWildcard() {
    files.with("hit.png", "a_b").with("other.png", "ab");
    assertThat(matching("tag:\"\\*_\\*\"")).containsExactly("hit");
  }

  @Test
  void aLiteralIsEscaped() {
    for (String tag : List.of("[a]", "*_*", "what?", "a\\b", "say \"hi\"", "\\(x\\)")) {
      files.with("hit.png", tag).with("other.png", "a, x_x, whatx");
      assertThat(matching(FilterParser.literal(tag))).as(tag).containsExactly("hit");
    }
  }

  @Test
  void twoWordsMustBothOccur() {
    files.with("1.png", "orange, black cat").with("2.png", "orange").with("3.png", "cat");
    assertThat(matching("orange cat")).containsExactly("1");
  }

  @ParameterizedTest(name = "{0}")
  @ValueSource(strings = {"not", "and", "or"})
  void anOperatorAloneIsText(String word) {
    files.with("1.png", "x " + word + " y").with("2.png", "zzz");
    assertThat(matching(word)).containsExactly("1");
  }

  @Test
  void anUnknownKeyIsTextWithAHint() {
    files.with("1.png", "re:zero").with("2.png", "zero");
    assertThat(matching("re:zero")).containsExactly("1");
    assertThat(FilterParser.parse("tga:x", Set.of()).hints())
        .singleElement()
        .asString()
        .contains("no key \"tga\"")
        .contains("did you mean \"tag\"?");
  }

  @ParameterizedTest(name = "{0}")
  @CsvSource(
      delimiter = '~',
      quoteCharacter = '\u0001',
      textBlock =
          """
          tag:a and ~ 10 ~ missing at the end
          () ~ 2 ~ nothing between
          (tag:a ~ 1 ~ not closed
          tag:a) ~ 6 ~ closes nothing
          "unclosed ~ 1 ~ is not closed
          tag: ~ 5 ~ needs a value
          tags:abc ~ 6 ~ needs a number
          tags:<-1 ~ 7 ~ needs a number
          tags:5x ~ 7 ~ does not belong
          tag:a or or tag:b ~ 10 ~ stands where a term is expected
          is:untaged ~ 4 ~ did you mean "untagged"?
          lint:tag-cse ~ 6 ~ did you mean "tag-case"?
          tag:/a(/ ~ 5 ~ not valid
          one(a, ) ~ 8 ~ needs tags
          one(a ~ 5 ~ not closed
          prefix:maybe ~ 8 ~ expected ok, bad
          tag:[z-a] ~ 5 ~ not valid
          """)
  void anErrorNamesItsPlace(String filter, int column, String message) {
    FilterException error = error(filter);
    assertThat(error).hasMessageContaining(message);
    assertThat(error.column()).isEqualTo(column);
    assertThat(error.shownUnder(filter)).contains(filter);
  }

  @Test
  void numbersOfImagesThatCannotBeReadMatchNothing() {
    files.with("1.png", "a");
    assertThat(matching("width:>0")).isEmpty();
    assertThat(matching("bytes:1")).containsExactly("1");
    assertThat(matching("is:alpha")).isEmpty();
  }

  @Test
  void prefixAndCategories() {
    files.with("1.png", "may, 1girl, hat").with("2.png", "1girl, may").with("3.png", "@x");
    assertThat(matching("prefix:ok")).containsExactly("1");
    assertThat(matching("prefix:bad")).containsExactly("2", "3");
    assertThat(matching("cat:artist")).containsExactly("3");
  }

  @Test
  void anEmptyFilterMeansEverything() {
    files.with("1.png", "a");
    assertThat(matching(" ")).containsExactly("1");
    assertThat(Separators.COMMA.tags(" ")).isEmpty();
  }

  @Test
  void aFilterThatTakesTooLongIsStopped() {
    files.with("1.png", "a".repeat(60) + "c");
    assertThatThrownBy(() -> matching("tag:/(.*a){25}b/")).hasMessageContaining("takes longer");
  }
}
