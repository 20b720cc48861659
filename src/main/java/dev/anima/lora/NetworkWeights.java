package dev.anima.lora;

import dev.anima.config.NetworkKind;
import dev.anima.engine.Device;
import dev.anima.engine.NoGrad;
import dev.anima.engine.Scope;
import dev.anima.io.InputException;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

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
        StoredShape.check(adapter.module(), stored, file);
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
  /// @throws InputException if a module is missing or too many, or has another kind, rank, width or
  ///   alpha
  public static void resume(LoraSet set, LoraFile file) {
    for (LoraAdapter adapter : set.modules()) {
      LoraFile.Module stored = file.module(adapter.module().network(), adapter.module().path());
      if (stored == null) {
        throw otherNetwork(file, "it lacks " + adapter.module().name());
      }
      StoredShape.checkWidths(adapter.module(), stored, file);
      String theirs = StoredShape.describe(stored);
      String ours = StoredShape.describe(adapter);
      if (!theirs.equals(ours)) {
        throw otherNetwork(
            file,
            "%s is %s in it, %s in this run".formatted(adapter.module().name(), theirs, ours));
      }
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

  /// Whether [#load] would take the file, from its header alone.
  ///
  /// @throws InputException as [#load]
  public static void check(LoraPlan plan, LoraFile file) {
    boolean any = false;
    for (LoraModule module : plan.trained()) {
      LoraFile.Module stored = file.module(module.network(), module.path());
      if (stored != null) {
        StoredShape.check(module, stored, file);
        any = true;
      }
    }
    if (!any) {
      throw noModules(file);
    }
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
    for (LoraFile.Module stored : file.modules()) {
      StoredShape.checkLengths(stored, file);
    }
    return plan;
  }

  /// As above, for a run of one kind.
  ///
  /// @throws InputException if the file holds another kind
  public static LoraPlan plan(
      LoraFile file, LoraPlan.Layers layers, Set<Network> networks, NetworkKind kind) {
    LoraPlan plan = plan(file, layers, networks);
    for (LoraModule module : plan.trained()) {
      NetworkKind theirs = module.form().kind();
      if (theirs != kind) {
        throw InputException.inFile(
            file.path(),
            "%s is a %s, but --network_module %s trains a %s\n  -> pass --network_module %s"
                .formatted(
                    module.name(), theirs.label(), kind.module(), kind.label(), theirs.module()));
      }
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
          LoraModule module =
              new LoraModule(
                  network,
                  layer,
                  stored.rank(),
                  stored.alpha(),
                  stored.form(),
                  stored.lengths() != LoraFile.Lengths.NONE);
          StoredShape.checkWidths(module, stored, file);
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

  private static void fill(LoraAdapter adapter, LoraFile file, AlphaRule rule) {
    LoraFile.Module stored = copy(adapter, file);
    if (adapter.module().form().isScaled()) {
      adapter.replaceAlpha(stored.alpha(), rule == AlphaRule.CONSISTENT);
    }
  }

  private static LoraFile.Module copy(LoraAdapter adapter, LoraFile file) {
    LoraFile.Module stored = file.module(adapter.module().network(), adapter.module().path());
    if (stored == null) {
      throw new IllegalStateException(adapter.module().name() + " was matched before");
    }
    try (Scope _ = new Scope();
        NoGrad _ = new NoGrad()) {
      for (LoraParameter parameter : adapter.module().parameters()) {
        LoraPart part = parameter.part();
        if (part != LoraPart.MAGNITUDE) {
          adapter.weight(part).copy_(file.tensor(stored, part, Device.CPU));
        } else if (stored.lengths() == LoraFile.Lengths.COLUMNS) {
          adapter.weight(part).copy_(file.tensor(stored, part, Device.CPU));
          adapter.markLengthsKnown();
        }
      }
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
      if (stored != null && module.form().isScaled() && stored.alpha() != adapter.alpha()) {
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
            : file.modules().stream()
                .map(module -> module.keys().values().stream().sorted().findFirst().orElseThrow())
                .toList();
    return names.isEmpty() ? "; it is empty" : "; it holds " + some(names);
  }

  private static String some(List<String> names) {
    return names.getFirst() + (names.size() > 1 ? ", ..." : "");
  }

  private static boolean allStartWith(List<String> names, String prefix) {
    return names.stream().allMatch(name -> name.startsWith(prefix));
  }
}
