package dev.anima.cli.captions;

import dev.anima.captions.CaptionFolder;
import dev.anima.captions.CaptionSet;
import dev.anima.cli.Console;
import dev.anima.cli.ExitCode;
import dev.anima.config.NearestName;
import dev.anima.io.InputException;
import dev.anima.lint.Balance;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/// `anima captions balance DATA`: repeats that give every folder about the same weight.
@Command(
    name = "balance",
    description = "Finds num_repeats that give every folder the same weight.")
final class BalanceVerb implements Callable<Integer> {
  @Mixin Selection selection = new Selection();

  @Option(names = "--write", description = "write them into the dataset file")
  boolean write;

  @Option(names = "--finer", description = "more repeats where that balances better")
  boolean finer;

  @Option(
      names = "--weight",
      paramLabel = "NAME=W",
      description = "a folder that is to count more (above 1) or less")
  Map<String, Double> weights = new LinkedHashMap<>();

  @Option(names = "--epochs", paramLabel = "N", description = "tell the steps of N epochs")
  int epochs;

  @Option(names = "--json", description = "print the result as JSON")
  boolean json;

  private final Console console;
  private final Surroundings surroundings;

  BalanceVerb(Console console, Surroundings surroundings) {
    this.console = console;
    this.surroundings = surroundings;
  }

  @Override
  public Integer call() {
    Workplace workplace = Workplace.of(selection, surroundings);
    CaptionSet set = workplace.read();
    Map<CaptionFolder, Integer> images = new LinkedHashMap<>();
    set.images().forEach(image -> images.merge(image.folder(), 1, Integer::sum));
    List<CaptionFolder> counted =
        workplace.source().folders().stream()
            .filter(folder -> images.containsKey(folder) && !folder.spec().isReg())
            .toList();
    List<Balance.Folder> folders =
        counted.stream().map(folder -> folder(folder, images.getOrDefault(folder, 0))).toList();
    if (folders.isEmpty()) {
      throw new InputException(selection.data + ": there are no images to balance");
    }
    checkWeights(folders);
    Optional<Balance> better = Balance.finer(folders);
    Balance balance = finer ? better.orElse(Balance.of(folders, 1)) : Balance.of(folders, 1);
    if (json) {
      json(folders, balance);
    } else {
      text(folders, balance, counted.getFirst().dataset().batchSize());
      if (!finer) {
        better.ifPresent(b ->
            console.print(
                "finer with --finer: %s; an epoch is about %d times as long, so use 1/%d of the epochs"
                    .formatted(repeats(b), b.m(), b.m())));
      }
    }
    if (write) {
      write(workplace, counted, balance);
    }
    return ExitCode.OK;
  }

  private Balance.Folder folder(CaptionFolder folder, int images) {
    double weight = weights.getOrDefault(folder.name(), 1.0);
    if (!(weight > 0)) {
      throw new InputException("--weight: %s must be above 0".formatted(folder.name()));
    }
    return new Balance.Folder(
        folder.name(), images, Math.max(1, folder.spec().numRepeats()), weight);
  }

  private void checkWeights(List<Balance.Folder> folders) {
    List<String> names = folders.stream().map(Balance.Folder::name).toList();
    for (String name : weights.keySet()) {
      if (!names.contains(name)) {
        throw new InputException(
            "--weight: there is no folder \"%s\"%s".formatted(name, NearestName.hint(name, names)));
      }
    }
  }

  private static String repeats(Balance balance) {
    return String.join(
        ",", balance.rows().stream().map(row -> Integer.toString(row.repeats())).toList());
  }

  private void text(List<Balance.Folder> folders, Balance balance, int batchSize) {
    console.print(
        "%6s %6s %6s %9s %7s  %s".formatted("images", "now", "new", "in epoch", "share", "folder"));
    for (Balance.Row row : balance.rows()) {
      console.print(
          "%6d %6d %6d %9d %5.1f %%  %s%s"
              .formatted(
                  row.folder().images(),
                  row.folder().repeats(),
                  row.repeats(),
                  row.effective(),
                  100.0 * row.effective() / balance.sum(),
                  row.folder().name(),
                  row.repeats() > Balance.MANY_REPEATS
                      ? "  (more than 10 repeats wear few images out: find more images)"
                      : ""));
    }
    console.print(
        "spread %.3f now, %.3f then; %d images in an epoch"
            .formatted(Balance.presentSpread(folders), balance.spread(), balance.sum()));
    if (epochs > 0) {
      console.print(
          "%d epochs: about %d steps at batch size %d"
              .formatted(
                  epochs, Math.ceilDiv(balance.sum(), (long) batchSize) * epochs, batchSize));
    }
  }

  private void json(List<Balance.Folder> folders, Balance balance) {
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("m", balance.m());
    json.put("spread_now", Balance.presentSpread(folders));
    json.put("spread", balance.spread());
    json.put("images_in_epoch", balance.sum());
    List<Map<String, Object>> rows = new ArrayList<>();
    for (Balance.Row row : balance.rows()) {
      Map<String, Object> line = new LinkedHashMap<>();
      line.put("folder", row.folder().name());
      line.put("images", row.folder().images());
      line.put("repeats_now", row.folder().repeats());
      line.put("repeats", row.repeats());
      line.put("in_epoch", row.effective());
      rows.add(line);
    }
    json.put("folders", rows);
    console.print(EditReport.MAPPER.writeValueAsString(json));
  }

  private void write(Workplace workplace, List<CaptionFolder> counted, Balance balance) {
    Path file =
        workplace
            .source()
            .file()
            .orElseThrow(
                () -> new InputException("--write needs a dataset file (.toml), not a folder"));
    boolean changed =
        RepeatsWriter.write(
            file,
            workplace.source().folders(),
            folder -> {
              int at = counted.indexOf(folder);
              return at < 0 ? folder.spec().numRepeats() : balance.rows().get(at).repeats();
            },
            false);
    console.report(
        changed ? "wrote num_repeats into " + file : file + " has these num_repeats already");
  }
}
