package dev.anima.cli.captions;

import static org.assertj.core.api.Assertions.assertThat;

import dev.anima.cli.Console;
import dev.anima.cli.Failures;
import dev.anima.cli.lint.LintCommand;
import java.io.ByteArrayOutputStream;
import java.io.File;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

class CaptionsCommandTest {
  @TempDir Path temp;
  private Path data;

  private record Result(int exitCode, String out, String err) {
    JsonNode json() {
      return JsonMapper.shared().readTree(out);
    }
  }

  @BeforeEach
  void layOut() throws IOException {
    data = Files.createDirectories(temp.resolve("set"));
    write("a.png", "x");
    write("a.txt", "may, 1girl, hat");
    write("b.png", "y");
    write("b.txt", "may, 1girl, cap");
  }

  private void write(String name, String text) throws IOException {
    Files.createDirectories(data.resolve(name).getParent());
    Files.writeString(data.resolve(name), text);
  }

  private String caption(String name) throws IOException {
    return Files.readString(data.resolve(name));
  }

  private Result run(String... words) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    ByteArrayOutputStream err = new ByteArrayOutputStream();
    Console console =
        Console.of(
            new PrintStream(out, true, StandardCharsets.UTF_8),
            new PrintStream(err, true, StandardCharsets.UTF_8));
    Surroundings around = new Surroundings(temp, temp.resolve("app"));
    CommandLine command =
        words[0].equals("lint")
            ? new CommandLine(new LintCommand(console, around))
            : CaptionsCommand.of(console, around);
    command.setExecutionExceptionHandler((e, _, _) -> Failures.report(e, console));
    List<String> arguments = new ArrayList<>(List.of(words));
    if (words[0].equals("lint")) {
      arguments.removeFirst();
    }
    int exitCode = command.execute(arguments.toArray(String[]::new));
    return new Result(
        exitCode, out.toString(StandardCharsets.UTF_8), err.toString(StandardCharsets.UTF_8));
  }

  @Test
  void aDryRunShowsTheChangeAndChangesNothing() throws IOException {
    Result result =
        run("add", "set", "smile", "--position", "2", "--filter", "tag:hat", "--dry-run");
    assertThat(result.exitCode()).isZero();
    assertThat(result.out())
        .contains("1 of 1 images would change")
        .contains("- may, 1girl, hat")
        .contains("+ may, smile, 1girl, hat");
    assertThat(caption("a.txt")).isEqualTo("may, 1girl, hat");
    assertThat(temp.resolve("app")).doesNotExist();
  }

  @Test
  void editsAndTakesBack() throws IOException {
    assertThat(run("rename", "set", "hat,cap", "beret").out()).contains("2 of 2 images changed");
    assertThat(caption("b.txt")).isEqualTo("may, 1girl, beret");
    assertThat(run("history", "set").out()).contains("rename \"hat, cap\" to \"beret\"");
    assertThat(run("undo", "set").exitCode()).isZero();
    assertThat(caption("b.txt")).isEqualTo("may, 1girl, cap");
    assertThat(run("undo", "set"))
        .satisfies(result -> assertThat(result.exitCode()).isEqualTo(2))
        .satisfies(result -> assertThat(result.err()).contains("nothing to undo"));
    assertThat(run("redo", "set").exitCode()).isZero();
    assertThat(caption("a.txt")).isEqualTo("may, 1girl, beret");
  }

  @ParameterizedTest(name = "{0}")
  @ValueSource(
      strings = {"tag:hat and", "(tag:hat", "is:untaged", "", " ", "tags:x", "is:selected"})
  void anInvalidFilterChangesNothing(String filter) throws IOException {
    Result result = run("remove", "set", "1girl", "--filter", filter);
    assertThat(result.exitCode()).isEqualTo(2);
    assertThat(result.err()).startsWith("--filter");
    assertThat(caption("a.txt")).isEqualTo("may, 1girl, hat");
    assertThat(caption("b.txt")).isEqualTo("may, 1girl, cap");
  }

  @Test
  void scopesBySubset() throws IOException {
    write("in/c.png", "z");
    write("in/c.txt", "hat");
    run("remove", "set", "hat", "--subset", "in", "--keep-empty");
    assertThat(caption("in/c.txt")).isEqualTo("\n");
    assertThat(caption("a.txt")).contains("hat");
    assertThat(run("remove", "set", "hat", "--subset", "inn").err())
        .contains("did you mean \"in\"?");
  }

  @Test
  void anExplodingExpressionIsOneSentence() throws IOException {
    write("c.png", "z");
    write("c.txt", "a".repeat(60) + "c");
    Result result = run("replace", "set", "(.*a){25}b", "x", "--regex", "--in", "inside");
    assertThat(result.exitCode()).isEqualTo(2);
    assertThat(result.err()).contains("c.txt").contains("takes longer");
    assertThat(caption("a.txt")).isEqualTo("may, 1girl, hat");
  }

  @Test
  void someFilesFailing() throws IOException {
    Files.write(data.resolve("b.txt"), new byte[] {'C', (byte) 0xE9});
    Result result = run("add", "set", "x");
    assertThat(result.exitCode()).isEqualTo(3);
    assertThat(result.err()).contains("b.txt").contains("--encoding");
    assertThat(caption("a.txt")).isEqualTo("may, 1girl, hat, x");
    assertThat(run("add", "set", "x", "--encoding", "latin1").exitCode()).isZero();
    assertThat(caption("b.txt")).isEqualTo("C\u00e9, x");
    assertThat(run("add", "set", "x", "--encoding", "latin99").err()).contains("no encoding");
  }

  @Test
  void badArguments() {
    assertThat(run("add", "nowhere", "x").err()).contains("nowhere: there is no such folder");
    assertThat(run("order", "set", "alphabet").err()).contains("did you mean \"alphabetical\"?");
    assertThat(run("add", "set", "two\nlines").err()).contains("line break");
    assertThat(run("replace", "set", "a(", "b", "--regex").err()).contains("not valid");
    assertThat(run("replace", "set", "a", "b", "--in", "insid").err())
        .contains("did you mean \"inside\"?");
  }

  @Test
  void jsonOfAnEdit() {
    JsonNode json = run("set-prefix", "set", "may, grbk", "--json").json();
    assertThat(json.get("applied").booleanValue()).isTrue();
    assertThat(json.get("changed").intValue()).isEqualTo(2);
    assertThat(json.get("changes").get(0).get("after").stringValue())
        .isEqualTo("may, grbk, 1girl, hat");
  }

  @Test
  void statsFindAndShow() {
    assertThat(run("stats", "set").out()).contains("2 images").contains("100 %  1girl");
    assertThat(run("stats", "set", "--csv", "--sort", "name").out())
        .startsWith("tag,images")
        .contains("1girl,2");
    assertThat(run("stats", "set", "--json").json().get("captioned").intValue()).isEqualTo(2);
    assertThat(run("find", "set", "--filter", "tag:cap").out().strip()).endsWith("b.png");
    assertThat(run("find", "set", "--filter", "tga:cap").err()).contains("did you mean \"tag\"?");
    JsonNode shown = run("show", "set", "--filter", "tag:cap", "--json", "--pieces").json().get(0);
    assertThat(shown.get("caption").stringValue()).isEqualTo("may, 1girl, cap");
    assertThat(shown.get("t5_tokens").intValue()).isGreaterThan(3);
    assertThat(shown.get("qwen3_pieces").toString()).contains("girl");
  }

  @Test
  void namesWithLineBreaksAreEscapedOnTheTerminal() throws IOException {
    if (File.separatorChar == '\\') {
      return;
    }
    write("two\nlines.png", "z");
    write("two\nlines.txt", "q");
    assertThat(run("find", "set", "--filter", "tag:q").out().strip()).endsWith("two\\nlines.png");
    assertThat(run("find", "set", "--filter", "tag:q", "-0").out()).contains("two\nlines.png\0");
    assertThat(run("add", "set", "r", "--filter", "tag:q", "--dry-run").out())
        .contains("two\\nlines.png");
  }

  @Test
  void snapshotsAreTakenAndRestored() throws IOException {
    run("clear", "set");
    assertThat(data.resolve("a.txt")).doesNotExist();
    assertThat(run("restore", "set").out().strip()).isNotEmpty();
    assertThat(run("restore", "set", "last").exitCode()).isZero();
    assertThat(caption("a.txt")).isEqualTo("may, 1girl, hat");
  }

  private Path unbalanced() throws IOException {
    for (int i = 0; i < 3; i++) {
      write("one/" + i + ".png", "z");
      write("one/" + i + ".txt", "may, " + i);
    }
    write("two/0.png", "z");
    write("two/0.txt", "may, 0");
    Path file = temp.resolve("x.toml");
    Files.writeString(
        file,
        """
        # keep me
        [general]
        caption_extension = '.txt'
        [[datasets]]
        resolution = 64
        [[datasets.subsets]]
        image_dir = 'set/one'   # three
        [[datasets.subsets]]
        image_dir = 'set/two'
        num_repeats = 2 # two
        """);
    return file;
  }

  @Test
  void balanceIsWrittenIntoTheFile() throws IOException {
    Path file = unbalanced();
    String before = Files.readString(file);
    assertThat(run("balance", "x.toml").out()).contains("spread 1.500 now, 1.000 then");
    assertThat(file).content().isEqualTo(before);
    run("balance", "x.toml", "--write");
    assertThat(file)
        .content()
        .isEqualTo(
            before
                .replace("# three\n", "# three\nnum_repeats = 1\n")
                .replace("num_repeats = 2", "num_repeats = 3"));
    assertThat(run("balance", "set", "--write").err()).contains("needs a dataset file");
  }

  @Test
  void lintFixesWhatIsSafe() throws IOException {
    write("a.txt", "\ufeffmay, 1girl, \\(hat\\), (smile:1.2), may\r\n");
    write("b.txt", "may, 1girl, cap");
    Result dry = run("lint", "set", "--no-images", "--no-tokens", "--fix", "--dry-run");
    assertThat(dry.out()).contains("would change");
    assertThat(caption("a.txt")).startsWith("\ufeff");
    Result fixed = run("lint", "set", "--no-images", "--no-tokens", "--fix");
    assertThat(fixed.exitCode()).isZero();
    assertThat(caption("a.txt")).isEqualTo("may, 1girl, (hat), smile\r\n");
    assertThat(caption("b.txt")).isEqualTo("may, 1girl, cap");
    run("undo", "set");
    assertThat(caption("a.txt")).startsWith("\ufeff");
  }

  @Test
  void lintFixesRulesByName() throws IOException {
    write("a.txt", "hat, may, 1girl, pink bikini, bikini");
    run("lint", "set", "--fix", "tag-implied,trigger-position", "--prefix", "may, 1girl");
    assertThat(caption("a.txt")).isEqualTo("may, 1girl, hat, pink bikini");
    assertThat(run("lint", "set", "--fix", "image-exif").err()).contains("nothing can repair");
    assertThat(run("lint", "set", "--rules", "tag-implid").err())
        .contains("did you mean \"tag-implied\"?");
  }

  @Test
  void lintFormatsAndExitCodes() throws IOException {
    write("a.txt", "");
    Result result = run("lint", "set", "--json", "--no-tokens");
    assertThat(result.exitCode()).isEqualTo(1);
    assertThat(result.json().get("errors").intValue()).isPositive();
    assertThat(result.json().get("findings").get(0).get("severity").stringValue())
        .isEqualTo("error");
    assertThat(run("lint", "set", "--fail-on", "never", "--no-tokens").exitCode()).isZero();
    assertThat(run("lint", "set", "--format", "github", "--no-tokens").out())
        .contains("::error file=a.png,title=caption-empty::");
    assertThat(run("lint", "set", "--format", "html", "--no-tokens").out())
        .contains("<td>caption-empty</td>");
  }

  @Test
  void aBrokenDatasetFileIsAFinding() throws IOException {
    Path file = unbalanced();
    Files.writeString(file, Files.readString(file).replace("num_repeats = 2", "num_repeat = 2"));
    Result result = run("lint", "x.toml", "--json");
    assertThat(result.exitCode()).isEqualTo(1);
    assertThat(result.json().get("findings").get(0).get("rule").stringValue())
        .isEqualTo("config-unknown");
  }
}
