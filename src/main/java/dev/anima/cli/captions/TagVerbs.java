package dev.anima.cli.captions;

import dev.anima.captions.BoundedRegex;
import dev.anima.captions.Implications;
import dev.anima.captions.Operation;
import dev.anima.captions.Position;
import dev.anima.captions.Separators;
import dev.anima.captions.TagCategory;
import dev.anima.captions.TagKnowledge;
import dev.anima.captions.TagOperations;
import dev.anima.captions.TagOperations.IfPresent;
import dev.anima.captions.TagOperations.Keep;
import dev.anima.captions.TagPattern;
import dev.anima.cli.Console;
import dev.anima.config.NearestName;
import dev.anima.io.InputException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/// Commands that add, remove and rename tags.
final class TagVerbs {
  private TagVerbs() {}

  @Command(name = "add", description = "Adds tags.")
  static final class Add extends EditVerb {
    @Parameters(index = "1..*", arity = "1..*", paramLabel = "TAG", description = "tags to add")
    List<String> words = new ArrayList<>();

    @Option(
        names = "--position",
        paramLabel = "PLACE",
        description =
            "front, end (default), centre, after-prefix, a number, before:TAG or after:TAG")
    String position = "end";

    @Option(names = "--move", description = "move a tag that is there already to that place")
    boolean move;

    Add(Console console, Surroundings surroundings) {
      super(console, surroundings);
    }

    @Override
    Operation operation(Workplace workplace) {
      return TagOperations.add(
          tags(words), Position.parse(position), move ? IfPresent.MOVE : IfPresent.SKIP);
    }
  }

  @Command(
      name = "remove",
      description = "Removes tags; * and ? stand for any letters, /.../ is a regular expression.")
  static final class Remove extends EditVerb {
    @Parameters(
        index = "1..*",
        arity = "0..*",
        paramLabel = "TAG",
        description = "tags or patterns")
    List<String> words = new ArrayList<>();

    @Option(names = "--list", paramLabel = "FILE", description = "a file with one tag a line")
    List<Path> lists = new ArrayList<>();

    Remove(Console console, Surroundings surroundings) {
      super(console, surroundings);
    }

    @Override
    Operation operation(Workplace workplace) {
      List<TagPattern> patterns = new ArrayList<>();
      List<String> shown = new ArrayList<>();
      for (String word : words) {
        boolean regex = word.length() > 2 && word.startsWith("/") && word.endsWith("/");
        if (regex) {
          String source = word.substring(1, word.length() - 1);
          patterns.add(new TagPattern.Regex(BoundedRegex.compile(source, false, false)));
        } else {
          Separators.COMMA.listed(word).forEach(tag -> patterns.add(TagPattern.parse(tag)));
        }
        shown.add(word);
      }
      for (Path list : lists) {
        lines(surroundings().workingDir().resolve(list))
            .forEach(line -> patterns.add(TagPattern.parse(line)));
        shown.add("the tags of " + list);
      }
      if (patterns.isEmpty()) {
        throw new InputException("no tag is given");
      }
      return TagOperations.remove(patterns, "\"" + String.join(", ", shown) + "\"");
    }
  }

  /// Lines with text, without comments.
  static List<String> lines(Path file) {
    try {
      return Files.readAllLines(file).stream()
          .map(String::strip)
          .filter(line -> !line.isEmpty() && !line.startsWith("#"))
          .toList();
    } catch (IOException e) {
      throw new InputException(file + ": cannot be read (" + e + ")", e);
    }
  }

  @Command(
      name = "rename",
      aliases = "merge",
      description = "Gives tags another name; several become one.")
  static final class Rename extends EditVerb {
    @Parameters(index = "1", paramLabel = "OLD", description = "a tag, or several with commas")
    String from = "";

    @Parameters(index = "2", paramLabel = "NEW", description = "the new name; empty removes")
    String to = "";

    Rename(Console console, Surroundings surroundings) {
      super(console, surroundings);
    }

    @Override
    Operation operation(Workplace workplace) {
      checkOneLine(to);
      return TagOperations.rename(tags(List.of(from)), Separators.COMMA.listed(to));
    }
  }

  @Command(name = "map", description = "Renames many tags: a CSV file with lines OLD,NEW.")
  static final class MapNames extends EditVerb {
    @Parameters(index = "1", paramLabel = "FILE", description = "OLD,NEW a line; no NEW removes")
    Path file = Path.of("");

