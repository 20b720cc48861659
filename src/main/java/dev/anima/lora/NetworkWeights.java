package dev.anima.lora;

import dev.anima.engine.Device;
import dev.anima.engine.NoGrad;
import dev.anima.engine.Scope;
import dev.anima.io.InputException;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;

/// `--network_weights`: a run that starts from a LoRA file.
public final class NetworkWeights {
  private NetworkWeights() {}

  /// What to do when the file's alpha is not the run's.
  public enum AlphaRule {
    /// The file's alpha counts: training goes on at the strength the file has.
    CONSISTENT,
    /// As the reference: train with the scale of the flags but save the file's alpha, so that the
    /// strength differs afterwards.
    REFERENCE
  }

  /// @param loaded number of modules filled from the file
  /// @param missing names of the run's modules that the file lacks: they keep their first weights
  /// @param unused names of the file's modules and tensors that the run has no place for
  /// @param warnings sentences for the user
  public record Report(
      int loaded, List<String> missing, List<String> unused, List<String> warnings) {}

  /// Fills the modules of `set` from `file`. Nothing is changed when this fails.
  ///
  /// @throws InputException if nothing matches, or a rank or width differs
  public static Report load(LoraSet set, LoraFile file, AlphaRule rule) {
    List<LoraAdapter> matched = new ArrayList<>();
    List<String> missing = new ArrayList<>();
    for (LoraAdapter adapter : set.modules()) {
      LoraFile.Module stored = file.module(adapter.module().network(), adapter.module().path());
      if (stored == null) {
        missing.add(adapter.module().name());
      } else {
        checkShape(adapter.module(), stored, file);
        matched.add(adapter);
      }
    }
    if (matched.isEmpty()) {
      throw nothingMatches(set, file);
    }
    List<String> unused = unused(set, file);
    List<String> warnings = new ArrayList<>();
    describe(warnings, file, missing, unused);
    describeAlpha(warnings, matched, file, rule);
    matched.forEach(adapter -> fill(adapter, file, rule));
    return new Report(matched.size(), missing, unused, List.copyOf(warnings));
  }

  /// The weights of a saved state, which must be those of exactly the run's modules.
  ///
  /// @throws InputException if a module is missing or too many, or has another rank, width or alpha
  public static void resume(LoraSet set, LoraFile file) {
    for (LoraAdapter adapter : set.modules()) {
      LoraFile.Module stored = file.module(adapter.module().network(), adapter.module().path());
      if (stored == null) {
        throw otherNetwork(file, "it lacks " + adapter.module().name());
      }
      if (stored.rank() != adapter.module().rank() || stored.alpha() != adapter.alpha()) {
        throw otherNetwork(
            file,
            "%s has rank %d and alpha %s in it, %d and %s in this run"
                .formatted(
                    adapter.module().name(),
                    stored.rank(),
                    stored.alpha(),
                    adapter.module().rank(),
                    adapter.alpha()));
      }
      checkShape(adapter.module(), stored, file);
    }
    List<String> unused = unused(set, file);
    if (!unused.isEmpty()) {
      throw otherNetwork(file, "it also trains " + some(unused));
    }
    set.modules().forEach(adapter -> copy(adapter, file));
  }

  private static InputException otherNetwork(LoraFile file, String what) {
    return InputException.inFile(
        file.path(),
        "this saved state belongs to another network: %s\n  -> give the network flags it was saved with"
            .formatted(what));
  }

  /// `--dim_from_weights`: the modules of the file, with its ranks and alphas, in creation order.
  /// Patterns, own ranks and dropouts of `--network_args` do not apply.
  ///
  /// @throws InputException if no module of the file is for these models, or a width differs
  public static LoraPlan plan(LoraFile file, LoraPlan.Layers layers, Set<Network> networks) {
    LoraPlan plan = new LoraPlan(modules(file, layers), networks);
    if (plan.trained().isEmpty()) {
      throw noModules(file);
    }
    return plan;
  }

  /// @throws InputException if no module of the file is for these models, or a width differs
  static void checkFits(LoraFile file, LoraPlan.Layers layers) {
    if (modules(file, layers).isEmpty()) {
      throw noModules(file);
    }
  }

  private static List<LoraModule> modules(LoraFile file, LoraPlan.Layers layers) {
    List<LoraModule> modules = new ArrayList<>();
    for (Network network : Network.values()) {
      for (LinearModule layer : layers.of(network)) {
        LoraFile.Module stored = file.module(network, layer.path());
        if (stored != null) {
          LoraModule module = new LoraModule(network, layer, stored.rank(), stored.alpha());
          checkShape(module, stored, file);
          modules.add(module);
        }
      }
    }
    return modules;
  }

  private static InputException noModules(LoraFile file) {
    return InputException.inFile(
        file.path(), "holds no LoRA module for the networks wanted here" + sample(file));
  }

