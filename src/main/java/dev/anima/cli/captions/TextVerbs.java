package dev.anima.cli.captions;

import dev.anima.captions.Operation;
import dev.anima.captions.Ordering;
import dev.anima.captions.TextOperations;
import dev.anima.captions.TextOperations.Search;
import dev.anima.captions.TextOperations.Where;
import dev.anima.cli.Console;
import dev.anima.config.NearestName;
import dev.anima.io.InputException;
import java.util.ArrayList;
import java.util.List;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/// Commands that change the spelling of tags and their order.
final class TextVerbs {
  private static final List<String> PLACES = List.of("tag", "inside", "caption");
  private static final List<String> ORDERS =
      List.of("alphabetical", "frequency", "reverse", "shuffle", "front", "end", "category");

  private TextVerbs() {}

  @Command(name = "replace", description = "Finds text and puts other text in its place.")
  static final class Replace extends EditVerb {
    @Parameters(index = "1", paramLabel = "FIND", description = "the text to look for")
    String find = "";

    @Parameters(
        index = "2",
        paramLabel = "BY",
        description = "the new text; with --regex $1, \\1 and \\g<name> are groups")
    String by = "";

    @Option(
        names = "--in",
        paramLabel = "PLACE",
        description =
            "tag: whole tags only (default); inside: inside tags; caption: the whole line")
    String place = "tag";

    @Option(names = "--regex", description = "FIND is a regular expression")
    boolean regex;

    @Option(names = "--ignore-case", description = "upper and lower case are equal")
    boolean ignoreCase;

    @Option(names = "--dot-all", description = "in --regex, a point stands for a line break too")
    boolean dotAll;

    Replace(Console console, Surroundings surroundings) {
      super(console, surroundings);
    }

    @Override
    Operation operation(Workplace workplace) {
      if (!PLACES.contains(place)) {
        throw new InputException(
            "--in: expected tag, inside or caption, got \"%s\"%s"
                .formatted(place, NearestName.hint(place, PLACES)));
      }
      checkOneLine(by);
      Where where =
          switch (place) {
            case "inside" -> Where.INSIDE_TAGS;
            case "caption" -> Where.CAPTION;
            default -> Where.WHOLE_TAG;
          };
      return TextOperations.replace(new Search(find, regex, ignoreCase, dotAll), by, where);
    }
  }

  @Command(
      name = "underscores",
      description = "Underscores to spaces, but not in faces (>_<) and score_9.")
  static final class Underscores extends EditVerb {
    @Option(names = "--back", description = "spaces to underscores instead")
    boolean back;

    Underscores(Console console, Surroundings surroundings) {
      super(console, surroundings);
    }

    @Override
    Operation operation(Workplace workplace) {
      return TextOperations.underscores(!back);
    }
  }

  @Command(name = "case", description = "Tags in lower case; sentences stay.")
  static final class LowerCase extends EditVerb {
    LowerCase(Console console, Surroundings surroundings) {
      super(console, surroundings);
    }

    @Override
    Operation operation(Workplace workplace) {
      return TextOperations.lowerCase();
    }
  }

  @Command(name = "unescape", description = "Removes backslashes before brackets.")
  static final class Unescape extends EditVerb {
    Unescape(Console console, Surroundings surroundings) {
      super(console, surroundings);
    }

    @Override
    Operation operation(Workplace workplace) {
      return TextOperations.unescape();
    }
  }

  @Command(name = "escape", description = "Puts backslashes before brackets.")
  static final class Escape extends EditVerb {
    Escape(Console console, Surroundings surroundings) {
      super(console, surroundings);
    }

    @Override
    Operation operation(Workplace workplace) {
      return TextOperations.escape();
    }
  }

  @Command(name = "strip-weights", description = "(tag:1.3), ((tag)) and [tag] become tag.")
  static final class StripWeights extends EditVerb {
    StripWeights(Console console, Surroundings surroundings) {
      super(console, surroundings);
    }

    @Override
    Operation operation(Workplace workplace) {
      return TextOperations.stripWeights();
    }
  }

  @Command(
      name = "order",
      description =
          "Orders tags: alphabetical, frequency, reverse, shuffle, front, end or category.")
  static final class Order extends EditVerb {
    @Parameters(index = "1", paramLabel = "ORDER", description = "one of the orders above")
    String order = "";

    @Parameters(
        index = "2..*",
        arity = "0..*",
        paramLabel = "TAG",
        description = "for front and end: the tags, in their order")
    List<String> words = new ArrayList<>();

    @Option(
        names = "--keep",
        paramLabel = "N",
        description = "the first N tags stay (default: the prefix, else keep_tokens)")
    int keep = Ordering.DEFAULT_KEEP;

    @Option(names = "--seed", paramLabel = "N", description = "for shuffle (default: 0)")
    long seed;

    Order(Console console, Surroundings surroundings) {
      super(console, surroundings);
    }

    @Override
    Operation operation(Workplace workplace) {
      boolean listed = order.equals("front") || order.equals("end");
      if (!listed && !words.isEmpty()) {
        throw new InputException("only the orders front and end take tags, not " + order);
      }
      return switch (order) {
        case "alphabetical" -> Ordering.alphabetical(keep);
        case "frequency" -> Ordering.frequency(keep);
        case "reverse" -> Ordering.reverse(keep);
        case "shuffle" -> Ordering.shuffle(keep, seed);
        case "front" -> Ordering.toFront(keep, tags(words));
        case "end" -> Ordering.toEnd(keep, tags(words));
        case "category" -> Ordering.category(keep, workplace.categories());
        default ->
            throw new InputException(
                "there is no order \"%s\"%s: there are %s"
                    .formatted(order, NearestName.hint(order, ORDERS), String.join(", ", ORDERS)));
      };
    }
  }
}
