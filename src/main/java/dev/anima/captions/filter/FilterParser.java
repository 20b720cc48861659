package dev.anima.captions.filter;

import dev.anima.captions.BoundedRegex;
import dev.anima.captions.TagCategory;
import dev.anima.captions.TagPattern;
import dev.anima.captions.filter.Filter.Comparison;
import dev.anima.captions.filter.Filter.TextPattern;
import dev.anima.captions.filter.FilterReader.Value;
import dev.anima.captions.filter.FilterReader.Value.Kind;
import dev.anima.captions.filter.FilterSubject.State;
import dev.anima.config.NearestName;
import dev.anima.io.InputException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Supplier;
import java.util.regex.Pattern;

/// From the text of a filter to the filter.
///
/// ```
/// filter  = [ or ] ;
/// or      = and , { "OR" , and } ;
/// and     = not , { [ "AND" ] , not } ;
/// not     = { "NOT" | "-" } , ( "(" , or , ")" | call | term ) ;
/// call    = ( "one" | "any" | "all" | "none" ) , "(" , item , { "," , item } , ")" ;
/// term    = [ key , ":" ] , value | numkey , ( ":" , [ op ] | op ) , number
///         | numkey , ":" , number , ".." , number ;
/// value   = quoted | regex | word ;
/// ```
public final class FilterParser {
  private static final Set<String> CALLS = Set.of("one", "any", "all", "none");
  private static final Set<String> PLACES = Set.of("pos", "count");
  private static final Set<String> TEXT_KEYS =
      Set.of(
          "tag", "caption", "name", "path", "first", "last", "prefix", "subset", "folder", "ext",
          "bucket", "is", "has", "lint", "cat");
  private static final Pattern KEY = Pattern.compile("(?<![^\\s(-])([A-Za-z]+)\\s*:");
  private static final List<String> LINT_GROUPS = List.of("any", "error", "warn", "info");

  private final FilterReader in;
  private final Set<String> lintRules;
  private final List<String> hints;

  /// A filter and what its writer may not know of it.
  ///
  /// @param hints such as that a key does not exist and was searched as text
  public record Parsed(Filter filter, List<String> hints) {
    public Parsed {
      hints = List.copyOf(hints);
    }
  }

  private FilterParser(FilterReader in, Set<String> lintRules, List<String> hints) {
    this.in = in;
    this.lintRules = lintRules;
    this.hints = hints;
  }

  /// @param lintRules ids that `lint:` may name
  /// @throws FilterException if the text cannot be understood
  public static Parsed parse(String text, Set<String> lintRules) {
    List<String> hints = new ArrayList<>();
    Filter filter = new FilterParser(new FilterReader(text, 0), lintRules, hints).whole();
    return new Parsed(filter, hints);
  }

  /// `text` as a value that means exactly this tag: `tag:` and a literal.
  public static String literal(String tag) {
    return "tag:\""
        + tag.replaceAll("[\\\\*?\\[]", "\\\\$0").replaceAll("[\\\\\"]", "\\\\$0")
        + "\"";
  }

  private static boolean isNumberKey(String key) {
    return Arrays.stream(NumberKey.values()).anyMatch(number -> number.key().equals(key));
  }

  private static boolean isKey(String key) {
    return TEXT_KEYS.contains(key) || isNumberKey(key);
  }

  private Filter whole() {
    in.skipSpace();
    if (in.atEnd()) {
      return new Filter.And(List.of());
    }
    Filter filter = or();
    in.skipSpace();
    if (!in.atEnd()) {
      throw in.error("the bracket ) closes nothing");
    }
    return filter;
  }

  private Filter or() {
    List<Filter> terms = new ArrayList<>(List.of(and()));
    in.skipSpace();
    while (in.sees("or")) {
      in.take(in.rest().substring(0, 2));
      terms.add(and());
      in.skipSpace();
    }
    return terms.size() == 1 ? terms.getFirst() : new Filter.Or(terms);
  }

  private Filter and() {
    List<Filter> terms = new ArrayList<>(List.of(not()));
    in.skipSpace();
    while (!in.atEnd() && in.peek() != ')' && !in.sees("or")) {
      if (in.sees("and")) {
        in.take(in.rest().substring(0, 3));
      }
      terms.add(not());
      in.skipSpace();
    }
    return terms.size() == 1 ? terms.getFirst() : new Filter.And(terms);
  }

  private Filter not() {
    in.skipSpace();
    for (String word : List.of("not", "and", "or")) {
      if (in.sees(word) && in.isOnly(word)) {
        return term();
      }
    }
    if (in.sees("not")) {
      in.take(in.rest().substring(0, 3));
      return new Filter.Not(not());
    }
    if (in.sees("and") || in.sees("or")) {
      throw in.error(
          "\""
              + in.rest()
              + "\" stands where a term is expected; put it in quotes to search for it");
    }
    boolean minus =
        in.peek() == '-'
            && (Character.isLetterOrDigit(in.peekNext()) || "\"'(".indexOf(in.peekNext()) >= 0)
            && in.peekNext() != 0;
    if (minus) {
      in.take("-");
      return new Filter.Not(not());
    }
    if (in.peek() == '(') {
      return brackets();
    }
    Optional<String> call = in.call(CALLS::contains);
    if (call.isPresent()) {
      return call(call.get());
    }
    return term();
  }

