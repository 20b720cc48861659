package dev.anima.captions.filter;

import dev.anima.captions.BoundedRegex;
import dev.anima.captions.TagCategory;
import dev.anima.captions.TagPattern;
import java.util.List;
import java.util.OptionalDouble;

/// A filter as it was understood.
public sealed interface Filter {
  /// Whether an image passes.
  boolean test(FilterSubject image);

  record And(List<Filter> terms) implements Filter {
    public And {
      terms = List.copyOf(terms);
    }

    @Override
    public boolean test(FilterSubject image) {
      for (Filter term : terms) {
        if (!term.test(image)) {
          return false;
        }
      }
      return true;
    }
  }

  record Or(List<Filter> terms) implements Filter {
    public Or {
      terms = List.copyOf(terms);
    }

    @Override
    public boolean test(FilterSubject image) {
      for (Filter term : terms) {
        if (term.test(image)) {
          return true;
        }
      }
      return false;
    }
  }

  record Not(Filter term) implements Filter {
    @Override
    public boolean test(FilterSubject image) {
      return !term.test(image);
    }
  }

  /// Exactly one of several.
  record One(List<Filter> terms) implements Filter {
    public One {
      terms = List.copyOf(terms);
    }

    @Override
    public boolean test(FilterSubject image) {
      return terms.stream().filter(term -> term.test(image)).count() == 1;
    }
  }

  /// Some tag, or the first, or the last one.
  record Tag(Which which, TagPattern pattern) implements Filter {
    /// Which tags count.
    public enum Which {
      ANY,
      FIRST,
      LAST
    }

    @Override
    public boolean test(FilterSubject image) {
      List<String> tags = image.tags();
      if (tags.isEmpty()) {
        return false;
      }
      return switch (which) {
        case ANY -> {
          for (String tag : tags) {
            if (pattern.matches(tag)) {
              yield true;
            }
          }
          yield false;
        }
        case FIRST -> pattern.matches(tags.getFirst());
        case LAST -> pattern.matches(tags.getLast());
      };
    }
  }

  /// Text that is searched.
  record Text(Field field, TextPattern pattern) implements Filter {
    /// Where it is searched.
    public enum Field {
      CAPTION,
      NAME,
      PATH,
      /// Caption or path.
      ANYWHERE
    }

    @Override
    public boolean test(FilterSubject image) {
      return switch (field) {
        case CAPTION -> pattern.finds(image.caption());
        case NAME -> pattern.finds(image.name());
        case PATH -> pattern.finds(image.path());
        case ANYWHERE -> pattern.finds(image.caption()) || pattern.finds(image.path());
      };
    }
  }

  /// A name that is matched as a whole.
  record Name(Part part, TagPattern pattern) implements Filter {
    public enum Part {
      SUBSET,
      FOLDER,
      EXTENSION,
      BUCKET
    }

    @Override
    public boolean test(FilterSubject image) {
      return pattern.matches(
          switch (part) {
            case SUBSET -> image.subset();
            case FOLDER -> image.folder();
            case EXTENSION -> image.extension();
            case BUCKET -> image.bucket();
          });
    }
  }

  record Numeric(NumberKey key, Comparison comparison) implements Filter {
    @Override
    public boolean test(FilterSubject image) {
      OptionalDouble value = image.number(key);
      return value.isPresent() && comparison.holds(value.getAsDouble());
    }
  }

  /// Place of a tag, counted from 1; not there means no match.
  record Place(TagPattern pattern, Comparison comparison) implements Filter {
    @Override
    public boolean test(FilterSubject image) {
      List<String> tags = image.tags();
      for (int i = 0; i < tags.size(); i++) {
        if (pattern.matches(tags.get(i)) && comparison.holds(i + 1)) {
          return true;
        }
      }
      return false;
    }
  }

  /// How many tags match.
  record Count(TagPattern pattern, Comparison comparison) implements Filter {
    @Override
    public boolean test(FilterSubject image) {
      return comparison.holds((double) image.tags().stream().filter(pattern::matches).count());
    }
  }

  record Prefix(boolean right) implements Filter {
    @Override
    public boolean test(FilterSubject image) {
      return image.hasPrefix() == right;
    }
  }

  record Is(FilterSubject.State state) implements Filter {
    @Override
    public boolean test(FilterSubject image) {
      return image.is(state);
    }
  }

  /// @param sentence whether a sentence is asked for, else a caption
  record Has(boolean sentence) implements Filter {
    @Override
    public boolean test(FilterSubject image) {
      return sentence ? image.hasSentence() : image.hasCaption();
    }
  }

  record Lint(String what) implements Filter {
    @Override
    public boolean test(FilterSubject image) {
      return image.lint(what);
    }
  }

  record Category(TagCategory category) implements Filter {
    @Override
    public boolean test(FilterSubject image) {
      return image.tags().stream().anyMatch(tag -> image.category(tag) == category);
    }
  }

  /// Something to be found inside a text.
  sealed interface TextPattern {
    boolean finds(String text);

    record Plain(String wanted) implements TextPattern {
      @Override
      public boolean finds(String text) {
        return text.contains(wanted);
      }
    }

    /// @param around a pattern with a star at both ends
    record Wild(TagPattern around) implements TextPattern {
      @Override
      public boolean finds(String text) {
        return around.matches(text);
      }
    }

    record Expression(BoundedRegex regex) implements TextPattern {
      @Override
      public boolean finds(String text) {
        return regex.finds(text);
      }
    }
  }

  /// A comparison with a number or a range.
  sealed interface Comparison {
    boolean holds(double value);

    record Range(double low, double high) implements Comparison {
      @Override
      public boolean holds(double value) {
        return value >= low && value <= high;
      }
    }

    record With(Operator operator, double number) implements Comparison {
      @Override
      public boolean holds(double value) {
        return switch (operator) {
          case EQUAL -> value == number;
          case UNEQUAL -> value != number;
          case LESS -> value < number;
          case GREATER -> value > number;
          case AT_MOST -> value <= number;
          case AT_LEAST -> value >= number;
        };
      }
    }

    enum Operator {
      AT_MOST("<="),
      AT_LEAST(">="),
      UNEQUAL("!="),
      EQUAL("=="),
      LESS("<"),
      GREATER(">");

      private final String sign;

      Operator(String sign) {
        this.sign = sign;
      }

      String sign() {
        return sign;
      }
    }
  }
}
