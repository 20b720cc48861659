package dev.anima.cli.captions;

import dev.anima.captions.CaptionedImage;
import dev.anima.captions.Editor;
import dev.anima.captions.Plan;
import dev.anima.cli.Console;
import dev.anima.cli.ExitCode;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.SerializationFeature;
import tools.jackson.databind.json.JsonMapper;

/// Tells of an edit, done or not.
public record EditReport(Console console, EditOptions options) {
  public static final JsonMapper MAPPER =
      JsonMapper.builder().enable(SerializationFeature.INDENT_OUTPUT).build();

  private static final int SHOWN = 200;

  /// Nothing was written.
  public int preview(Plan plan) {
    if (options.json) {
      return json(plan, Optional.empty());
    }
    console.print(
        "%s: %s of %d images would change"
            .formatted(shown(plan.description()), plan.changes().size(), plan.looked()));
    rows(plan);
    return refused(plan.refusals());
  }

  /// The outcome of an edit that was applied.
  public int done(Plan plan, Optional<Editor.Outcome> outcome, Path data) {
    if (options.json) {
      return json(plan, outcome);
    }
    Editor.Outcome done = outcome.orElseThrow();
    if (options.all) {
      rows(plan);
    }
    console.print(
        "%s: %d of %d images changed%s"
            .formatted(
                shown(plan.description()),
                done.files(),
                plan.looked(),
                done.files() == 0
                    ? ""
                    : " (anima captions undo %s takes it back)".formatted(data)));
    List<Plan.Refusal> refusals = new ArrayList<>(plan.refusals());
    refusals.addAll(done.failed());
    return refused(refusals);
  }

  private void rows(Plan plan) {
    int most = options.all ? Integer.MAX_VALUE : SHOWN;
    plan.changes().stream()
        .limit(most)
        .forEach(change -> {
          console.print(CaptionedImage.shown(change.name()));
          if (change.before() != null) {
            console.print("  - " + shown(change.before()));
          }
          console.print(
              change.after() == null ? "  (the file is deleted)" : "  + " + shown(change.after()));
        });
    if (plan.changes().size() > most) {
      console.print("... and %d more (--all shows them)".formatted(plan.changes().size() - most));
    }
  }

  /// Names what was left alone.
  int refused(List<Plan.Refusal> refusals) {
    refusals.stream()
        .limit(SHOWN)
        .forEach(refusal ->
            console.report(
                "not changed: %s %s"
                    .formatted(shown(refusal.file().toString()), refusal.reason())));
    if (refusals.size() > SHOWN) {
      console.report("... and %d more".formatted(refusals.size() - SHOWN));
    }
    return refusals.isEmpty() ? ExitCode.OK : ExitCode.SOME_FILES_FAILED;
  }

  static String shown(String text) {
    return CaptionedImage.shown(text);
  }

  private int json(Plan plan, Optional<Editor.Outcome> outcome) {
    List<Plan.Refusal> refusals = new ArrayList<>(plan.refusals());
    outcome.ifPresent(done -> refusals.addAll(done.failed()));
    Map<String, @Nullable Object> json = new LinkedHashMap<>();
    json.put("operation", plan.name());
    json.put("description", plan.description());
    json.put("images", plan.looked());
    json.put("applied", outcome.isPresent());
    json.put("id", outcome.map(Editor.Outcome::id).orElse(0L));
    json.put("changed", outcome.map(Editor.Outcome::files).orElse(plan.changes().size()));
    List<Map<String, @Nullable Object>> changes = new ArrayList<>();
    for (Plan.Change change : plan.changes()) {
      Map<String, @Nullable Object> row = new LinkedHashMap<>();
      row.put("image", change.name());
      row.put("file", change.file().toString());
      row.put("before", change.before());
      row.put("after", change.after());
      changes.add(row);
    }
    json.put("changes", changes);
    json.put(
        "not_changed",
        refusals.stream()
            .map(refusal -> Map.of("file", refusal.file().toString(), "reason", refusal.reason()))
            .toList());
    console.print(MAPPER.writeValueAsString(json));
    return refusals.isEmpty() ? ExitCode.OK : ExitCode.SOME_FILES_FAILED;
  }
}
