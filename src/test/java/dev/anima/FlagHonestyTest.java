package dev.anima;

import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.domain.JavaMethod;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import dev.anima.config.DatasetSpec;
import dev.anima.config.SubsetSpec;
import dev.anima.config.TrainConfig;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.RecordComponent;
import java.lang.reflect.Type;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/// Nothing of the configuration is parsed and then forgotten: what it holds is asked for outside
/// it. (Whether each flag reaches the configuration is tried in [FlagUseTest].)
class FlagHonestyTest {
  /// Parts of the configuration nobody outside asks for, with the reason.
  private static final Set<String> NOT_ASKED =
      Set.of(
          "SubsetSpec.validationSplit", // the dataset's counts; the flag report asks
          "DatasetSpec.where", // for messages of the configuration's own
          // Asked of the flags, before there is a configuration: processes meet first.
          "Machine.processes",
          "Machine.teamTimeout",
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
