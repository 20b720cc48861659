package dev.anima.cli.captions;

import dev.anima.captions.BoundedRegex;
import dev.anima.captions.CaptionSet;
import dev.anima.captions.CaptionSource;
import dev.anima.captions.CaptionState;
import dev.anima.captions.CaptionedImage;
import dev.anima.captions.Duplicates;
import dev.anima.captions.History;
import dev.anima.captions.Prefixes;
import dev.anima.captions.Separators;
import dev.anima.captions.TagCategories;
import dev.anima.captions.TagKnowledge;
import dev.anima.captions.Vocabulary;
import dev.anima.captions.filter.Filter;
import dev.anima.captions.filter.FilterException;
import dev.anima.captions.filter.FilterParser;
import dev.anima.captions.filter.FilterSubject.State;
import dev.anima.captions.filter.ImageSubject;
import dev.anima.captions.filter.SubjectFacts;
import dev.anima.config.NearestName;
import dev.anima.io.InputException;
import dev.anima.lint.Lint;
import dev.anima.lint.LintRule;
import dev.anima.lint.TokenCounts;
import java.io.IOException;
import java.nio.charset.Charset;
import java.nio.charset.IllegalCharsetNameException;
import java.nio.charset.StandardCharsets;
import java.nio.charset.UnsupportedCharsetException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Predicate;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/// The data set of a command, found and, when it is asked for, read.
public final class Workplace {
  private final Selection selection;
  private final CaptionSource source;
  private final CaptionState state;
  private final Vocabulary vocabulary;

  private Workplace(
      Selection selection, CaptionSource source, CaptionState state, Vocabulary vocabulary) {
    this.selection = selection;
    this.source = source;
    this.state = state;
    this.vocabulary = vocabulary;
  }

  /// @throws InputException if the data set is not there, or an option makes no sense
  public static Workplace of(Selection selection, Surroundings surroundings) {
    CaptionSource source =
        CaptionSource.of(selection.data, selection.extension, surroundings.workingDir());
    Path words = selection.vocabulary;
    return new Workplace(
        selection,
        source,
        CaptionState.of(surroundings.appData(), source.root()),
        words == null
            ? Vocabulary.empty()
            : Vocabulary.read(surroundings.workingDir().resolve(words)));
  }

  public CaptionSource source() {
    return source;
  }

  public CaptionState state() {
    return state;
  }

  public Vocabulary vocabulary() {
    return vocabulary;
  }

  TagCategories categories() {
    return new TagCategories(TagKnowledge.shipped(), vocabulary);
  }

  /// Reads all captions.
  public CaptionSet read() {
    return CaptionSet.read(
        source, new CaptionSet.Options(charset(selection.encoding), selection.followLinks));
  }

  private static Charset charset(@Nullable String name) {
    if (name == null) {
      return StandardCharsets.UTF_8;
    }
    try {
      return Charset.forName(name);
    } catch (IllegalCharsetNameException | UnsupportedCharsetException e) {
      throw new InputException(
          "--encoding: there is no encoding \"%s\"%s"
              .formatted(name, NearestName.hint(name, Charset.availableCharsets().keySet())),
          e);
    }
  }

  /// What `--prefix` says, else guesses.
  public Prefixes prefixes(CaptionSet set) {
    Map<String, List<String>> given = new HashMap<>();
    Set<String> names =
        source.folders().stream().map(folder -> folder.name()).collect(Collectors.toSet());
    for (String text : selection.prefixes) {
      int equals = text.indexOf('=');
      String name = equals < 0 ? "" : text.substring(0, equals).strip();
      boolean named = names.contains(name);
      given.put(
          named ? name : "", Separators.COMMA.listed(named ? text.substring(equals + 1) : text));
    }
    return Prefixes.of(set, given, TagKnowledge.shipped());
  }