  private Filter brackets() {
    FilterException open = in.error("the bracket ( is not closed");
    in.take("(");
    in.skipSpace();
    if (in.peek() == ')') {
      throw in.error("there is nothing between the brackets");
    }
    if (in.atEnd()) {
      throw open;
    }
    Filter inside = or();
    in.skipSpace();
    if (!in.take(")")) {
      throw open;
    }
    return inside;
  }

  private Filter call(String name) {
    FilterException open = in.error("the bracket of %s( is not closed".formatted(name));
    List<Filter> items = new ArrayList<>();
    do {
      in.skipSpace();
      items.add(item(name, in.item()));
    } while (in.take(","));
    if (!in.take(")")) {
      throw open;
    }
    return switch (name) {
      case "one" -> new Filter.One(items);
      case "any" -> new Filter.Or(items);
      case "all" -> new Filter.And(items);
      default -> new Filter.Not(new Filter.Or(items));
    };
  }

  /// Plain words are a tag; everything else is a filter of its own.
  private Filter item(String name, FilterReader item) {
    String text = item.all().strip();
    if (text.isEmpty()) {
      throw item.error(name + "( ) needs tags or terms between its commas");
    }
    boolean plain =
        !text.startsWith("\"")
            && !text.startsWith("'")
            && !text.startsWith("(")
            && !text.startsWith("-")
            && !namesKey(text)
            && !text.matches("(?is)(.*\\s)?(and|or|not)(\\s.*)?|(one|any|all|none|pos|count)\\(.*");
    if (plain) {
      return new Filter.Tag(
          Filter.Tag.Which.ANY, new TagPattern.Literal(text.replaceAll("\\\\([(),\"'])", "$1")));
    }
    if (text.startsWith("\"") || text.startsWith("'")) {
      FilterReader quoted = item;
      quoted.skipSpace();
      Value value = quoted.value();
      quoted.skipSpace();
      if (quoted.atEnd()) {
        return new Filter.Tag(Filter.Tag.Which.ANY, new TagPattern.Literal(value.text()));
      }
      throw quoted.error("a comma is missing after the quoted tag");
    }
    return new FilterParser(item, lintRules, hints).whole();
  }

  /// Whether a known key stands before a colon; `:3` and `re:zero` are plain tags.
  private static boolean namesKey(String text) {
    return KEY.matcher(text)
        .results()
        .anyMatch(found -> isKey(found.group(1).toLowerCase(Locale.ROOT)));
  }

  private Filter term() {
    in.skipSpace();
    if (in.atEnd()) {
      throw in.error("a term is missing at the end");
    }
    if (in.peek() == ')') {
      throw in.error("a term is missing before )");
    }
    Optional<String> place = in.call(PLACES::contains);
    if (place.isPresent()) {
      return place(place.get());
    }
    Optional<String> compared = in.comparedKey(FilterParser::isNumberKey);
    if (compared.isPresent()) {
      return new Filter.Numeric(numberKey(compared.get()), comparison(compared.get()));
    }
    Optional<String> key = in.key(FilterParser::isKey);
    if (key.isPresent()) {
      in.skipSpace();
      if (in.atEnd() || in.peek() == ')') {
        throw in.error(key.get() + ": needs a value");
      }
      return isNumberKey(key.get())
          ? new Filter.Numeric(numberKey(key.get()), comparison(key.get()))
          : keyed(key.get(), in.value());
    }
    Value value = in.value();
    hintAtKey(value);
    return new Filter.Text(Filter.Text.Field.ANYWHERE, text(value));
  }

  private Filter place(String name) {
    FilterReader item = in.item();
    String tag = item.all().strip();
    if (!in.take(")")) {
      throw in.error("the bracket of %s( is not closed".formatted(name));
    }
    if (tag.isEmpty()) {
      throw item.error(name + "( ) needs a tag");
    }
    in.skipSpace();
    in.take(":");
    Comparison comparison = comparison(name + "(" + tag + ")");
    FilterReader value = new FilterReader(tag, 0);
    TagPattern pattern =
        tag.startsWith("\"") || tag.startsWith("'") || tag.startsWith("/")
            ? pattern(value.value())
            : TagPattern.parse(tag);
    return name.equals("pos")
        ? new Filter.Place(pattern, comparison)
        : new Filter.Count(pattern, comparison);
  }

  private static NumberKey numberKey(String key) {
    return NumberKey.valueOf(key.toUpperCase(Locale.ROOT));
  }