    MapNames(Console console, Surroundings surroundings) {
      super(console, surroundings);
    }

    @Override
    Operation operation(Workplace workplace) {
      Map<String, List<String>> names = new LinkedHashMap<>();
      for (String line : lines(surroundings().workingDir().resolve(file))) {
        List<String> fields = new ArrayList<>(Separators.COMMA.pieces(line.replace("\"", "")));
        if (fields.size() < 2) {
          throw InputException.inFile(file, "expected OLD,NEW, got \"" + line + "\"");
        }
        String old = fields.removeFirst();
        fields.removeIf(String::isEmpty);
        names.put(old, List.copyOf(fields));
      }
      return TagOperations.map(names);
    }
  }

  @Command(
      name = "set-prefix",
      description = "Makes tags the first ones, in this order; copies elsewhere go.")
  static final class SetPrefix extends EditVerb {
    @Parameters(index = "1..*", arity = "1..*", paramLabel = "TAG", description = "first tags")
    List<String> words = new ArrayList<>();

    SetPrefix(Console console, Surroundings surroundings) {
      super(console, surroundings);
    }

    @Override
    Operation operation(Workplace workplace) {
      return TagOperations.setPrefix(tags(words));
    }
  }

  @Command(name = "strip-prefix", description = "Removes these tags from the front.")
  static final class StripPrefix extends EditVerb {
    @Parameters(index = "1..*", arity = "1..*", paramLabel = "TAG", description = "tags to strip")
    List<String> words = new ArrayList<>();

    StripPrefix(Console console, Surroundings surroundings) {
      super(console, surroundings);
    }

    @Override
    Operation operation(Workplace workplace) {
      return TagOperations.stripPrefix(tags(words));
    }
  }

  @Command(name = "dedup", aliases = "dedupe", description = "Keeps the first of equal tags.")
  static final class Dedup extends EditVerb {
    @Option(names = "--loose", description = "upper and lower case, _ and space are equal")
    boolean loose;

    Dedup(Console console, Surroundings surroundings) {
      super(console, surroundings);
    }

    @Override
    Operation operation(Workplace workplace) {
      return TagOperations.dedup(loose);
    }
  }

  @Command(name = "remove-empty", description = "Removes empty tags, as in \"a, , b\".")
  static final class RemoveEmpty extends EditVerb {
    RemoveEmpty(Console console, Surroundings surroundings) {
      super(console, surroundings);
    }

    @Override
    Operation operation(Workplace workplace) {
      return TagOperations.removeEmpty();
    }
  }

  @Command(
      name = "prune-implied",
      description = "Removes tags that another one says already: bikini beside pink bikini.")
  static final class PruneImplied extends EditVerb {
    @Option(names = "--keep-general", description = "remove the specific tag instead")
    boolean keepGeneral;

    PruneImplied(Console console, Surroundings surroundings) {
      super(console, surroundings);
    }

    @Override
    Operation operation(Workplace workplace) {
      return TagOperations.pruneImplied(
          new Implications(TagKnowledge.shipped()), keepGeneral ? Keep.GENERAL : Keep.SPECIFIC);
    }
  }

  @Command(name = "drop-category", description = "Removes all tags of a category.")
  static final class DropCategory extends EditVerb {
    @Parameters(
        index = "1",
        paramLabel = "CATEGORY",
        description = "meta, quality, score, year, rating, count, artist, lighting, ...")
    String category = "";

    DropCategory(Console console, Surroundings surroundings) {
      super(console, surroundings);
    }

    @Override
    Operation operation(Workplace workplace) {
      if (!TagCategory.labels().contains(category)) {
        throw new InputException(
            "there is no category \"%s\"%s: there are %s"
                .formatted(
                    category,
                    NearestName.hint(category, TagCategory.labels()),
                    String.join(", ", TagCategory.labels())));
      }
      return TagOperations.dropCategory(
          TagCategory.valueOf(category.toUpperCase(Locale.ROOT)), workplace.categories());
    }
  }

  @Command(name = "clear", description = "Removes all tags.")
  static final class Clear extends EditVerb {
    Clear(Console console, Surroundings surroundings) {
      super(console, surroundings);
    }

    @Override
    Operation operation(Workplace workplace) {
      return TagOperations.clear();
    }
  }
}
