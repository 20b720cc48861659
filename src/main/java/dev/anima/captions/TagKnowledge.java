package dev.anima.captions;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/// What is known of tags without any vocabulary file: the lists of the resource `tags.txt`.
public final class TagKnowledge {
  private static final Pattern LINE = Pattern.compile("(exclusive |conflict )?([^:]+): (.*)");
  private static final Pattern UNLESS = Pattern.compile("\\[unless: ([^\\]]*)\\]");

  /// Lists of words that are no tags by themselves.
  private static final Set<String> NO_TAG_LISTS =
      Set.of("colours", "patterns", "negations", "common-words");

  private static final TagKnowledge SHIPPED = load(); // last: it needs the others

  /// At most one class of these in a caption.
  ///
  /// @param classes tags of one class do not exclude each other
  /// @param unless tags that make several right
  /// @param single counts only where one person is in the picture
  public record Exclusive(
      String name, List<List<String>> classes, Set<String> unless, boolean single) {}

  /// Two tags that do not go together.
  ///
  /// @param others patterns of what `tag` does not go with
  /// @param mild worth a look only
  public record Conflict(
      String name,
      String tag,
      List<TagPattern> others,
      Set<String> unless,
      boolean single,
      boolean mild) {}

  private final Map<String, Set<String>> lists = new HashMap<>();
  private final Map<String, Set<String>> implied = new HashMap<>();
  private final Set<String> ordinary = new HashSet<>();
  private final Set<String> exceptions = new LinkedHashSet<>();
  private final List<Exclusive> exclusive = new ArrayList<>();
  private final List<Conflict> conflicts = new ArrayList<>();

  private TagKnowledge() {}

  /// The lists that come with the program.
  public static TagKnowledge shipped() {
    return SHIPPED;
  }

  private static TagKnowledge load() {
    try (InputStream in = TagKnowledge.class.getResourceAsStream("tags.txt")) {
      String text =
          new String(Objects.requireNonNull(in, "tags.txt").readAllBytes(), StandardCharsets.UTF_8);
      TagKnowledge knowledge = new TagKnowledge();
      text.lines()
          .filter(line -> !line.isBlank() && !line.startsWith("#"))
          .forEach(knowledge::read);
      return knowledge;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private void read(String line) {
    Matcher parts = LINE.matcher(line);
    if (!parts.matches()) {
      throw new IllegalStateException("tags.txt: " + line);
    }
    String kind = parts.group(1) == null ? "" : parts.group(1).strip();
    String name = parts.group(2);
    Set<String> unless = unless(parts.group(3));
    boolean single = line.contains("[single]");
    String members = parts.group(3).replaceAll(" \\[[^\\]]*\\]", "");
    switch (kind) {
      case "exclusive" -> {
        List<List<String>> classes =
            bars(members).map(part -> List.of(part.split(" \\+ "))).toList();
        exclusive.add(new Exclusive(name, classes, unless, single));
        classes.forEach(ordinary::addAll);
      }
      case "conflict" -> {
        String[] sides = members.split(" & ");
        List<TagPattern> others = bars(sides[1]).map(TagPattern::parse).toList();
        conflicts.add(
            new Conflict(name, sides[0], others, unless, single, line.contains("[info]")));
      }
      default -> list(name, members);
    }
  }

  private void list(String name, String members) {
    switch (name) {
      case "implied" ->
          bars(members)
              .map(pair -> pair.split(" > "))
              .forEach(pair ->
                  implied.computeIfAbsent(pair[0], _ -> new LinkedHashSet<>()).add(pair[1]));
      case "implied-exceptions" -> bars(members).forEach(exceptions::add);
      default -> {
        Set<String> list = bars(members).collect(Collectors.toUnmodifiableSet());
        lists.put(name, list);
        if (!NO_TAG_LISTS.contains(name)) {
          ordinary.addAll(list);
        }
      }
    }
  }

  private static Set<String> unless(String text) {
    Matcher unless = UNLESS.matcher(text);
    return unless.find() ? Set.of(unless.group(1).split(", ")) : Set.of();
  }

  private static Stream<String> bars(String text) {
    return Stream.of(text.split(" \\| ")).map(String::strip);
  }

  /// One of the plain lists, such as `colours`.
  ///
  /// @throws IllegalArgumentException if there is none of that name
  public Set<String> list(String name) {
    Set<String> list = lists.get(name);
    if (list == null) {
      throw new IllegalArgumentException("no list " + name);
    }
    return list;
  }

  public List<Exclusive> exclusive() {
    return List.copyOf(exclusive);
  }

  public List<Conflict> conflicts() {
    return List.copyOf(conflicts);
  }

  /// Whether a tag is an ordinary one by these lists: in one of them, or hair, eyes, background or
  /// a piece of clothing.
  public boolean isOrdinary(String tag) {
    String spaced = tag.replace('_', ' ');
    if (ordinary.contains(spaced)) {
      return true;
    }
    String last = spaced.substring(spaced.lastIndexOf(' ') + 1);
    return spaced.contains(" ")
        && (list("heads").contains(last)
            || Set.of("hair", "eyes", "background", "ears", "tail").contains(last));
  }

  /// Tags that `tag` says too, one step.
  public Set<String> impliedBy(String tag) {
    return implied.getOrDefault(tag, Set.of());
  }

  /// Whether `general` is something else than `specific`, although its words say so.
  public boolean isException(String specific, String general) {
    return exceptions.contains(specific + " > " + general);
  }

  /// Whether more than one person is in the picture, by its tags.
  public boolean hasSeveralPeople(Iterable<String> tags) {
    boolean girl = false;
    boolean boy = false;
    for (String tag : tags) {
      if (list("several-people").contains(tag)) {
        return true;
      }
      girl |= tag.equals("1girl");
      boy |= tag.equals("1boy");
    }
    return girl && boy;
  }
}
