package dev.anima.tag;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.anima.Golden;
import dev.anima.config.CommandLine;
import dev.anima.config.FlagTable;
import dev.anima.io.InputException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import tools.jackson.databind.JsonNode;

/// The recorded cases of sd-scripts' tagger and of TagGUI, without a network: from probabilities to
/// files.
class TagChoiceTest {
  /// Cases that hold a mistake of sd-scripts, which is repeated only when asked for.
  private static final Set<String> MISTAKES =
      Set.of(
          "character_first",
          "rating_first_and_character_first",
          "always_first",
          "always_first_order_reversed",
          "always_first_with_space_not_matched",
          "tag_replacement_has_no_effect");

  @TempDir Path folder;

  private static JsonNode golden() {
    return Golden.json("tagger/cases.json");
  }

  static List<String> cases() {
    return golden().get("cases").valueStream().map(c -> c.get("name").asString()).toList();
  }

  static List<String> tagguiCases() {
    return golden()
        .get("taggui_style")
        .get("cases")
        .valueStream()
        .map(c -> c.get("name").asString())
        .toList();
  }

  private static JsonNode named(JsonNode cases, String name) {
    return cases
        .valueStream()
        .filter(c -> c.get("name").asString().equals(name))
        .findFirst()
        .orElseThrow();
  }

  private static TagSettings settings(List<String> words) {
    return TagSettings.of(CommandLine.parse(FlagTable.tag(), words).flags());
  }

  private TagList list(JsonNode csv) throws IOException {
    return TagList.read(Files.writeString(folder.resolve("selected_tags.csv"), csv.asString()));
  }

  private static Probabilities floats(JsonNode numbers) {
    float[] values = new float[numbers.size()];
    for (int i = 0; i < values.length; i++) {
      values[i] = numbers.get(i).floatValue();
    }
    return new Probabilities(values);
  }

  private static List<String> words(JsonNode node) {
    List<String> words = new ArrayList<>();
    node.valueStream().forEach(word -> words.add(word.asString()));
    return words;
  }

  @ParameterizedTest
  @MethodSource("cases")
  void writesTheFilesOfTheReference(String name) throws IOException {
    carryOut(named(golden().get("cases"), name), "exact");
    if (!MISTAKES.contains(name)) {
      carryOut(named(golden().get("cases"), name), "fixed");
    }
  }

  private void carryOut(JsonNode c, String compat) throws IOException {
    Path above = folder.resolve(compat);
    Path root = Files.createDirectories(above.resolve("img"));
    List<String> words = words(c.get("args"));
    words.addAll(List.of("--compat", compat));
    TagSettings settings = settings(words);
    JsonNode existing = c.path("existing_files");
    for (Map.Entry<String, JsonNode> file : existing.properties()) {
      Files.writeString(root.resolve(file.getKey()), file.getValue().asString());
    }
    boolean recursive = words.contains("--recursive");
    TagChoice choice = new TagChoice(list(golden().get("csv")), settings.rules());
    JsonCaptions json = new JsonCaptions();
    Map<String, Integer> frequencies = new LinkedHashMap<>();
    Optional<String> output =
        words.contains("--output_path")
            ? Optional.of(words.get(words.indexOf("--output_path") + 1).substring(1))
            : Optional.empty();
    try (CaptionBackup sink = new CaptionBackup(folder.resolve("b"), TagTimes.NOON)) {
      CaptionWriter writer = new CaptionWriter(settings.captions(), Optional.of(sink));
      for (JsonNode image : c.get("images").valueStream().toList()) {
        String file = image.get("file").asString();
        if (file.contains("/") && !recursive) {
          continue; // the list of pictures is not this test's
        }
        Files.createDirectories(Objects.requireNonNull(root.resolve(file).getParent()));
        Probabilities p = floats(golden().get("probabilities").get(image.get("probs").asString()));
        PictureTags tags = choice.of(p);
        Stream.of(tags.general(), tags.characters())
            .flatMap(List::stream)
            .forEach(tag -> frequencies.merge(tag, 1, Integer::sum));
        var tagged = new CaptionWriter.Tagged(root.resolve(file), tags.caption());
        if (output.isPresent()) {
          json.add(root.resolve(file), writer.text(tagged), 20, 10);
        } else {
          writer.write(List.of(tagged));
        }
      }
    }
    for (Map.Entry<String, JsonNode> file : c.get("files").properties()) {
      assertThat(root.resolve(file.getKey())).hasContent(file.getValue().asString());
      assertThat(Files.readString(root.resolve(file.getKey())))
          .isEqualTo(file.getValue().asString());
    }
    if (output.isPresent()) {
      Path file = above.resolve(output.get());
      json.write(file);
      assertThat(Files.readString(file).replace(above.toString(), "<root>"))
          .isEqualTo(c.get("output_file").asString());
    }
    if (c.has("stdout_lines")) {
      List<String> lines = new ArrayList<>(List.of("Tag frequencies:"));
      frequencies.entrySet().stream()
          .sorted(Comparator.comparing(Map.Entry<String, Integer>::getValue).reversed())
          .forEach(entry -> lines.add(entry.getKey() + ": " + entry.getValue()));
      assertThat(lines).isEqualTo(words(c.get("stdout_lines")));
    }
  }

