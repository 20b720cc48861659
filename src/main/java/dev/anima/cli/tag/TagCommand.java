package dev.anima.cli.tag;

import dev.anima.cli.Console;
import dev.anima.cli.ExitCode;
import dev.anima.cli.Progress;
import dev.anima.cli.RawCommand;
import dev.anima.cli.SignalStop;
import dev.anima.config.CommandLine;
import dev.anima.config.FlagHelp;
import dev.anima.config.FlagTable;
import dev.anima.config.Flags;
import dev.anima.io.InputException;
import dev.anima.tag.AnswerStore;
import dev.anima.tag.CaptionBackup;
import dev.anima.tag.CaptionRestore;
import dev.anima.tag.CaptionStyle;
import dev.anima.tag.CaptionWriter;
import dev.anima.tag.ImageList;
import dev.anima.tag.ModelFiles;
import dev.anima.tag.TagChoice;
import dev.anima.tag.TagDevice;
import dev.anima.tag.TagSettings;
import dev.anima.tag.TaggerModel;
import dev.anima.tag.TaggerStore;
import dev.anima.tag.TaggingRun;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.time.LocalDateTime;
import java.time.ZoneId;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.function.BooleanSupplier;

/// `anima tag DIR...`: the flags of sd-scripts' `tag_images_by_wd14_tagger.py`, and ours.
public final class TagCommand implements RawCommand {
  private static final long MEGABYTE = 1_000_000;

  private final Place place;

  /// Where the command runs.
  ///
  /// @param workingFolder that relative paths are meant from
  /// @param home the user's folder, for fetched models, backups and what is remembered
  /// @param environment variables of the process
  public record Place(Path workingFolder, Path home, Map<String, String> environment) {
    /// That of this process.
    public static Place current() {
      return new Place(
          Path.of(""),
          Path.of(System.getProperty("user.home", ".")).toAbsolutePath(),
          System.getenv());
    }

    private Path state(String name) {
      return home.resolve(".anima").resolve(name);
    }
  }

  public TagCommand() {
    this(Place.current());
  }

  public TagCommand(Place place) {
    this.place = place;
  }

  @Override
  public int run(List<String> arguments, Console console) {
    CommandLine.Words words = CommandLine.parse(FlagTable.tag(), arguments);
    if (words.flags().helpWanted()) {
      console.print("Usage: anima tag DIR... [FLAG...]");
      console.print("Writes captions for the pictures in folders, by a WD tagger.\n");
      console.print(FlagHelp.text(FlagTable.tag(), 80));
      return ExitCode.OK;
    }
    Optional<Path> backup = words.flags().path("restore");
    if (backup.isPresent()) {
      return restore(place.workingFolder().resolve(backup.get()), console);
    }
    if (words.plainWords().isEmpty()) {
      throw new InputException(
          "tag: name at least one folder of pictures, as in: anima tag nami --model wd-vit-large-tagger-v3");
    }
    Flags flags = words.flags();
    TagSettings settings = TagSettings.of(flags);
    ImageList list =
        ImageList.of(words.plainWords().stream().map(this::folder).toList(), flags.on("recursive"));
    list.warnings().forEach(warning -> console.report("warning: " + warning));
    if (list.images().isEmpty()) {
      throw new InputException(
          "%s: there are no pictures in it (.png .jpg .jpeg .webp .bmp)%s"
              .formatted(
                  String.join(", ", words.plainWords()),
                  flags.on("recursive") ? "" : "; --recursive looks into sub-folders too"));
    }
    notes(flags, settings).forEach(note -> console.report("note: " + note));
    ModelFiles files = files(flags, console);
    TagDevice device = TagDevice.valueOf(flags.text("device", "auto").toUpperCase(Locale.ROOT));
    try (TaggerModel model = TaggerModel.open(files, device, flags.maybeInteger("threads"));
        SignalStop stop = SignalStop.open(console)) {
      return tag(flags, settings, list.images(), model, console, stop::requested);
    }
  }

  private static int restore(Path backup, Console console) {
    CaptionRestore restore = CaptionRestore.from(backup);
    restore.left().forEach(console::report);
    console.report("%d captions are as they were".formatted(restore.restored()));
    return restore.left().isEmpty() ? ExitCode.OK : ExitCode.FAILED;
  }