  /// Images that a command is about.
  ///
  /// @param hints receives what the user may not know of the filter
  /// @throws InputException if the filter cannot be understood, or a folder does not exist
  public Predicate<CaptionedImage> scope(CaptionSet set, List<String> hints) {
    Predicate<CaptionedImage> scope = inSubsets();
    String text = selection.filter;
    if (text == null) {
      return scope;
    }
    if (text.isBlank()) {
      throw new InputException(
          "--filter: the filter is empty; leave --filter out if all images are meant");
    }
    Filter filter;
    try {
      FilterParser.Parsed parsed = FilterParser.parse(text, LintRule.ids());
      parsed.hints().forEach(hint -> hints.add("--filter: " + hint));
      filter = parsed.filter();
    } catch (FilterException e) {
      throw new InputException("--filter: " + e.shownUnder(text), e);
    }
    refuseStatesOfThePage(filter);
    SubjectFacts facts = facts(set);
    return scope.and(image -> test(filter, image, facts));
  }

  private static boolean test(Filter filter, CaptionedImage image, SubjectFacts facts) {
    try {
      return filter.test(new ImageSubject(image, facts));
    } catch (BoundedRegex.TooSlowException e) {
      throw new InputException("--filter: %s: %s".formatted(image.shownName(), e.getMessage()), e);
    }
  }

  private static void refuseStatesOfThePage(Filter filter) {
    switch (filter) {
      case Filter.Is(State state) when state == State.SELECTED || state == State.CONFLICT ->
          throw new InputException(
              "--filter: is:selected and is:conflict mean something in the web page only");
      case Filter.And(List<Filter> terms) -> terms.forEach(Workplace::refuseStatesOfThePage);
      case Filter.Or(List<Filter> terms) -> terms.forEach(Workplace::refuseStatesOfThePage);
      case Filter.One(List<Filter> terms) -> terms.forEach(Workplace::refuseStatesOfThePage);
      case Filter.Not(Filter term) -> refuseStatesOfThePage(term);
      default -> {}
    }
  }

  private Predicate<CaptionedImage> inSubsets() {
    List<String> names = source.folders().stream().map(folder -> folder.name()).toList();
    for (String subset : selection.subsets) {
      if (!names.contains(subset)) {
        throw new InputException(
            "--subset: there is no folder \"%s\" in %s%s"
                .formatted(subset, selection.data, NearestName.hint(subset, names)));
      }
    }
    return selection.subsets.isEmpty()
        ? _ -> true
        : image -> selection.subsets.contains(image.folder().name());
  }

  private SubjectFacts facts(CaptionSet set) {
    Prefixes prefixes = prefixes(set);
    Supplier<TokenCounts> tokens = remembered(TokenCounts::load);
    Supplier<Set<Path>> edited = remembered(() -> History.editedFiles(state, source.root()));
    Supplier<Set<Path>> duplicates =
        remembered(() ->
            Duplicates.groups(set.images()).stream()
                .flatMap(List::stream)
                .map(CaptionedImage::image)
                .collect(Collectors.toCollection(HashSet::new)));
    Supplier<Lint.Lookup> lint = remembered(() -> Lint.of(set, prefixes, vocabulary).lookup());
    return new SubjectFacts(
        prefixes::of,
        categories(),
        vocabulary,
        text -> tokens.get().longer(text),
        image -> edited.get().contains(real(image)),
        image -> duplicates.get().contains(image.image()),
        (image, what) -> lint.get().finds(image, what));
  }

  private static Path real(CaptionedImage image) {
    Path file = image.file().toAbsolutePath();
    try {
      return file.resolveSibling("").toRealPath().resolve(String.valueOf(file.getFileName()));
    } catch (IOException _) {
      return file;
    }
  }

  /// Lines of a list file: with text, without comments.
  public static List<String> lines(Path file) {
    return TagVerbs.lines(file);
  }

  /// Makes something once, when it is first asked for.
  static <T> Supplier<T> remembered(Supplier<T> maker) {
    List<T> made = new ArrayList<>(1);
    return () -> {
      if (made.isEmpty()) {
        made.add(maker.get());
      }
      return made.getFirst();
    };
  }
}
