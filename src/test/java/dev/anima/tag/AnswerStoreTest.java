package dev.anima.tag;

import static org.assertj.core.api.Assertions.assertThat;

import dev.anima.config.CommandLine;
import dev.anima.config.FlagTable;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class AnswerStoreTest {
  @TempDir Path folder;

  private TaggerModel model;
  private List<Path> images;

  @BeforeEach
  void open() {
    model =
        TaggerModel.open(
            DemoTagger.files(folder.resolve("model")), TagDevice.CPU, OptionalInt.of(1));
    images = DemoTagger.expected().limit(4).map(expected -> expected.in(folder)).toList();
  }

  @AfterEach
  void close() {
    model.close();
  }

  private static TagSettings settings(String... words) {
    return TagSettings.of(CommandLine.parse(FlagTable.tag(), List.of(words)).flags());
  }

  private List<Outcome.Answered> run(TagSettings settings, int stopAfter) {
    List<Outcome.Answered> answers = new ArrayList<>();
    AtomicInteger batches = new AtomicInteger();
    Optional<AnswerStore> store = AnswerStore.open(folder.resolve("store"), model, settings, true);
    boolean finished =
        TaggingRun.run(
            model,
            images,
            settings,
            store,
            batch -> batch.forEach(outcome -> answers.add((Outcome.Answered) outcome)),
            () -> batches.getAndIncrement() >= stopAfter);
    store.ifPresent(AnswerStore::close);
    assertThat(finished).isEqualTo(stopAfter > images.size());
    return answers;
  }

  private static long remembered(List<Outcome.Answered> answers) {
    return answers.stream().filter(Outcome.Answered::remembered).count();
  }

  private Path file() throws IOException {
    try (Stream<Path> files = Files.list(folder.resolve("store"))) {
      return files.findFirst().orElseThrow();
    }
  }

  @Test
  void remembersWhatAStoppedRunAsked() {
    assertThat(run(settings(), 3)).hasSize(3);
    List<Outcome.Answered> answers = run(settings("--thresh=0.02"), 100);
    assertThat(answers.stream().map(Outcome.Answered::image)).containsExactlyElementsOf(images);
    assertThat(remembered(answers)).isEqualTo(3);
  }

  @Test
  void remembersToTheBit() {
    List<Outcome.Answered> first = run(settings(), 100);
    List<Outcome.Answered> second = run(settings(), 100);
    assertThat(remembered(second)).isEqualTo(4);
    for (int i = 0; i < first.size(); i++) {
      for (int label = 0; label < model.tags().size(); label++) {
        float was = first.get(i).probabilities().of(label);
        boolean kept =
            was >= AnswerStore.FLOOR
                || model.tags().labels().get(label).category() == TagCategory.RATING;
        assertThat(second.get(i).probabilities().of(label)).isEqualTo(kept ? was : 0);
      }
      assertThat(second.get(i).width()).isEqualTo(first.get(i).width());
    }
  }

  @Test
  void cutsATornRecordOff() throws IOException {
    run(settings(), 100);
    long whole = Files.size(file());
    byte[] bytes = Files.readAllBytes(file());
    Files.write(file(), java.util.Arrays.copyOf(bytes, bytes.length - 5));
    assertThat(remembered(run(settings(), 100))).isEqualTo(3);
    assertThat(Files.size(file())).isEqualTo(whole);
    Files.write(file(), new byte[] {9, 9, 9, 9, 9, 9, 9, 9, 9}, StandardOpenOption.APPEND);
    assertThat(remembered(run(settings(), 100))).isEqualTo(4);
    assertThat(Files.size(file())).isEqualTo(whole);
    Files.writeString(file(), "something else");
    assertThat(remembered(run(settings(), 100))).isZero();
    assertThat(remembered(run(settings(), 100))).isEqualTo(4);
  }

  @Test
  void servesNoThresholdBelowWhatItKeeps() {
    run(settings(), 100);
    assertThat(remembered(run(settings("--general_threshold=0.001"), 100))).isZero();
  }

  @Test
  void keepsProfilesApart() {
    run(settings(), 100);
    assertThat(remembered(run(settings("--profile=taggui"), 100))).isZero();
    assertThat(remembered(run(settings("--profile=taggui"), 100))).isEqualTo(4);
  }
}