  private Path folder(String word) {
    try {
      return place.workingFolder().resolve(word);
    } catch (InvalidPathException e) {
      throw new InputException("\"%s\" cannot be the name of a folder".formatted(word), e);
    }
  }

  /// What a reader of sd-scripts' manual would not expect.
  private static List<String> notes(Flags flags, TagSettings settings) {
    List<String> notes = new ArrayList<>();
    if (flags.on("force_download") && flags.isSet("model")) {
      notes.add("--force_download has no effect with --model: nothing is fetched");
    }
    boolean fixed = flags.text("compat", "").equals("fixed");
    if (fixed
        && flags.text("always_first_tags", "").contains(settings.captions().separator().strip())) {
      notes.add(
          "--always_first_tags keeps the order given; sd-scripts reverses it, and --compat exact does too");
    }
    return notes;
  }

  private ModelFiles files(Flags flags, Console console) {
    Optional<Path> given = flags.path("model");
    if (given.isPresent()) {
      return ModelFiles.in(place.workingFolder().resolve(given.get()), "--model " + given.get());
    }
    TaggerStore store = new TaggerStore(place.workingFolder(), place.home(), place.environment());
    TaggerStore.Wanted wanted =
        new TaggerStore.Wanted(
            flags.text("repo_id", ""),
            flags.text("model_dir").orElse(null),
            flags.text("endpoint").orElse(null),
            flags.on("force_download"));
    try (Fetching fetching = new Fetching(console)) {
      return store.get(wanted, fetching);
    }
  }

  /// Shows a bar for each file that is fetched.
  private static final class Fetching implements TaggerStore.Listener, AutoCloseable {
    private final Console console;
    private String current = "";
    private Optional<Progress> bar = Optional.empty();

    Fetching(Console console) {
      this.console = console;
    }

    @Override
    public void at(String file, long bytes, long ofBytes) {
      if (!file.equals(current)) {
        close();
        current = file;
        bar = Optional.of(console.progress("fetching " + file, ofBytes / MEGABYTE, "MB"));
      }
      bar.ifPresent(progress -> progress.at(bytes / MEGABYTE, ""));
    }

    @Override
    public void close() {
      bar.ifPresent(Progress::close);
    }
  }

  private int tag(
      Flags flags,
      TagSettings settings,
      List<Path> images,
      TaggerModel model,
      Console console,
      BooleanSupplier stop) {
    model.notes().forEach(note -> console.report("note: " + note));
    if (flags.given("batch_size")
        && model.fixedBatch().isPresent()
        && model.fixedBatch().getAsInt() != settings.batchSize()) {
      console.report(
          "warning: --batch_size %d is not used: the model takes %d at a time"
              .formatted(settings.batchSize(), model.fixedBatch().getAsInt()));
    }
    CaptionBackup backup =
        new CaptionBackup(
            place.state("caption-backups"), LocalDateTime.now(ZoneId.systemDefault()));
    boolean dryRun = flags.on("dry_run");
    Optional<Path> jsonFile =
        flags.path("output_path").map(path -> place.workingFolder().resolve(path));
    CaptionWriter writer =
        new CaptionWriter(
            settings.captions(),
            dryRun || jsonFile.isPresent() ? Optional.empty() : Optional.of(backup));
    List<Path> wanted =
        settings.captions().mode() == CaptionStyle.Mode.ONLY_UNCAPTIONED && jsonFile.isEmpty()
            ? images.stream().filter(image -> !writer.hasCaption(image)).toList()
            : images;
    Optional<AnswerStore> answers =
        AnswerStore.open(place.state("tags"), model, settings, !flags.on("fresh"));
    TagReport report =
        new TagReport(
            console,
            new TagReport.Wanted(
                flags.on("debug"), flags.on("frequency_tags"), dryRun, jsonFile, images.size()));
    boolean finished;
    try (backup;
        TagReport.Counting counting =
            report.counting(TagChoice.of(model, settings), writer, wanted.size())) {
      console.report(
          "%d pictures, %s on %s".formatted(wanted.size(), model.files().onnx(), model.device()));
      finished = TaggingRun.run(model, wanted, settings, answers, counting, stop);
    } finally {
      answers.ifPresent(AnswerStore::close);
    }
    return report.end(finished, backup.file());
  }
}
