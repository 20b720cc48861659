package dev.anima.captions;

import dev.anima.captions.CaptionedImage.Content;
import dev.anima.captions.CaptionedImage.Stamp;
import dev.anima.dataset.CaptionFile;
import dev.anima.io.InputException;
import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/// All images of a data set with their captions, as they were when they were read. Nothing is
/// written.
public final class CaptionSet {
  private static final Set<String> IMAGE_EXTENSIONS =
      Set.of(".png", ".jpg", ".jpeg", ".webp", ".bmp");

  /// @param encoding of caption files that are not UTF-8
  /// @param followLinks whether caption files that are links to outside of the data set may be used
  public record Options(Charset encoding, boolean followLinks) {
    public static final Options DEFAULT = new Options(StandardCharsets.UTF_8, false);
  }

  private final CaptionSource source;
  private final Options options;
  private final List<CaptionedImage> images;
  private @Nullable Map<String, Integer> counts;

  private CaptionSet(CaptionSource source, Options options, List<CaptionedImage> images) {
    this.source = source;
    this.options = options;
    this.images = List.copyOf(images);
  }

  /// Reads every caption; images are only listed.
  ///
  /// @throws InputException if a folder cannot be read
  public static CaptionSet read(CaptionSource source, Options options) {
    List<CaptionedImage> images = new ArrayList<>();
    for (CaptionFolder folder : source.folders()) {
      readFolder(source, options, folder, images);
    }
    if (source.file().isEmpty()) {
      images.sort(CaptionedImage::naturally);
    }
    return new CaptionSet(source, options, images);
  }

  private static void readFolder(
      CaptionSource source, Options options, CaptionFolder folder, List<CaptionedImage> images) {
    Path real = CaptionSource.real(folder.path());
    String prefix = real.equals(source.root()) ? "" : relative(source.root(), real) + "/";
    Set<String> names = new HashSet<>();
    List<CaptionedImage> found = new ArrayList<>();
    try (Stream<Path> files = Files.list(folder.path())) {
      files.forEach(path -> names.add(String.valueOf(path.getFileName())));
    } catch (IOException e) {
      throw new InputException(folder.path() + ": cannot be listed (" + reason(e) + ")", e);
    }
    found.addAll(
        names.parallelStream()
            .filter(CaptionSet::isImage)
            .map(name -> {
              Path file = captionFile(folder, name, names);
              return CaptionedImage.of(
                  folder.path().resolve(name),
                  prefix + name,
                  folder,
                  file,
                  content(file, source.root(), options));
            })
            .toList());
    found.sort(CaptionedImage::naturally);
    images.addAll(found);
  }

  private static boolean isImage(String name) {
    String extension = name.substring(CaptionFile.stem(name).length());
    String lower = extension.toLowerCase(Locale.ROOT);
    return !name.startsWith(".")
        && IMAGE_EXTENSIONS.contains(lower)
        && (extension.equals(lower) || extension.equals(extension.toUpperCase(Locale.ROOT)));
  }

  private static String relative(Path root, Path path) {
    return (path.startsWith(root) ? root.relativize(path) : path).toString().replace('\\', '/');
  }

  /// The first extension that exists, else the trainer's rule of the shorter stem, else a new file.
  private static Path captionFile(CaptionFolder folder, String image, Set<String> names) {
    String stem = CaptionFile.stem(image);
    for (String extension : folder.extensions()) {
      if (names.contains(stem + extension)) {
        return folder.path().resolve(stem + extension);
      }
    }
    String first = folder.extensions().getFirst();
    if (stem.contains("_")) {
      Optional<Path> shorter =
          CaptionFile.find(folder.path().resolve(image).toString(), first)
              .filter(path -> folder.path().equals(path.getParent()));
      if (shorter.isPresent()) {
        return shorter.get();
      }
    }
    return folder.path().resolve(stem + first);
  }

  /// Reads one caption file.
  static Content content(Path file, Path root, Options options) {
    try {
      BasicFileAttributes attributes =
          Files.readAttributes(file, BasicFileAttributes.class, LinkOption.NOFOLLOW_LINKS);
      if (attributes.isSymbolicLink()) {
        Optional<String> refusal = refusal(file, root, options);
        if (refusal.isPresent()) {
          return new Content.Unreadable(refusal.get(), false);
        }
        attributes = Files.readAttributes(file, BasicFileAttributes.class);
      }
      if (!attributes.isRegularFile()) {
        return new Content.Unreadable("is not a file", false);
      }
      byte[] bytes = Files.readAllBytes(file);
      return decoded(bytes, new Stamp(bytes.length, attributes.lastModifiedTime()), options);
    } catch (NoSuchFileException _) {
      return new Content.Missing();
    } catch (IOException e) {
      return new Content.Unreadable("cannot be read (" + reason(e) + ")", false);
    }
  }

  private static Optional<String> refusal(Path file, Path root, Options options)
      throws IOException {
    if (!Files.exists(file)) {
      return Optional.of("is a link to a file that does not exist");
    }
    Path target = file.toRealPath();
    boolean inside = target.startsWith(root);
    return inside || options.followLinks()
        ? Optional.empty()
        : Optional.of(
            "is a link to %s, outside of the data set; --follow-links allows it".formatted(target));
  }

  private static Content decoded(byte[] bytes, Stamp stamp, Options options) {
    try {
      return new Content.Stored(
          CaptionText.decode(bytes, StandardCharsets.UTF_8), Bytes.of(bytes), stamp);
    } catch (CharacterCodingException _) {
      try {
        if (!options.encoding().equals(StandardCharsets.UTF_8)) {
          return new Content.Stored(
              CaptionText.decode(bytes, options.encoding()), Bytes.of(bytes), stamp);
        }
      } catch (CharacterCodingException _) {
        return new Content.Unreadable("is neither UTF-8 nor " + options.encoding(), true);
      }
      return new Content.Unreadable(
          "is not UTF-8; say what it is with --encoding, such as windows-1252, Shift_JIS or GBK",
          true);
    }
  }

  static String reason(IOException e) {
    return e instanceof NoSuchFileException ? "it is no longer there" : e.toString();
  }

  public CaptionSource source() {
    return source;
  }

  public Options options() {
    return options;
  }

  /// In natural order of names; of a dataset file, folder by folder.
  public List<CaptionedImage> images() {
    return images;
  }

  /// Images that have a tag.
  public int imagesWith(String tag) {
    return counts().getOrDefault(tag, 0);
  }

  /// Every tag with the number of images that have it; counted when it is first asked for.
  public synchronized Map<String, Integer> counts() {
    Map<String, Integer> known = counts;
    if (known == null) {
      Map<String, Integer> counted = new HashMap<>();
      for (CaptionedImage image : images) {
        new HashSet<>(image.tags()).forEach(tag -> counted.merge(tag, 1, Integer::sum));
      }
      known = Collections.unmodifiableMap(counted);
      counts = known;
    }
    return known;
  }
}
