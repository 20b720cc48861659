package dev.anima.captions.filter;

import dev.anima.captions.CaptionedImage;
import dev.anima.captions.CaptionedImage.Content;
import dev.anima.captions.Sentences;
import dev.anima.captions.TagCategory;
import dev.anima.config.Size;
import dev.anima.dataset.BucketChoice;
import dev.anima.dataset.BucketRule;
import dev.anima.dataset.ImageInspector;
import dev.anima.dataset.SizeReader;
import dev.anima.io.ImageSurvey;
import dev.anima.io.InputException;
import java.io.IOException;
import java.nio.file.Files;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import org.jspecify.annotations.Nullable;

/// An image of a data set, as filters look at it. The file itself is opened only when a filter asks
/// for its size or its transparency.
public final class ImageSubject implements FilterSubject {
  private final CaptionedImage image;
  private final SubjectFacts facts;
  private final List<String> tags;
  private @Nullable String caption;

  public ImageSubject(CaptionedImage image, SubjectFacts facts) {
    this.image = image;
    this.facts = facts;
    this.tags = image.tags();
  }

  @Override
  public List<String> tags() {
    return tags;
  }

  @Override
  public String caption() {
    String joined = caption;
    if (joined == null) {
      joined = String.join(", ", tags);
      caption = joined;
    }
    return joined;
  }

  @Override
  public String name() {
    return image.fileName();
  }

  @Override
  public String path() {
    return image.image().toString();
  }

  @Override
  public String subset() {
    return image.folder().name();
  }

  @Override
  public String folder() {
    return image.folder().path().toString();
  }

  @Override
  public String extension() {
    return image.extension();
  }

  @Override
  public OptionalDouble number(NumberKey key) {
    return switch (key) {
      case TAGS -> OptionalDouble.of(tags.size());
      case CHARS -> OptionalDouble.of(caption().codePointCount(0, caption().length()));
      case TOKENS -> OptionalDouble.of(facts.tokens().applyAsInt(caption()));
      case UNKNOWN -> OptionalDouble.of((double) unknownTags());
      case BYTES -> bytes();
      case WIDTH, HEIGHT, SIDE, MP, RATIO ->
          size().map(size -> OptionalDouble.of(of(size, key))).orElse(OptionalDouble.empty());
      case SCALE -> choice().map(c -> OptionalDouble.of(c.scale())).orElse(OptionalDouble.empty());
      case CROP ->
          choice().map(c -> OptionalDouble.of(100 * cut(c))).orElse(OptionalDouble.empty());
    };
  }

  private long unknownTags() {
    return tags.stream()
        .filter(tag -> facts.vocabulary().find(tag).isEmpty() && !Sentences.is(tag))
        .count();
  }

  private static double cut(BucketChoice choice) {
    return 1 - (double) choice.bucket().area() / choice.resized().area();
  }

  private static double of(Size size, NumberKey key) {
    return switch (key) {
      case WIDTH -> size.width();
      case HEIGHT -> size.height();
      case SIDE -> Math.min(size.width(), size.height());
      case MP -> size.area() / 1e6;
      default -> (double) size.width() / size.height();
    };
  }

  private Optional<Size> size() {
    try {
      return Optional.of(SizeReader.HEADER.size(image.image()));
    } catch (InputException _) {
      return Optional.empty();
    }
  }

  private Optional<BucketChoice> choice() {
    try {
      return size()
          .map(size -> BucketRule.of(image.folder().dataset()).choose(size))
          .filter(choice -> !choice.isTooSmall());
    } catch (InputException _) {
      return Optional.empty(); // no resolution is set
    }
  }

  private OptionalDouble bytes() {
    try {
      return OptionalDouble.of((double) Files.size(image.image()));
    } catch (IOException _) {
      return OptionalDouble.empty();
    }
  }

  @Override
  public String bucket() {
    return choice().map(c -> c.bucket().width() + "x" + c.bucket().height()).orElse("");
  }

  @Override
  public boolean is(State state) {
    return switch (state) {
      case UNTAGGED -> tags.isEmpty();
      case EDITED -> facts.edited().test(image);
      case ERROR -> image.content() instanceof Content.Unreadable;
      case DUP -> facts.duplicate().test(image);
      case MULTILINE -> image.text().map(text -> text.isMultiline()).orElse(false);
      case ALPHA -> isTransparent();
      case SELECTED, CONFLICT -> false; // only in a page; refused before it comes here
    };
  }

  private boolean isTransparent() {
    try {
      return ImageSurvey.of(image.image()).hasAlpha()
          && ImageInspector.DECODING.look(image.image()).transparent();
    } catch (InputException _) {
      return false;
    }
  }

  @Override
  public boolean hasCaption() {
    return image.text().map(text -> !text.isBlank()).orElse(false);
  }

  @Override
  public boolean hasSentence() {
    return tags.stream().anyMatch(Sentences::is);
  }

  @Override
  public boolean hasPrefix() {
    List<String> prefix = facts.prefix().apply(image.folder());
    return tags.size() >= prefix.size() && tags.subList(0, prefix.size()).equals(prefix);
  }

  @Override
  public boolean lint(String what) {
    return facts.lint().test(image, what);
  }

  @Override
  public TagCategory category(String tag) {
    return facts.categories().of(tag);
  }
}