  private Filter keyed(String key, Value value) {
    return switch (key) {
      case "tag" -> new Filter.Tag(Filter.Tag.Which.ANY, pattern(value));
      case "first" -> new Filter.Tag(Filter.Tag.Which.FIRST, pattern(value));
      case "last" -> new Filter.Tag(Filter.Tag.Which.LAST, pattern(value));
      case "caption" -> new Filter.Text(Filter.Text.Field.CAPTION, text(value));
      case "name" -> new Filter.Text(Filter.Text.Field.NAME, text(value));
      case "path" -> new Filter.Text(Filter.Text.Field.PATH, text(value));
      case "subset" -> new Filter.Name(Filter.Name.Part.SUBSET, pattern(value));
      case "folder" -> new Filter.Name(Filter.Name.Part.FOLDER, pattern(value));
      case "ext" -> new Filter.Name(Filter.Name.Part.EXTENSION, pattern(value));
      case "bucket" -> new Filter.Name(Filter.Name.Part.BUCKET, pattern(value));
      case "prefix" -> new Filter.Prefix(choice(key, value, List.of("ok", "bad")).equals("ok"));
      case "has" -> new Filter.Has(choice(key, value, List.of("caption", "text")).equals("text"));
      case "is" -> new Filter.Is(state(value));
      case "cat" ->
          new Filter.Category(
              TagCategory.valueOf(
                  choice(key, value, TagCategory.labels()).toUpperCase(Locale.ROOT)));
      default -> {
        Set<String> all = new TreeSet<>(lintRules);
        all.addAll(LINT_GROUPS);
        yield new Filter.Lint(choice(key, value, List.copyOf(all)));
      }
    };
  }

  private State state(Value value) {
    List<String> names =
        Arrays.stream(State.values()).map(s -> s.name().toLowerCase(Locale.ROOT)).toList();
    return State.valueOf(choice("is", value, names).toUpperCase(Locale.ROOT));
  }

  private static String choice(String key, Value value, List<String> names) {
    String name = value.text().toLowerCase(Locale.ROOT);
    if (!names.contains(name)) {
      String expected = names.size() > 12 ? "" : ": expected " + String.join(", ", names);
      throw new FilterException(
          value.column(),
          "%s: knows no \"%s\"%s%s"
              .formatted(key, value.text(), NearestName.hint(name, names), expected));
    }
    return name;
  }

  private Comparison comparison(String key) {
    in.skipSpace();
    for (Comparison.Operator operator : Comparison.Operator.values()) {
      if (in.take(operator.sign())) {
        in.skipSpace();
        return new Comparison.With(operator, number(key));
      }
    }
    boolean equal = in.take("=");
    in.skipSpace();
    double number = number(key);
    if (!equal && in.take("..")) {
      return new Comparison.Range(number, number(key));
    }
    return new Comparison.With(Comparison.Operator.EQUAL, number);
  }

  private double number(String key) {
    String digits = in.digits();
    if (digits.isEmpty() || digits.startsWith(".")) {
      String found = in.rest();
      throw in.error(
          "%s needs a number%s".formatted(key, found.isEmpty() ? "" : ", not \"" + found + "\""));
    }
    in.take("%");
    boolean ends =
        in.atEnd()
            || Character.isWhitespace(in.peek())
            || in.peek() == ')'
            || (in.peek() == '.' && in.peekNext() == '.');
    if (!ends) {
      throw in.error("%s needs a number, \"%s\" does not belong to one".formatted(key, in.rest()));
    }
    return Double.parseDouble(digits);
  }

  private static TagPattern pattern(Value value) {
    return switch (value.kind()) {
      case WORD, QUOTED -> at(value, () -> TagPattern.parse(value.text()));
      case REGEX, REGEX_ANY_CASE -> new TagPattern.Regex(regex(value));
    };
  }

  private static TextPattern text(Value value) {
    if (value.kind() == Kind.REGEX || value.kind() == Kind.REGEX_ANY_CASE) {
      return new TextPattern.Expression(regex(value));
    }
    TagPattern pattern = at(value, () -> TagPattern.parse(value.text()));
    return pattern instanceof TagPattern.Literal(String plain)
        ? new TextPattern.Plain(plain)
        : new TextPattern.Wild(at(value, () -> TagPattern.parse("*" + value.text() + "*")));
  }

  private static BoundedRegex regex(Value value) {
    return at(
        value,
        () -> BoundedRegex.compile(value.text(), value.kind() == Kind.REGEX_ANY_CASE, false));
  }

  private static <T> T at(Value value, Supplier<T> part) {
    try {
      return part.get();
    } catch (InputException e) {
      throw new FilterException(value.column(), String.valueOf(e.getMessage()));
    }
  }

  /// `foo:bar` is a text like any other, but may be a mistake.
  private void hintAtKey(Value value) {
    int colon = value.text().indexOf(':');
    if (value.kind() != Kind.WORD || colon < 1) {
      return;
    }
    String key = value.text().substring(0, colon);
    if (key.chars().allMatch(Character::isLetter)) {
      List<String> keys = new ArrayList<>(TEXT_KEYS);
      Arrays.stream(NumberKey.values()).map(NumberKey::key).forEach(keys::add);
      hints.add(
          "there is no key \"%s\": \"%s\" was searched as text%s"
              .formatted(key, value.text(), NearestName.hint(key, keys)));
    }
  }
}