  private static void checkShape(LoraModule module, LoraFile.Module stored, LoraFile file) {
    LinearModule layer = module.linear();
    if (stored.in() != layer.in() || stored.out() != layer.out()) {
      throw InputException.inFile(
          file.path(),
          "%s is for a layer from %d to %d, but this model's goes from %d to %d (a LoRA for another model?)"
              .formatted(module.name(), stored.in(), stored.out(), layer.in(), layer.out()));
    }
    if (stored.rank() != module.rank()) {
      Set<Integer> ranks =
          file.modules().stream()
              .map(LoraFile.Module::rank)
              .collect(Collectors.toCollection(TreeSet::new));
      String remedy =
          ranks.size() == 1
              ? "pass --network_dim %d or --dim_from_weights".formatted(stored.rank())
              : "pass --dim_from_weights (its modules have different ranks)";
      throw InputException.inFile(
          file.path(),
          "%s has rank %d, expected %d\n  -> %s, or drop --network_weights"
              .formatted(module.name(), stored.rank(), module.rank(), remedy));
    }
  }

  private static void fill(LoraAdapter adapter, LoraFile file, AlphaRule rule) {
    LoraFile.Module stored = copy(adapter, file);
    adapter.replaceAlpha(stored.alpha(), rule == AlphaRule.CONSISTENT);
  }

  private static LoraFile.Module copy(LoraAdapter adapter, LoraFile file) {
    LoraFile.Module stored = file.module(adapter.module().network(), adapter.module().path());
    if (stored == null) {
      throw new IllegalStateException(adapter.module().name() + " was matched before");
    }
    try (Scope _ = new Scope();
        NoGrad _ = new NoGrad()) {
      adapter.down().copy_(file.down(stored, Device.CPU));
      adapter.up().copy_(file.up(stored, Device.CPU));
    }
    return stored;
  }

  private static List<String> unused(LoraSet set, LoraFile file) {
    List<String> unused = new ArrayList<>();
    for (LoraFile.Module stored : file.modules()) {
      if (set.module(stored.network(), stored.path()) == null) {
        unused.add(stored.network().loraName(stored.path()));
      }
    }
    unused.addAll(file.unknownKeys());
    return unused;
  }

  private static void describe(
      List<String> warnings, LoraFile file, List<String> missing, List<String> unused) {
    if (!missing.isEmpty()) {
      warnings.add(
          "%s lacks %d modules of this run (%s); they start from fresh weights%s"
              .formatted(
                  file.path(),
                  missing.size(),
                  some(missing),
                  allStartWith(missing, "lora_te_")
                      ? "; pass --network_train_unet_only to train the DiT alone, as that file did"
                      : ""));
    }
    if (!unused.isEmpty()) {
      warnings.add(
          "%s holds %d modules that this run does not train (%s); they are lost in the new file%s"
              .formatted(
                  file.path(),
                  unused.size(),
                  some(unused),
                  allStartWith(unused, "lora_te_")
                      ? "; drop --network_train_unet_only to keep training the text encoder"
                      : ""));
    }
  }

  private static void describeAlpha(
      List<String> warnings, List<LoraAdapter> matched, LoraFile file, AlphaRule rule) {
    for (LoraAdapter adapter : matched) {
      LoraModule module = adapter.module();
      LoraFile.Module stored = file.module(module.network(), module.path());
      if (stored != null && stored.alpha() != adapter.alpha()) {
        warnings.add(
            switch (rule) {
              case CONSISTENT ->
                  "%s was trained with alpha %s, not %s: its alpha is kept, so that its strength stays (scale %s)"
                      .formatted(file.path(), stored.alpha(), adapter.alpha(), stored.scale());
              case REFERENCE ->
                  "%s was trained with alpha %s, not %s: as the reference, training uses scale %s but the new file says alpha %s"
                      .formatted(
                          file.path(),
                          stored.alpha(),
                          adapter.alpha(),
                          adapter.scale(),
                          stored.alpha());
            });
        return; // one sentence is enough: nearly always all modules differ alike
      }
    }
  }

  private static InputException nothingMatches(LoraSet set, LoraFile file) {
    String expected =
        set.modules().isEmpty() ? "" : ", such as " + set.modules().getFirst().module().name();
    return InputException.inFile(
        file.path(), "holds no weights for any module of this run" + expected + sample(file));
  }

  private static String sample(LoraFile file) {
    List<String> names =
        file.modules().isEmpty()
            ? file.unknownKeys()
            : file.modules().stream().map(LoraFile.Module::downKey).toList();
    return names.isEmpty() ? "; it is empty" : "; it holds " + some(names);
  }

  private static String some(List<String> names) {
    return names.getFirst() + (names.size() > 1 ? ", ..." : "");
  }

  private static boolean allStartWith(List<String> names, String prefix) {
    return names.stream().allMatch(name -> name.startsWith(prefix));
  }
}
