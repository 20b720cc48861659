package dev.anima;

import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.domain.JavaMethod;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import dev.anima.config.DatasetSpec;
import dev.anima.config.Flag;
import dev.anima.config.FlagTable;
import dev.anima.config.SubsetSpec;
import dev.anima.config.TrainConfig;
import java.io.IOException;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.RecordComponent;
import java.lang.reflect.Type;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/// No flag is taken and then forgotten: what the table calls honoured is read by the program, and
/// what the configuration holds is asked for outside it.
class FlagHonestyTest {
  private static final Path SOURCES = Path.of("src/main/java/dev/anima");

  /// They speak about flags without acting on them.
  private static final Set<String> TALKERS =
      Set.of(
          "FlagEffects.java",
          "FlagWarnings.java",
          "FlagReport.java",
          "Preset.java",
          "CrossChecks.java",
          "Recipe.java");

  /// Read under a name that is put together.
  private static final Set<String> BY_PREFIX =
      FlagTable.train().all().stream()
          .map(Flag::name)
          .filter(name -> name.startsWith("metadata_") || name.endsWith("_to_disk"))
          .collect(Collectors.toSet());

  /// Honoured without being read, with the reason.
  private static final Set<String> TRUE_ANYWAY =
      Set.of(
          "console_log_simple", // log lines are always plain
          "max_data_loader_n_workers", // the order is that of 0 workers; the report says so
          "preset"); // read by Preset, which also talks of others

  /// Parts of the configuration nobody outside asks for, with the reason.
  private static final Set<String> NOT_ASKED =
      Set.of(
          "SubsetSpec.validationSplit", // the dataset's counts; the flag report asks
          "DatasetSpec.where", // for messages of the configuration's own
          "TrainConfig.noise",
          "TrainConfig.loss",
          // Checked here in the field's terms; the objective takes the same flags as text.
          "NoiseConfig.*",
          "LossConfig.*");

  private static final JavaClasses CODE =
      new ClassFileImporter()
          .withImportOption(ImportOption.Predefined.DO_NOT_INCLUDE_TESTS)
          .importPackages("dev.anima");

  @Test
  void everyHonouredFlagIsReadSomewhere() throws IOException {
    String sources = sources();
    Set<String> unread = new TreeSet<>();
    for (Flag flag : FlagTable.train().all()) {
      boolean promises =
          flag.status() == Flag.Status.HONOURED || flag.status() == Flag.Status.DATASET_FALLBACK;
      boolean read =
          sources.contains('"' + flag.name() + '"')
              || BY_PREFIX.contains(flag.name())
              || TRUE_ANYWAY.contains(flag.name());
      if (promises && !read) {
        unread.add(flag.name());
      }
    }
    assertThat(unread).as("honoured in flags.md, but read by nobody").isEmpty();
  }

  private static String sources() throws IOException {
    try (Stream<Path> files = Files.walk(SOURCES)) {
      StringBuilder all = new StringBuilder();
      for (Path file : files.filter(Files::isRegularFile).toList()) {
        if (!TALKERS.contains(String.valueOf(file.getFileName()))) {
          all.append(Files.readString(file));
        }
      }
      return all.toString();
    }
  }

  @Test
  void everyPartOfTheConfigurationIsAskedForOutsideIt() {
    Set<String> unread = new TreeSet<>();
    for (Class<?> record : configurationRecords()) {
      for (RecordComponent component : record.getRecordComponents()) {
        String name = record.getSimpleName() + "." + component.getName();
        boolean excused =
            NOT_ASKED.contains(name) || NOT_ASKED.contains(record.getSimpleName() + ".*");
        if (!excused && !isAskedFor(record, component)) {
          unread.add(name);
        }
      }
    }
    assertThat(unread).as("parsed, but asked for by nobody").isEmpty();
  }

  /// The records below the two roots, through optionals and lists.
  private static Set<Class<?>> configurationRecords() {
    Set<Class<?>> found = new LinkedHashSet<>();
    Deque<Type> open =
        new ArrayDeque<>(List.of(TrainConfig.class, DatasetSpec.class, SubsetSpec.class));
    while (!open.isEmpty()) {
      switch (open.pop()) {
        case ParameterizedType generic -> open.addAll(List.of(generic.getActualTypeArguments()));
        case Class<?> type
            when type.isRecord()
                && type.getPackageName().equals("dev.anima.config")
                && found.add(type) -> {
          for (RecordComponent component : type.getRecordComponents()) {
            open.push(component.getGenericType());
          }
        }
        default -> {}
      }
    }
    return found;
  }

  private static boolean isAskedFor(Class<?> record, RecordComponent component) {
    JavaClass owner = CODE.get(record);
    JavaMethod accessor = owner.getMethod(component.getName());
    return Stream.concat(
                accessor.getCallsOfSelf().stream().map(call -> call.getOriginOwner()),
                accessor.getReferencesToSelf().stream()
                    .map(reference -> reference.getOriginOwner()))
            .anyMatch(caller -> !caller.getPackageName().equals("dev.anima.config"))
        || owner.getField(component.getName()).getAccessesToSelf().stream()
            .map(access -> access.getOrigin())
            .filter(JavaMethod.class::isInstance)
            .map(JavaMethod.class::cast)
            .anyMatch(method -> !method.equals(accessor) && isCalledFromOutside(method));
  }

  /// A method of the record that outsiders call instead of the accessor.
  private static boolean isCalledFromOutside(JavaMethod method) {
    return method.getCallsOfSelf().stream()
        .anyMatch(call -> !call.getOriginOwner().getPackageName().equals("dev.anima.config"));
  }
}
