package dev.anima.train.optim;

import dev.anima.config.NearestName;
import dev.anima.io.InputException;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/// What `--optimizer_type` can be: usual names, and the Python classes that the reference would
/// import by a dotted name.
enum OptimizerNames {
  ADAMW("AdamW", "torch.optim.adamw.AdamW", "torch.optim.AdamW"),
  ADAMW_8BIT("AdamW8bit", "bitsandbytes.optim.adamw.AdamW8bit", "bitsandbytes.optim.AdamW8bit"),
  PAGED_ADAMW_8BIT(
      "PagedAdamW8bit",
      "bitsandbytes.optim.adamw.PagedAdamW8bit",
      "bitsandbytes.optim.PagedAdamW8bit"),
  PAGED_ADAMW("PagedAdamW", "bitsandbytes.optim.adamw.PagedAdamW", "bitsandbytes.optim.PagedAdamW"),
  PAGED_ADAMW_32BIT(
      "PagedAdamW32bit",
      "bitsandbytes.optim.adamw.PagedAdamW32bit",
      "bitsandbytes.optim.PagedAdamW32bit"),
  LION("Lion", "lion_pytorch.lion_pytorch.Lion", "lion_pytorch.Lion"),
  LION_8BIT("Lion8bit", "bitsandbytes.optim.lion.Lion8bit", "bitsandbytes.optim.Lion8bit"),
  PAGED_LION_8BIT(
      "PagedLion8bit", "bitsandbytes.optim.lion.PagedLion8bit", "bitsandbytes.optim.PagedLion8bit"),
  SGD_NESTEROV("SGDNesterov", "torch.optim.sgd.SGD"),
  SGD_NESTEROV_8BIT(
      "SGDNesterov8bit", "bitsandbytes.optim.sgd.SGD8bit", "bitsandbytes.optim.SGD8bit"),
  ADAFACTOR("Adafactor", "transformers.optimization.Adafactor", "transformers.Adafactor"),
  PRODIGY("Prodigy", "prodigyopt.prodigy.Prodigy", "prodigyopt.Prodigy"),
  PRODIGY_PLUS(
      "ProdigyPlusScheduleFree",
      "prodigyplus.prodigy_plus_schedulefree.ProdigyPlusScheduleFree",
      "prodigyplus.ProdigyPlusScheduleFree"),
  DADAPT_ADAM_PREPRINT(
      "DAdaptAdamPreprint",
      "dadaptation.experimental.dadapt_adam_preprint.DAdaptAdamPreprint",
      "DAdaptation",
      "dadaptation.experimental.DAdaptAdamPreprint"),
  DADAPT_ADAM("DAdaptAdam", "dadaptation.dadapt_adam.DAdaptAdam", "dadaptation.DAdaptAdam"),
  DADAPT_ADAGRAD(
      "DAdaptAdaGrad", "dadaptation.dadapt_adagrad.DAdaptAdaGrad", "dadaptation.DAdaptAdaGrad"),
  DADAPT_ADAN("DAdaptAdan", "dadaptation.dadapt_adan.DAdaptAdan", "dadaptation.DAdaptAdan"),
  DADAPT_ADAN_IP(
      "DAdaptAdanIP",
      "dadaptation.experimental.dadapt_adan_ip.DAdaptAdanIP",
      "dadaptation.experimental.DAdaptAdanIP"),
  DADAPT_LION("DAdaptLion", "dadaptation.dadapt_lion.DAdaptLion", "dadaptation.DAdaptLion"),
  DADAPT_SGD("DAdaptSGD", "dadaptation.dadapt_sgd.DAdaptSGD", "dadaptation.DAdaptSGD"),
  ADAMW_SCHEDULE_FREE(
      "AdamWScheduleFree",
      "schedulefree.adamw_schedulefree.AdamWScheduleFree",
      "schedulefree.AdamWScheduleFree"),
  RADAM_SCHEDULE_FREE(
      "RAdamScheduleFree",
      "schedulefree.radam_schedulefree.RAdamScheduleFree",
      "schedulefree.RAdamScheduleFree"),
  SGD_SCHEDULE_FREE(
      "SGDScheduleFree",
      "schedulefree.sgd_schedulefree.SGDScheduleFree",
      "schedulefree.SGDScheduleFree"),
  CAME("CAME", "came_pytorch.CAME.CAME", "came_pytorch.CAME"),
  MUON("Muon", "torch.optim.Muon", "torch.optim._muon.Muon"),
  ADAM("Adam", "torch.optim.adam.Adam", "torch.optim.Adam"),
  SGD("SGD", "torch.optim.SGD");

  private final String usual;
  private final String pythonClass;

  @SuppressWarnings("ImmutableEnumChecker") // made by List.of
  private final List<String> others;

  OptimizerNames(String usual, String pythonClass, String... others) {
    this.usual = usual;
    this.pythonClass = pythonClass;
    this.others = List.of(others);
  }

  /// The usual spelling, such as `AdamW8bit`.
  String usual() {
    return usual;
  }

  /// The class's full name in metadata.
  String pythonClass() {
    return this == SGD ? SGD_NESTEROV.pythonClass : pythonClass; // one class with two names
  }

  /// @param type `--optimizer_type`, in any case; empty means AdamW
  /// @throws InputException for anything unknown; the message lists what there is
  static OptimizerNames of(String type) {
    String given = type.strip();
    if (given.isEmpty()) {
      return ADAMW;
    }
    for (OptimizerNames one : values()) {
      if (one.isCalled(given)) {
        return one;
      }
    }
    throw new InputException(
        "--optimizer_type=%s is not an optimizer here%s%s; there are %s"
            .formatted(
                type,
                hint(given),
                given.contains(".") ? " (classes of Python packages cannot be loaded)" : "",
                String.join(", ", usualNames())));
  }

  private boolean isCalled(String name) {
    return usual.equalsIgnoreCase(name)
        || pythonClass.equalsIgnoreCase(name)
        || others.stream().anyMatch(name::equalsIgnoreCase);
  }

  private static String hint(String given) {
    List<String> known = new ArrayList<>(usualNames());
    if (!given.contains(".")) {
      return NearestName.hint(given, known);
    }
    for (OptimizerNames one : values()) {
      known.addAll(one.others);
    }
    // The class alone may well be one of ours, in another package.
    String last = given.substring(given.lastIndexOf('.') + 1);
    String hint = NearestName.hint(last, usualNames());
    return hint.isEmpty() ? NearestName.hint(given.toLowerCase(Locale.ROOT), known) : hint;
  }

  static List<String> usualNames() {
    List<String> names = new ArrayList<>();
    for (OptimizerNames one : values()) {
      names.add(one.usual);
    }
    return names;
  }
}
