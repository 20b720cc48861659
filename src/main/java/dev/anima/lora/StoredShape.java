package dev.anima.lora;

import dev.anima.config.NetworkKind;
import dev.anima.io.InputException;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;

/// Whether a module of a file is of the shape that a run wants, in the user's words.
final class StoredShape {
  private StoredShape() {}

  /// For `--network_weights`: widths, kind, factors and rank.
  static void check(LoraModule module, LoraFile.Module stored, LoraFile file) {
    checkWidths(module, stored, file);
    checkKind(module, stored, file);
    checkLengths(stored, file);
    if (module.form().isScaled() && stored.rank() != module.rank()) {
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

  static void checkWidths(LoraModule module, LoraFile.Module stored, LoraFile file) {
    LinearModule layer = module.linear();
    if (stored.in() != layer.in() || stored.out() != layer.out()) {
      throw InputException.inFile(
          file.path(),
          "%s is for a layer from %d to %d, but this model's goes from %d to %d (a LoRA for another model?)"
              .formatted(module.name(), stored.in(), stored.out(), layer.in(), layer.out()));
    }
  }

  private static void checkKind(LoraModule module, LoraFile.Module stored, LoraFile file) {
    NetworkKind theirs = stored.form().kind();
    NetworkKind ours = module.form().kind();
    if (theirs != ours) {
      throw InputException.inFile(
          file.path(),
          "%s is a %s, expected a %s\n  -> pass --network_module %s, or drop --network_weights"
              .formatted(module.name(), theirs.label(), ours.label(), theirs.module()));
    }
    if (!stored.form().equals(module.form())) {
      throw InputException.inFile(
          file.path(),
          "%s is a %s, expected a %s\n  -> pass --dim_from_weights, or the --network_dim and factor it was trained with"
              .formatted(module.name(), shape(stored.form()), shape(module.form())));
    }
    if (stored.lengths() == LoraFile.Lengths.COLUMNS && !module.decomposed()) {
      throw InputException.inFile(
          file.path(),
          "%s is a DoRA\n  -> pass --network_args dora_wd=True, or drop --network_weights"
              .formatted(module.name()));
    }
  }

  /// Only column lengths can be trained on.
  static void checkLengths(LoraFile.Module stored, LoraFile file) {
    if (stored.lengths() == LoraFile.Lengths.ROWS) {
      throw InputException.inFile(
          file.path(),
          "%s has a length for each output; only a DoRA with a length for each input can be trained on\n  -> drop --network_weights (as one of --base_weights it can be used)"
              .formatted(stored.keys().get(LoraPart.MAGNITUDE)));
    }
  }

  private static String shape(LoraForm form) {
    return switch (form) {
      case LoraForm.Kronecker k ->
          "LoKr of %d x %d and %d x %d%s"
              .formatted(k.out1(), k.in1(), k.out2(), k.in2(), k.whole() ? "" : " (low rank)");
      case LoraForm.LowRank _, LoraForm.Hadamard _ -> form.kind().label();
    };
  }

  /// For messages: equal where two modules are alike.
  static String describe(LoraFile.Module stored) {
    return describe(
        stored.form(), stored.lengths() == LoraFile.Lengths.COLUMNS, stored.rank(), stored.alpha());
  }

  static String describe(LoraAdapter adapter) {
    LoraModule module = adapter.module();
    return describe(module.form(), module.decomposed(), module.rank(), adapter.alpha());
  }

  private static String describe(LoraForm form, boolean decomposed, int rank, double alpha) {
    String what = (decomposed ? "a decomposed " : "a ") + shape(form);
    return form.isScaled() ? what + " of rank %d and alpha %s".formatted(rank, alpha) : what;
  }
}