  @ParameterizedTest
  @MethodSource("tagguiCases")
  void choosesAsTagGui(String name) throws IOException {
    JsonNode c = named(golden().get("taggui_style").get("cases"), name);
    JsonNode wanted = c.get("settings");
    TagSettings settings =
        settings(
            List.of(
                "--profile=taggui",
                "--thresh=" + wanted.get("min_probability").asString(),
                "--max_tags=" + wanted.get("max_tags").asString(),
                "--undesired_tags=" + wanted.get("tags_to_exclude").asString()));
    TagChoice choice =
        new TagChoice(list(golden().get("taggui_style").get("csv")), settings.rules());

    List<String> tags = choice.of(floats(c.get("probs"))).caption();

    assertThat(tags).isEqualTo(words(c.get("tags")));
    assertThat(String.join(", ", tags)).isEqualTo(c.get("caption").asString());
  }

  /// What the flags promise where the reference does something else.
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '"',
      value = {
        "--always_first_tags solo,1girl | solo, 1girl, long_hair",
        "--always_first_tags '1boy, long_hair, solo' | long_hair, solo, 1girl",
        "--character_tags_first | hatsune_miku, nami_(one_piece), artoria_pendragon_(swimsuit_archer)_(fate), ganyu_(genshin_impact), 1girl, solo",
        "--tag_replacement solo,alone;long_hair,hair | 1girl, alone, hair, o_o",
        "--prefix 'trigger, solo' | trigger, solo, 1girl, long_hair",
        "--sort alphabetical --general_threshold 0.8 --character_threshold 2 | 1girl, long_hair, solo",
        "--max_tags 2 | 1girl, hatsune_miku",
        "--sort probability --max_tags 3 | 1girl, hatsune_miku, solo",
        "--profile bdtm --thresh 0.6 | 1girl, hatsune miku, solo, artoria pendragon (swimsuit archer) (fate), long hair, looking at viewer"
      })
  void keepsWhatTheFlagsPromise(String flags, String beginning) throws IOException {
    List<String> words = new ArrayList<>();
    var matcher = java.util.regex.Pattern.compile("'([^']*)'|(\\S+)").matcher(flags);
    while (matcher.find()) {
      words.add(matcher.group(1) != null ? matcher.group(1) : matcher.group(2));
    }
    TagChoice choice = new TagChoice(list(golden().get("csv")), settings(words).rules());
    assertThat(
            String.join(", ", choice.of(floats(golden().get("probabilities").get("p1"))).caption()))
        .startsWith(beginning);
  }

  /// Of a model with `tag_mapping.json`: by probability, ratings by threshold, all categories.
  @Test
  void choosesFromAMapping() throws IOException {
    Path file =
        Files.writeString(
            folder.resolve("tag_mapping.json"),
            """
            {"0": {"tag": "sensitive", "category": "Rating"}, "1": {"tag": "general", "category": "Rating"},
             "2": {"tag": "solo", "category": "General"}, "4": {"tag": "nami", "category": "Character"},
             "5": {"tag": "one_piece", "category": "Copyright"}, "6": {"tag": "best_quality", "category": "Quality"},
             "7": {"tag": "somebody", "category": "Artist"}, "8": {"tag": "highres", "category": "Meta"}}
            """);
    TagList list = TagList.read(file);
    Probabilities p =
        new Probabilities(new float[] {0.5f, 0.9f, 0.6f, 0.99f, 0.7f, 0.8f, 0.4f, 0.36f, 0.34f});
    assertThat(list.size()).isEqualTo(9);
    assertThat(caption(list, p)).isEqualTo("one_piece, nami, solo, somebody");
    assertThat(caption(list, p, "--use_rating_tags", "--use_quality_tags_as_last_tag"))
        .isEqualTo("general, one_piece, nami, solo, somebody, best_quality");
    assertThat(caption(list, p, "--use_rating_tags", "--undesired_tags", "general"))
        .isEqualTo("sensitive, one_piece, nami, solo, somebody");
    assertThat(caption(list, p, "--artist_threshold", "2", "--character_tags_first"))
        .isEqualTo("nami, one_piece, solo");
  }

  private static String caption(TagList list, Probabilities p, String... words) {
    return String.join(", ", new TagChoice(list, settings(List.of(words)).rules()).of(p).caption());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "--tag_replacement=solo | --tag_replacement: \"solo\" is not \"old,new\"",
        "--batch_size=0 | --batch_size: expected 1 or more, got 0",
        "--max_tags=-1 | --max_tags: expected 0 (no limit) or more",
        "--profile=tagui | --profile: \"tagui\" is not one of sd-scripts, taggui, bdtm",
        "--thresh=high | --thresh: expected a number such as 1e-4, got \"high\"",
        "--tresh=1 | unknown flag --tresh",
        "--caption_ext=.txt | ambiguous flag --caption_ext could mean --caption_extension, --caption_extention"
      })
  void refusesFlagsThatCannotBeMeant(String word, String message) {
    assertThatThrownBy(() -> settings(List.of(word)))
        .isInstanceOf(InputException.class)
        .hasMessageContaining(message);
  }

  @Test
  void refusesASeparatorThatSeparatesNothing() {
    assertThatThrownBy(() -> settings(List.of("--caption_separator", " ")))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("--caption_separator: \" \" is nothing but white space");
  }
}
