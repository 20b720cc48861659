package dev.anima.captions;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.anima.captions.CaptionedImage.Content;
import dev.anima.captions.TagOperations.IfPresent;
import dev.anima.io.InputException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Clock;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class EditorTest {
  @TempDir Path temp;
  private CaptionFiles files;

  @BeforeEach
  void layOut() {
    files = new CaptionFiles(temp);
  }

  private static Operation add(String tag) {
    return TagOperations.add(List.of(tag), new Position.End(), IfPresent.SKIP);
  }

  private static Operation addFront(String tag) {
    return TagOperations.add(List.of(tag), new Position.Front(), IfPresent.SKIP);
  }

  private static Operation remove(String tag) {
    return TagOperations.remove(List.of(new TagPattern.Literal(tag)), tag);
  }

  private long modified(String image) throws IOException {
    return Files.getLastModifiedTime(files.captionOf(image)).toMillis();
  }

  // ---- files ----------------------------------------------------------------------------------

  @Test
  void readingChangesNothing() throws IOException {
    files.with("a.png", "1girl,solo ,  hat");
    Files.setLastModifiedTime(files.captionOf("a.png"), FileTime.fromMillis(1_000_000));
    files.plan(add("hat"));
    files.apply(add("hat"));
    assertThat(files.bytes("a.png")).isEqualTo("1girl,solo ,  hat");
    assertThat(modified("a.png")).isEqualTo(1_000_000);
  }

  @Test
  void writesTagsWithTheWriteSeparator() {
    files.with("a.png", "1girl,solo ,  hat");
    files.apply(addFront("may"));
    assertThat(files.bytes("a.png")).isEqualTo("may, 1girl, solo, hat");
  }

  @Test
  void keepsTheLineEndAndDropsTheByteOrderMark() {
    files.with("a.png", "\ufeffmay, 1girl\r\n");
    assertThat(files.read().images().getFirst().tags()).containsExactly("may", "1girl");
    files.apply(add("hat"));
    assertThat(files.bytes("a.png")).isEqualTo("may, 1girl, hat\r\n");
  }

  @Test
  void keepsFurtherLines() {
    files.with("a.png", "a, b\nline two\n");
    files.apply(remove("b"));
    assertThat(files.bytes("a.png")).isEqualTo("a\nline two\n");
  }

  @Test
  void weightsAndEscapesGoThroughUnchanged() {
    files.with("a.png", "photo \\(medium\\), (smile:1.2), :)");
    files.apply(add("x"));
    assertThat(files.bytes("a.png")).isEqualTo("photo \\(medium\\), (smile:1.2), :), x");
  }

  @Test
  void aCaptionWithoutTagsGoesToTheTrash() throws IOException {
    files.with("a.png", "a");
    files.apply(remove("a"));
    assertThat(files.captionOf("a.png")).doesNotExist();
    try (var kept = Files.walk(files.state().trash())) {
      assertThat(kept.filter(Files::isRegularFile).map(EditorTest::text)).containsExactly("a");
    }
    try (Editor editor = files.editor()) {
      editor.undo();
    }
    assertThat(files.bytes("a.png")).isEqualTo("a");
  }

  private static String text(Path file) {
    try {
      return Files.readString(file);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Test
  void aCaptionWithoutTagsCanStayButNeverWithoutBytes() {
    files.with("a.png", "a").with("b.png", "a\n");
    try (Editor editor = files.editor()) {
      editor.apply(
          Plan.of(files.read(), _ -> true, remove("a"), _ -> List.of(), Plan.Emptied.KEEP));
    }
    assertThat(files.bytes("a.png")).isEqualTo("\n");
    assertThat(files.bytes("b.png")).isEqualTo("\n");
  }

  @Test
  void bytesThatAreNotUtf8AreRefusedUntilAnEncodingIsChosen() {
    byte[] latin = "Caf\u00e9, hat".getBytes(StandardCharsets.ISO_8859_1);
    files.with("a.png", latin);
    Plan refused = files.plan(add("x"));
    assertThat(refused.changes()).isEmpty();
    assertThat(refused.refusals())
        .singleElement()
        .satisfies(refusal -> assertThat(refusal.reason()).contains("--encoding"));
    assertThat(files.bytes("a.png")).isEqualTo("Caf\u00e9, hat");

    CaptionSet read =
        CaptionSet.read(
            files.source(), new CaptionSet.Options(Charset.forName("windows-1252"), false));
    try (Editor editor = files.editor()) {
      editor.apply(Plan.of(read, _ -> true, add("x"), _ -> List.of(), Plan.Emptied.DELETE));
      assertThat(files.caption("a.png")).isEqualTo("Caf\u00e9, hat, x");
      editor.undo();
    }
    assertThat(files.bytes("a.png")).isEqualTo("Caf\u00e9, hat");
  }

  @Test
  void missingCaptionsAreMadeByAddOnly() {
    files.withoutCaption("a.png");
    files.apply(remove("x"));
    assertThat(files.captionOf("a.png")).doesNotExist();
    files.apply(add("x"));
    assertThat(files.bytes("a.png")).isEqualTo("x");
    try (Editor editor = files.editor()) {
      editor.undo();
    }
    assertThat(files.captionOf("a.png")).doesNotExist();
  }

  @Test
  void twoImagesOfOneNameShareACaptionThatIsEditedOnce() {
    files.with("a.png", "x").with("a.jpg", "x");
    Plan plan = files.plan(add("y"));
    assertThat(plan.looked()).isEqualTo(2);
    assertThat(plan.changes()).hasSize(1);
  }

  @ParameterizedTest(name = "{0}")
  @ValueSource(
      strings = {
        "\ud83d\ude00.png",
        "it's \"quoted\".png",
        "a..b.png",
        "per%cent #1.png",
        "日本 語.png",
        "tail .png"
      })
  void oddNamesAreEdited(String name) {
    files.with(name, "a");
    files.apply(add("b"));
    assertThat(files.bytes(name)).isEqualTo("a, b");
    try (Editor editor = files.editor()) {
      editor.undo();
    }
    assertThat(files.bytes(name)).isEqualTo("a");
  }

  @Test
  @DisabledOnOs(OS.WINDOWS)
  void lineBreaksInNamesAreEditedAndShownEscaped() {
    files.with("two\nlines\t\u001b.png", "a");
    files.apply(add("b"));
    assertThat(files.bytes("two\nlines\t\u001b.png")).isEqualTo("a, b");
    assertThat(files.read().images().getFirst().shownName()).isEqualTo("two\\nlines\\t\\u001b.png");
  }

  @Test
  void aCaptionOfOneMegabyte() {
    StringBuilder caption = new StringBuilder("first");
    for (int i = 0; caption.length() < 1_000_000; i++) {
      caption.append(", some tag number ").append(i);
    }
    caption.append(", ").append("x".repeat(10_000));
    files.with("a.png", caption.toString());
    files.apply(remove("first"));
    assertThat(files.bytes("a.png")).isEqualTo(caption.substring("first, ".length()));
    files.apply(TagOperations.dedup(true));
    files.apply(TextOperations.underscores(false));
    assertThat(files.bytes("a.png")).startsWith("some_tag_number_0, ");
  }

  @Test
  @DisabledOnOs(OS.WINDOWS)
  void readOnlyCaptionsAreNamedAndLeftAlone() throws IOException {
    files.with("a.png", "a").with("b.png", "b");
    Files.setPosixFilePermissions(
        files.captionOf("a.png"), PosixFilePermissions.fromString("r--r--r--"));
    Plan plan = files.plan(add("x"));
    assertThat(plan.changes()).hasSize(1);
    assertThat(plan.refusals())
        .singleElement()
        .satisfies(refusal -> assertThat(refusal.reason()).isEqualTo("is read-only"));
  }

  @Test
  @DisabledOnOs(OS.WINDOWS)
  void permissionsStay() throws IOException {
    files.with("a.png", "a");
    Files.setPosixFilePermissions(
        files.captionOf("a.png"), PosixFilePermissions.fromString("rw-rw-rw-"));
    files.apply(add("x"));
    assertThat(
            PosixFilePermissions.toString(Files.getPosixFilePermissions(files.captionOf("a.png"))))
        .isEqualTo("rw-rw-rw-");
  }

  @Test
  @DisabledOnOs(OS.WINDOWS)
  void aLinkOutOfTheDataSetIsRefusedUnlessAllowed() throws IOException {
    Path outside = temp.resolve("outside.txt");
    Files.writeString(outside, "a");
    files.withoutCaption("a.png");
    Files.createSymbolicLink(files.captionOf("a.png"), outside);
    Plan plan = files.plan(add("x"));
    assertThat(plan.changes()).isEmpty();
    assertThat(plan.refusals())
        .singleElement()
        .satisfies(refusal -> assertThat(refusal.reason()).contains("outside of the data set"));

    CaptionSet followed =
        CaptionSet.read(files.source(), new CaptionSet.Options(StandardCharsets.UTF_8, true));
    try (Editor editor = files.editor()) {
      editor.apply(Plan.of(followed, _ -> true, add("x"), _ -> List.of(), Plan.Emptied.DELETE));
    }
    assertThat(outside).content().isEqualTo("a, x");
    assertThat(Files.isSymbolicLink(files.captionOf("a.png"))).isTrue();
  }

  @Test
  @DisabledOnOs(OS.WINDOWS)
  void aLinkInsideIsFollowedAndABrokenOneNamed() throws IOException {
    files.with("real.png", "a").withoutCaption("link.png").withoutCaption("broken.png");
    Files.createSymbolicLink(files.captionOf("link.png"), Path.of("real.txt"));
    Files.createSymbolicLink(files.captionOf("broken.png"), Path.of("nowhere.txt"));
    Files.createSymbolicLink(files.folder().resolve("loop"), files.folder());
    CaptionSet set = files.read();
    assertThat(set.images()).hasSize(3);
    assertThat(set.images())
        .filteredOn(image -> image.content() instanceof Content.Unreadable)
        .extracting(CaptionedImage::name)
        .containsExactly("broken.png");
  }

  @Test
  void aFolderThatVanishesIsNamedAndTheRestIsWritten() throws IOException {
    files.with("in/a.png", "a").with("gone/b.png", "b");
    Plan plan = files.plan(add("x"));
    Path gone = files.folder().resolve("gone");
    Files.delete(gone.resolve("b.png"));
    Files.delete(gone.resolve("b.txt"));
    Files.delete(gone);
    try (Editor editor = files.editor()) {
      Editor.Outcome outcome = editor.apply(plan);
      assertThat(outcome.files()).isEqualTo(1);
      assertThat(outcome.failed())
          .singleElement()
          .satisfies(failed -> assertThat(failed.reason()).contains("folder is no longer there"));
    }
    assertThat(files.bytes("in/a.png")).isEqualTo("a, x");
    assertThatThrownBy(() -> CaptionSource.of(gone, null, files.folder()))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("no such folder");
  }

  @Test
  void aFileChangedMeanwhileIsNotOverwritten() throws IOException {
    files.with("a.png", "a").with("b.png", "b");
    Plan plan = files.plan(add("x"));
    Files.writeString(files.captionOf("a.png"), "somebody else's");
    try (Editor editor = files.editor()) {
      Editor.Outcome outcome = editor.apply(plan);
      assertThat(outcome.files()).isEqualTo(1);
      assertThat(outcome.failed()).hasSize(1);
    }
    assertThat(files.bytes("a.png")).isEqualTo("somebody else's");
  }

  // ---- history --------------------------------------------------------------------------------

  @Test
  void undoAndRedoSurviveRestarts() {
    files.with("a.png", "a").with("b.png", "b");
    files.apply(add("x"));
    files.apply(remove("a"));
    try (Editor editor = files.editor()) {
      editor.undo();
      assertThat(files.bytes("a.png")).isEqualTo("a, x");
    }
    try (Editor editor = files.editor()) {
      editor.undo();
      assertThat(files.bytes("a.png")).isEqualTo("a");
      assertThat(files.bytes("b.png")).isEqualTo("b");
      assertThatThrownBy(editor::undo).hasMessage("there is nothing to undo");
    }
    try (Editor editor = files.editor()) {
      editor.redo();
      editor.redo();
      assertThat(files.bytes("a.png")).isEqualTo("x");
      assertThatThrownBy(editor::redo).hasMessage("there is nothing to redo");
      assertThat(editor.history().edits()).hasSize(2).noneMatch(History.Edit::undone);
    }
  }

  @Test
  void aNewEditEndsRedo() {
    files.with("a.png", "a");
    files.apply(add("x"));
    try (Editor editor = files.editor()) {
      editor.undo();
    }
    files.apply(add("y"));
    try (Editor editor = files.editor()) {
      assertThatThrownBy(editor::redo).isInstanceOf(InputException.class);
      assertThat(editor.undo().description()).contains("\"y\"");
    }
  }

  @Test
  void undoLeavesForeignChangesAlone() throws IOException {
    files.with("a.png", "a").with("b.png", "b");
    files.apply(add("x"));
    Files.writeString(files.captionOf("a.png"), "mine now");
    try (Editor editor = files.editor()) {
      Editor.Outcome outcome = editor.undo();
      assertThat(outcome.files()).isEqualTo(1);
      assertThat(outcome.failed())
          .singleElement()
          .satisfies(failed -> assertThat(failed.reason()).contains("changed since"));
    }
    assertThat(files.bytes("a.png")).isEqualTo("mine now");
    assertThat(files.bytes("b.png")).isEqualTo("b");
  }

  @Test
  void anEditThatChangesNothingIsNotInTheHistory() {
    files.with("a.png", "a");
    assertThat(files.apply(add("a")).id()).isZero();
    assertThat(History.of(files.state()).edits()).isEmpty();
  }

  @Test
  void onlyOneWriterAtATime() {
    files.with("a.png", "a");
    try (Editor _ = files.editor()) {
      assertThatThrownBy(files::editor)
          .isInstanceOf(InputException.class)
          .hasMessageContaining("another anima is editing");
    }
  }

  // ---- crashes --------------------------------------------------------------------------------

  private static final class Killed extends RuntimeException {
    private static final long serialVersionUID = 1L;
  }

  /// An editor whose program dies after some files; one thread, so that "after" means something.
  private void dieAfter(int count, Operation operation) {
    AtomicInteger written = new AtomicInteger();
    try (Editor editor =
        Editor.open(
            files.source().root(),
            files.state(),
            Clock.systemUTC(),
            (file, content, _) -> {
              if (written.getAndIncrement() >= count) {
                throw new Killed();
              }
              if (content == null) {
                Files.deleteIfExists(file);
              } else {
                Files.write(file, content.data());
              }
            })) {
      Plan plan = files.plan(operation);
      assertThatThrownBy(() -> editor.apply(plan)).isInstanceOf(Killed.class);
    }
  }

  @ParameterizedTest(name = "after {0} files")
  @ValueSource(ints = {0, 1, 7, 19})
  void aKilledEditIsFinishedAtTheNextStart(int count) {
    for (int i = 0; i < 20; i++) {
      files.with(i + ".png", "tag" + i);
    }
    dieAfter(count, add("x"));
    for (int i = 0; i < 20; i++) {
      assertThat(files.bytes(i + ".png")).isIn("tag" + i, "tag" + i + ", x");
    }
    try (Editor editor = files.editor()) {
      assertThat(editor.notes()).singleElement().asString().contains("was interrupted");
    }
    for (int i = 0; i < 20; i++) {
      assertThat(files.bytes(i + ".png")).isEqualTo("tag" + i + ", x");
    }
    try (Editor editor = files.editor()) {
      assertThat(editor.notes()).isEmpty();
      editor.undo();
    }
    for (int i = 0; i < 20; i++) {
      assertThat(files.bytes(i + ".png")).isEqualTo("tag" + i);
    }
  }

  /// A program of its own, killed as by `kill -9` at some moment of its edits.
  @ParameterizedTest(name = "after {0} ms")
  @ValueSource(ints = {0, 40, 150, 400})
  void aKilledProcessLosesNothing(int milliseconds) throws Exception {
    int captions = 1500;
    for (int i = 0; i < captions; i++) {
      files.with(i + ".png", "tag" + i + ", old");
    }
    Process process =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-cp",
                System.getProperty("java.class.path"),
                EditForEver.class.getName(),
                temp.toString())
            .redirectErrorStream(true)
            .start();
    assertThat(process.inputReader().readLine()).isEqualTo("editing");
    Thread.sleep(milliseconds);
    process.destroyForcibly().waitFor();
    for (int i = 0; i < captions; i++) {
      assertThat(files.bytes(i + ".png")).isIn("tag" + i + ", old", "tag" + i + ", new");
    }
    try (Editor editor = files.editor()) {
      while (editor.history().undoable().isPresent()) {
        assertThat(editor.undo().failed()).isEmpty();
      }
    }
    for (int i = 0; i < captions; i++) {
      assertThat(files.bytes(i + ".png")).isEqualTo("tag" + i + ", old");
    }
    try (var all = Files.list(files.folder())) {
      assertThat(all.filter(file -> file.getFileName().toString().startsWith("."))).isEmpty();
    }
  }

  /// Renames to and fro until it is killed.
  static final class EditForEver {
    private EditForEver() {}

    public static void main(String[] arguments) {
      CaptionFiles files = new CaptionFiles(Path.of(arguments[0]));
      System.out.println("editing");
      while (true) {
        files.apply(TagOperations.rename(List.of("old"), List.of("new")));
        files.apply(TagOperations.rename(List.of("new"), List.of("old")));
      }
    }
  }

  @Test
  void aRecordCutOffInTheMiddleIsDropped() throws IOException {
    files.with("a.png", "a");
    files.apply(add("x"));
    long whole = Files.size(files.state().journal());
    files.apply(add("y"));
    byte[] all = Files.readAllBytes(files.state().journal());
    for (int cut : new int[] {1, 15, 16, 17, 60}) {
      Files.write(files.state().journal(), Arrays.copyOf(all, (int) whole + cut));
      assertThat(History.of(files.state()).edits()).hasSize(1);
    }
    Files.writeString(files.captionOf("a.png"), "a, x");
    try (Editor editor = files.editor()) {
      editor.undo();
    }
    assertThat(files.bytes("a.png")).isEqualTo("a");
  }

  @Test
  void aForeignFileInPlaceOfTheJournalIsNotOverwritten() throws IOException {
    files.with("a.png", "a");
    files.apply(add("x"));
    Files.writeString(files.state().journal(), "this is something else entirely");
    assertThatThrownBy(files::editor)
        .isInstanceOf(InputException.class)
        .hasMessageContaining("is no journal");
  }

  @Test
  void aLargeJournalLosesItsOldestHalf() throws IOException {
    Path file = temp.resolve("journal");
    Journal journal = Journal.open(file, 4000);
    List<Journal.FileChange> change = new ArrayList<>();
    change.add(new Journal.FileChange("a.txt", null, Bytes.of(new byte[300])));
    for (int i = 0; i < 100; i++) {
      journal.append(Journal.Kind.EDIT, 0, "add", "edit " + i, Instant.now(), change);
    }
    assertThat(Files.size(file)).isLessThan(5000);
    Journal again = Journal.open(file, 4000);
    assertThat(again.entries()).isEqualTo(journal.entries());
    assertThat(again.entries().getLast().description()).isEqualTo("edit 99");
    assertThat(again.changes(again.entries().getFirst()).getFirst().will())
        .isEqualTo(Bytes.of(new byte[300]));
  }

  @Test
  void aFullDiskLeavesTheOldFileWhole() {
    files.with("a.png", "a");
    try (Editor editor =
        Editor.open(
            files.source().root(),
            files.state(),
            Clock.systemUTC(),
            (_, _, _) -> {
              throw new IOException("No space left on device");
            })) {
      assertThat(editor.apply(files.plan(add("x"))).failed())
          .singleElement()
          .satisfies(failed -> assertThat(failed.reason()).contains("No space left"));
    }
    assertThat(files.bytes("a.png")).isEqualTo("a");
    try (Editor editor = files.editor()) { // tried once more
      assertThat(editor.notes()).hasSize(1);
    }
    assertThat(files.bytes("a.png")).isEqualTo("a, x");
  }

  // ---- snapshots ------------------------------------------------------------------------------

  @Test
  void aSnapshotBringsCaptionsBack() throws IOException {
    files.with("in/a.png", "a").with("b.png", "b\r\n");
    Snapshots snapshots = new Snapshots(files.state());
    snapshots.take(files.read());
    files.apply(add("x"));
    Files.delete(files.captionOf("b.png"));
    try (Editor editor = files.editor()) {
      editor.apply(snapshots.restore(files.read(), "last"));
    }
    assertThat(files.bytes("in/a.png")).isEqualTo("a");
    assertThat(files.bytes("b.png")).isEqualTo("b\r\n");
  }

  @Test
  void oneSnapshotADayAndTheLastTen() {
    files.with("a.png", "a");
    for (int i = 0; i < 12; i++) {
      Instant day = Instant.parse("2026-01-01T12:00:00Z").plusSeconds(86_400L * 10 * i);
      Snapshots snapshots = new Snapshots(files.state(), Clock.fixed(day, ZoneOffset.UTC));
      snapshots.takeDaily(files.read());
      snapshots.takeDaily(files.read());
    }
    assertThat(new Snapshots(files.state()).names()).hasSize(10);
  }

  @Test
  void nothingIsWrittenIntoTheDataSet() throws IOException {
    files.with("a.png", "a");
    new Snapshots(files.state()).take(files.read());
    files.apply(add("x"));
    try (var all = Files.walk(files.folder())) {
      assertThat(all.filter(Files::isRegularFile).map(file -> file.getFileName().toString()))
          .containsExactlyInAnyOrder("a.png", "a.txt");
    }
  }

  @Test
  void emptyFilesAreRead() throws IOException {
    files.withoutCaption("a.png");
    Files.newByteChannel(
            files.captionOf("a.png"), StandardOpenOption.CREATE, StandardOpenOption.WRITE)
        .close();
    files.apply(add("x"));
    assertThat(files.bytes("a.png")).isEqualTo("x");
  }
}
