package dev.anima.cli.setup;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.anima.cli.Console;
import dev.anima.cli.doctor.CudaLibraries;
import dev.anima.cli.doctor.Surroundings;
import dev.anima.io.InputException;
import dev.anima.io.RunFailedException;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine;

class SetupCommandTest {
  @TempDir Path folder;

  private final ByteArrayOutputStream printed = new ByteArrayOutputStream();

  private Surroundings surroundings() {
    return new Surroundings(
        folder, folder.resolve("home"), folder.resolve("root"), Map.of(), false);
  }

  private Path own() {
    return CudaLibraries.ownFolder(surroundings());
  }

  private Path part() {
    return own().resolveSibling("cuda.part");
  }

  private void setup(List<Wheel> wheels, String... flags) {
    PrintStream screen = new PrintStream(printed, true, StandardCharsets.UTF_8);
    SetupCommand command =
        new SetupCommand(
            Console.of(screen, screen),
            surroundings(),
            new SetupCommand.Machine("Linux", "amd64", wheels));
    List<String> words = new ArrayList<>(List.of("--cuda"));
    words.addAll(List.of(flags));
    new CommandLine(command).parseArgs(words.toArray(String[]::new));
    assertThat(command.call()).isZero();
  }

  private String wheelFolder(List<Wheel> wheels) throws IOException {
    Path wheelFolder = Files.createDirectories(folder.resolve("wheels"));
    for (Wheel wheel : wheels) {
      Files.write(wheelFolder.resolve(wheel.file()), FakeWheels.content(wheel));
    }
    return "wheels";
  }

