package dev.anima.cli.bench;

import com.fasterxml.jackson.annotation.JsonInclude;
import java.lang.management.ManagementFactory;
import java.util.List;
import tools.jackson.databind.PropertyNamingStrategies;
import tools.jackson.databind.SerializationFeature;
import tools.jackson.databind.json.JsonMapper;

/// What one part of `anima bench` found out; as JSON, its components under their names.
interface PartReport {
  /// For people to read.
  List<String> table();

  /// A report, or several by the name of their part.
  static String json(Object report) {
    return JsonMapper.builder()
        .propertyNamingStrategy(PropertyNamingStrategies.SNAKE_CASE)
        .changeDefaultPropertyInclusion(
            now -> now.withValueInclusion(JsonInclude.Include.NON_ABSENT))
        .enable(SerializationFeature.INDENT_OUTPUT)
        .build()
        .writeValueAsString(report);
  }

  /// Processes that wanted to run in the last minute, on average; negative where the system does
  /// not tell.
  static double load() {
    return ManagementFactory.getOperatingSystemMXBean().getSystemLoadAverage();
  }
}
