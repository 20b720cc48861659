package dev.anima.cli.check;

import dev.anima.cli.check.Preview.Warning;
import dev.anima.config.NetworkConfig;
import dev.anima.config.OutputConfig.SavedType;
import dev.anima.config.TrainConfig;
import dev.anima.lora.LoraFile;
import dev.anima.lora.LoraKeys;
import dev.anima.lora.LoraModule;
import dev.anima.lora.LoraParameter;
import dev.anima.lora.LoraPlan;
import dev.anima.lora.Network;
import dev.anima.lora.NetworkWeights;
import dev.anima.train.TrainedModel;
import java.nio.file.Path;
import java.util.List;

/// The LoRA a run will train: its modules by network, its size, its learning rates.
///
/// @param warnings what the network arguments and the starting weights give reason for
record LoraPreview(
    Preview.Lora lora, List<Preview.Group> groups, long parameters, List<Warning> warnings) {
  /// Of a tensor's entry in a file's header, beside its name.
  private static final int HEADER_BYTES_PER_TENSOR = 90;

  /// About what the training settings take in a file's metadata.
  private static final int METADATA_BYTES = 6000;

  /// @throws dev.anima.io.InputException if nothing is left to train, or the starting weights do
  ///   not fit
  static LoraPreview of(TrainConfig config) {
    TrainedModel trained = TrainedModel.of(config);
    NetworkConfig network = config.network();
    if (!network.dimFromWeights()) {
      network.weights().ifPresent(file -> checkFits(file, trained));
    }
    List<Preview.Group> groups =
        trained.groups().stream()
            .map(group ->
                new Preview.Group(
                    group.description(),
                    group.learningRate(),
                    group.parameters().stream().mapToLong(LoraParameter::elements).sum()))
            .toList();
    return new LoraPreview(
        lora(trained.plan(), network, config),
        groups,
        trained.plan().trained().stream().mapToLong(LoraModule::elements).sum(),
        trained.warnings().stream().map(text -> new Warning("network-args", text)).toList());
  }

  private static void checkFits(Path file, TrainedModel trained) {
    try (LoraFile weights = LoraFile.open(file, LoraKeys.of(trained.layers()))) {
      NetworkWeights.check(trained.plan(), weights);
    }
  }

  private static Preview.Lora lora(LoraPlan plan, NetworkConfig network, TrainConfig config) {
    int rank = plan.trained().getFirst().rank();
    double alpha = plan.trained().getFirst().alpha();
    List<LoraModule> dit = of(plan, Network.DIT);
    List<LoraModule> text = of(plan, Network.TEXT_ENCODER);
    return new Preview.Lora(
        kind(plan.trained()),
        network.dimFromWeights() ? rank : network.rank(),
        network.dimFromWeights() ? alpha : network.alphaValue(),
        network.dimFromWeights() ? alpha / rank : network.scale(),
        dit.size(),
        dit.stream().mapToLong(LoraModule::elements).sum(),
        text.size(),
        text.stream().mapToLong(LoraModule::elements).sum(),
        fileBytes(plan.trained(), config));
  }

  private static String kind(List<LoraModule> modules) {
    LoraModule first = modules.getFirst();
    String label = first.form().kind().label();
    return first.decomposed() ? "DoRA of " + label : label;
  }

  private static List<LoraModule> of(LoraPlan plan, Network network) {
    return plan.trained().stream().filter(module -> module.network() == network).toList();
  }

  private static long fileBytes(List<LoraModule> modules, TrainConfig config) {
    boolean half =
        config.output().precision().filter(type -> type != SavedType.FLOAT).isPresent()
            || (config.output().precision().isEmpty()
                && (config.precision().fullBf16() || config.precision().fullFp16()));
    long bytes = METADATA_BYTES;
    for (LoraModule module : modules) {
      int tensors = module.parameters().size() + 1; // and alpha
      bytes += (module.elements() + 1) * (half ? 2 : 4);
      bytes += (long) tensors * (module.name().length() + HEADER_BYTES_PER_TENSOR);
    }
    return bytes;
  }
}