  private static List<String> names(Path folder) throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      return files.map(file -> file.getFileName().toString()).sorted().toList();
    }
  }

  private void assertComplete(Path place) throws IOException {
    assertThat(names(place))
        .containsExactly("libcublas.so.13", "libcublasLt.so.13", "libcudart.so.13", "wheels.txt");
    assertThat(place.resolve("libcublas.so.13")).hasBinaryContent(FakeWheels.BLAS_LIBRARY);
    assertThat(place.resolve("libcudart.so.13")).hasContent("runtime");
    assertThat(place.resolveSibling(place.getFileName() + ".part")).doesNotExist();
  }

  @Test
  void unpacksTheLibrariesOfAFolderOfWheelsWhereTheProgramFindsThem() throws IOException {
    setup(FakeWheels.ALL, "--index", wheelFolder(FakeWheels.ALL));

    assertComplete(own());
    assertThat(CudaLibraries.search(surroundings()).found())
        .containsOnly(
            Map.entry("cudart", own()), Map.entry("cublas", own()), Map.entry("cublasLt", own()));
    assertThat(printed.toString(StandardCharsets.UTF_8)).contains("Done: 3 libraries");
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void followsAnIndexInHtmlAndJsonThroughRedirects(boolean json) throws IOException {
    try (FakeIndex index = new FakeIndex(FakeWheels.ALL)) {
      index.json = json;
      setup(FakeWheels.ALL, "--index", index.address(), "--to", "elsewhere");
      assertComplete(folder.resolve("elsewhere"));
      assertThat(printed.toString(StandardCharsets.UTF_8))
          .contains("ANIMA_CUDA=" + folder.resolve("elsewhere"));

      setup(FakeWheels.ALL, "--index", index.address(), "--to", "elsewhere");
      assertThat(index.requests).hasSize(2); // the second time nothing was fetched
    }
  }

  @Test
  void goesOnWhereAKilledSetupStopped() throws IOException {
    try (FakeIndex index = new FakeIndex(FakeWheels.ALL)) {
      setup(List.of(FakeWheels.RUNTIME), "--index", index.address());
      Files.move(own(), part()); // as if killed after the first wheel and in the second
      byte[] begun = Arrays.copyOf(FakeWheels.content(FakeWheels.BLAS), 100_000);
      Files.write(part().resolve(FakeWheels.BLAS.file()), begun);
      index.requests.clear();

      setup(FakeWheels.ALL, "--index", index.address());

      assertThat(index.requests)
          .containsExactly(FakeWheels.BLAS.file() + " bytes=100000-"); // and no first wheel
    }
    assertComplete(own());
  }

  @ParameterizedTest
  @CsvSource({"true, 120000", "true, 0", "false, 120000"})
  void survivesABrokenConnectionWhereTheServerCanGoOn(boolean ranges, int cut) throws IOException {
    try (FakeIndex index = new FakeIndex(FakeWheels.ALL)) {
      index.knowsRanges = ranges;
      index.cutAfter = cut;
      if (ranges && cut > 0) {
        setup(FakeWheels.ALL, "--index", index.address());
        assertThat(index.requests).contains(FakeWheels.BLAS.file() + " bytes=240000-");
        assertComplete(own());
        return;
      }
      assertThatThrownBy(() -> setup(FakeWheels.ALL, "--index", index.address()))
          .isInstanceOf(RunFailedException.class)
          .hasMessageContaining("only " + cut + " of ")
          .hasMessageContaining("the same command again goes on");
      assertThat(own()).doesNotExist();
    }
  }

  @Test
  void refusesAWheelWithAnotherHashAndKeepsNothingOfIt() throws IOException {
    Wheel right = FakeWheels.RUNTIME;
    Wheel pinned =
        new Wheel(right.platform(), right.project(), right.file(), right.bytes(), "0".repeat(64));
    String wheels = wheelFolder(FakeWheels.ALL);
    assertThatThrownBy(() -> setup(List.of(pinned), "--index", wheels))
        .isInstanceOf(RunFailedException.class)
        .hasMessageContainingAll(right.file(), right.sha256(), "expected 000", "was deleted");
    assertThat(own()).doesNotExist();
    assertThat(names(part())).containsExactly(".lock");

    try (FakeIndex index = new FakeIndex(FakeWheels.ALL)) {
      assertThatThrownBy(() -> setup(List.of(pinned), "--index", index.address()))
          .isInstanceOf(InputException.class)
          .hasMessageContaining("nothing was fetched");
      assertThat(index.requests).isEmpty();

      index.tellsHash = false;
      assertThatThrownBy(() -> setup(List.of(pinned), "--index", index.address()))
          .isInstanceOf(RunFailedException.class)
          .hasMessageContaining("was deleted");
    }
  }

  @Test
  void saysWhichWheelOfAFolderIsCutShort() throws IOException {
    String wheels = wheelFolder(FakeWheels.ALL);
    byte[] whole = FakeWheels.content(FakeWheels.BLAS);
    Files.write(folder.resolve("wheels").resolve(FakeWheels.BLAS.file()), Arrays.copyOf(whole, 99));
    assertThatThrownBy(() -> setup(FakeWheels.ALL, "--index", wheels))
        .isInstanceOf(RunFailedException.class)
        .hasMessageContaining(FakeWheels.BLAS.file() + ": only 99 of " + whole.length);
  }

  @Test
  void saysWhatTheIndexLacks() throws IOException {
    Wheel newer =
        FakeWheels.wheel("nvidia-cublas", "nvidia_cublas-99-py3-none-any.whl", new byte[9]);
    try (FakeIndex index = new FakeIndex(List.of(FakeWheels.BLAS))) {
      assertThatThrownBy(() -> setup(FakeWheels.ALL, "--index", index.address()))
          .isInstanceOf(InputException.class)
          .hasMessageContainingAll("nvidia-cuda-runtime", "HTTP 404");
      assertThatThrownBy(() -> setup(List.of(newer), "--index", index.address()))
          .isInstanceOf(InputException.class)
          .hasMessageContaining("has nvidia-cublas but not nvidia_cublas-99");
    }
    String wheels = wheelFolder(List.of());
    assertThatThrownBy(() -> setup(FakeWheels.ALL, "--index", wheels))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("there is no " + FakeWheels.RUNTIME.file());
  }

  @Test
  void saysWhenThereIsNoIndex() throws IOException {
    String gone;
    try (FakeIndex index = new FakeIndex(FakeWheels.ALL)) {
      gone = index.address();
    }
    assertThatThrownBy(() -> setup(FakeWheels.ALL, "--index", gone))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("127.0.0.1 does not answer");
    for (String wrong : List.of("no-such-folder", "ftp://x/simple", "https://", "http://a b/")) {
      assertThatThrownBy(() -> setup(FakeWheels.ALL, "--index", wrong))
          .isInstanceOf(InputException.class)
          .hasMessageContaining("\"" + wrong + "\" is neither a folder");
    }
  }

  @Test
  void withoutAnIndexSaysWhatIsMissingAndWhatWouldBeFetched() {
    assertThatThrownBy(() -> setup(FakeWheels.ALL))
        .isInstanceOf(InputException.class)
        .hasMessageContainingAll("cudart, cublasLt", "--index", FakeWheels.BLAS.file());
  }

  @Test
  void leavesFilesOfOthersAlone() throws IOException {
    Path foreign = Files.createDirectories(folder.resolve("mine"));
    Files.writeString(foreign.resolve("novel.txt"), "once");
    String wheels = wheelFolder(FakeWheels.ALL);
    assertThatThrownBy(() -> setup(FakeWheels.ALL, "--index", wheels, "--to", "mine"))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("did not put there");
    assertThat(names(foreign)).containsExactly("novel.txt");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"../libx.so", "/etc/libx.so", "a/../../libx.so", "a\\..\\x.dll", "C:/x.dll"})
  void refusesPathsThatLeadOutOfTheFolder(String path) throws IOException {
    Wheel evil = FakeWheels.wheel("p", "evil.whl", FakeWheels.zip(Map.of(path, new byte[] {1})));
    String wheels = wheelFolder(List.of(evil));
    assertThatThrownBy(() -> setup(List.of(evil), "--index", wheels))
        .isInstanceOf(RunFailedException.class)
        .hasMessageContaining("\"" + path + "\" in it leads out");
    assertThat(own()).doesNotExist();
  }

  @Test
  void refusesWheelsThatAreNoZipOrHoldNoLibrary() throws IOException {
    Wheel text = FakeWheels.wheel("p", "text.whl", new byte[] {1, 2, 3});
    Wheel empty = FakeWheels.wheel("p", "empty.whl", FakeWheels.zip(Map.of("a.py", new byte[1])));
    String wheels = wheelFolder(List.of(text, empty));
    assertThatThrownBy(() -> setup(List.of(text), "--index", wheels))
        .hasMessageContaining("text.whl: is no zip file");
    assertThatThrownBy(() -> setup(List.of(empty), "--index", wheels))
        .hasMessageContaining("empty.whl: holds no shared library");
  }

  @Test
  void saysHowMuchRoomIsMissingBeforeItFetches() throws IOException {
    WheelSource source = WheelSource.of(wheelFolder(FakeWheels.ALL), folder);
    LibraryFolder full = new LibraryFolder(own(), _ -> 1000);
    assertThatThrownBy(() -> full.fill(FakeWheels.ALL, source, (_, _) -> {}))
        .isInstanceOf(RunFailedException.class)
        .hasMessageContainingAll("nvidia-cublas needs 300 kB", "has 1.0 kB left");
    new LibraryFolder(own(), _ -> 1_000_000).fill(FakeWheels.ALL, source, (_, _) -> {});
    assertComplete(own());
  }

  @Test
  void pinsEveryLibraryOnBothPlatformsAndNoOtherPlatform() {
    assertThat(Wheel.pinnedFor("Linux", "amd64")).hasSize(12).allSatisfy(SetupCommandTest::isPin);
    assertThat(Wheel.pinnedFor("Windows 11", "amd64"))
        .hasSize(10)
        .allSatisfy(SetupCommandTest::isPin);
    assertThatThrownBy(() -> Wheel.pinnedFor("Mac OS X", "aarch64"))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("Mac OS X on aarch64");
  }

  private static void isPin(Wheel wheel) {
    assertThat(wheel.file()).startsWith(wheel.project().replace('-', '_') + "-").endsWith(".whl");
    assertThat(wheel.sha256()).matches("[0-9a-f]{64}");
    assertThat(wheel.bytes()).isPositive();
  }
}
