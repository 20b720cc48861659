package dev.anima;

import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAPackage;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAnyPackage;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideOutsideOfPackages;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.simpleName;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;
import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// The rooms and the directions allowed between them: the table in `docs/architecture.md`.
class ArchitectureTest {
  private static final JavaClasses CODE =
      new ClassFileImporter()
          .withImportOption(ImportOption.Predefined.DO_NOT_INCLUDE_TESTS)
          .importPackages("dev.anima");

  /// Room to the rooms it may use.
  private static final Map<String, List<String>> ALLOWED =
      Map.ofEntries(
          Map.entry(
              "cli",
              List.of(
                  "runs",
                  "train",
                  "sample",
                  "lora",
                  "lint",
                  "captions",
                  "tag",
                  "model",
                  "dataset",
                  "config",
                  "engine",
                  "io")),
          Map.entry("runs", List.of("train", "config", "engine", "io")),
          Map.entry(
              "train", List.of("sample", "lora", "model", "dataset", "config", "engine", "io")),
          Map.entry("sample", List.of("lora", "model", "engine", "io")),
          Map.entry("lora", List.of("model", "engine", "config", "io")),
          Map.entry("lint", List.of("captions", "model", "dataset", "config", "io")),
          Map.entry("model", List.of("engine", "io")),
          Map.entry("engine", List.of("io")),
          Map.entry("captions", List.of("dataset", "config", "io")),
          Map.entry("tag", List.of("dataset", "config", "io")),
          Map.entry("dataset", List.of("config", "io")),
          Map.entry("config", List.of("io")),
          Map.entry("io", List.of()));

  private static String packageOf(String room) {
    return "dev.anima." + room + "..";
  }

  static Stream<String> rooms() {
    return ALLOWED.keySet().stream().sorted();
  }

  @Test
  void sawOurClasses() {
    Set<String> names =
        CODE.stream().map(code -> code.getName()).collect(Collectors.toUnmodifiableSet());
    assertThat(names)
        .contains(
            "dev.anima.cli.Main",
            "dev.anima.engine.Tensor",
            "dev.anima.config.DatasetSpec",
            "dev.anima.io.SafetensorsFile",
            "dev.anima.model.Adapters")
        .noneMatch(name -> name.endsWith("Test"));
  }

  @Test
  void everyClassIsInARoom() {
    classes()
        .should()
        .resideInAnyPackage(rooms().map(ArchitectureTest::packageOf).toArray(String[]::new))
        .check(CODE);
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("rooms")
  void usesOnlyTheRoomsBelowIt(String room) {
    List<String> forbidden =
        rooms()
            .filter(other -> !other.equals(room) && !ALLOWED.get(room).contains(other))
            .map(ArchitectureTest::packageOf)
            .toList();
    if (forbidden.isEmpty()) {
      return; // cli sees everything
    }
    noClasses()
        .that(resideInAPackage(packageOf(room)))
        .should()
        .dependOnClassesThat(resideInAnyPackage(forbidden.toArray(String[]::new)))
        .allowEmptyShould(true) // a room may not have a class yet
        .check(CODE);
  }

  @Test
  void roomsFormNoCircle() {
    slices().matching("dev.anima.(*)..").should().beFreeOfCycles().check(CODE);
  }

  @Test
  void onlyTheEngineSeesLibtorch() {
    noClasses()
        .that(resideOutsideOfPackages("dev.anima.engine.."))
        .should()
        .dependOnClassesThat(resideInAnyPackage("org.bytedeco.pytorch.."))
        .because("one room owns native memory; the rest is testable without it")
        .check(CODE);
  }

  @Test
  void onlyTheTaggerSeesOnnxRuntime() {
    noClasses()
        .that(resideOutsideOfPackages("dev.anima.tag.."))
        .should()
        .dependOnClassesThat(resideInAnyPackage("ai.onnxruntime.."))
        .check(CODE);
  }

  /// `global.torch_cuda` and what lies in its package cannot even be loaded without JavaCPP's
  /// binding of CUDA, which is 3 GB and not among our libraries: such a class works in no build of
  /// ours. `global.torch` has the same things (`getCUDAHooks`, `getDeviceGuardImpl`).
  @Test
  void nothingNeedsTheBindingOfCuda() {
    noClasses()
        .should()
        .dependOnClassesThat(
            resideInAnyPackage("org.bytedeco.cuda..", "org.bytedeco.pytorch.cuda.."))
        .orShould()
        .dependOnClassesThat(simpleName("torch_cuda"))
        .check(CODE);
  }

  @Test
  void onlyCliPrints() {
    noClasses()
        .that(resideOutsideOfPackages("dev.anima.cli.."))
        .should()
        .accessField(System.class, "out")
        .orShould()
        .accessField(System.class, "err")
        .orShould()
        .callMethod(Throwable.class, "printStackTrace")
        .because("a room tells what happened in its result; cli decides what a person sees")
        .check(CODE);
  }

  @Test
  void onlyMainEndsTheProcess() {
    noClasses()
        .that(resideOutsideOfPackages("dev.anima.cli.."))
        .should()
        .callMethod(System.class, "exit", int.class)
        .orShould()
        .callMethod(Runtime.class, "halt", int.class)
        .check(CODE);
  }
}
