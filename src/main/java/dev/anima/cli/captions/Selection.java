package dev.anima.cli.captions;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/// Which captions a command is about: what all commands have in common.
public final class Selection {
  @Parameters(
      index = "0",
      paramLabel = "DATA",
      description = "a folder of images (with the folders in it), or a dataset file (.toml)")
  Path data = Path.of("");

  @Option(
      names = "--filter",
      paramLabel = "FILTER",
      description = "only images that pass, such as 'tag:hat -tag:may tags:>20'")
  @Nullable String filter;

  @Option(
      names = "--subset",
      paramLabel = "NAME",
      description = "only images of this folder (may be repeated)")
  List<String> subsets = new ArrayList<>();

  @Option(
      names = "--prefix",
      paramLabel = "TAGS",
      description =
          "tags that must stand first, such as 'may, 1girl'; NAME=TAGS for one folder"
              + " (default: guessed)")
  List<String> prefixes = new ArrayList<>();

  @Option(
      names = "--caption-extension",
      paramLabel = "EXT",
      description = "of caption files (default: as the dataset file says, else .txt)")
  @Nullable String extension;

  @Option(
      names = "--encoding",
      paramLabel = "NAME",
      description = "of caption files that are not UTF-8; edited ones become UTF-8")
  @Nullable String encoding;

  @Option(
      names = "--follow-links",
      description = "also use caption files that are links to outside of DATA")
  boolean followLinks;

  @Option(
      names = "--vocabulary",
      paramLabel = "FILE",
      description = "known tags: CSV of danbooru or of a WD tagger, or one tag a line")
  @Nullable Path vocabulary;

  public Path data() {
    return data;
  }

  /// Whether all images are meant.
  public boolean isWhole() {
    return filter == null && subsets.isEmpty();
  }
}
