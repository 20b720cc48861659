package dev.anima.lora;

import dev.anima.lora.LoraForm.Matrix;
import java.util.ArrayList;
import java.util.List;

/// One module: what is trained beside one linear layer. Only its description; the numbers are in
/// [LoraSet].
///
/// @param rank inner size, at least 1
/// @param alpha the published constant; the change is scaled by `alpha / rank`
/// @param form which matrices stand for the change
/// @param decomposed whether the column lengths of the changed weight train too (DoRA)
public record LoraModule(
    Network network,
    LinearModule linear,
    int rank,
    double alpha,
    LoraForm form,
    boolean decomposed) {

  /// A plain LoRA.
  public LoraModule(Network network, LinearModule linear, int rank, double alpha) {
    this(network, linear, rank, alpha, new LoraForm.LowRank(), false);
  }

  /// Published name, such as `lora_unet_blocks_0_self_attn_q_proj`.
  public String name() {
    return network.loraName(linear.path());
  }

  public String path() {
    return linear.path();
  }

  public double scale() {
    return scale(alpha);
  }

  /// Factor on the change for another alpha.
  double scale(double otherAlpha) {
    return form.isScaled() ? otherAlpha / rank : 1;
  }

  /// What is trained, in the reference's order; DoRA's lengths last.
  public List<LoraParameter> parameters() {
    List<LoraParameter> parameters = new ArrayList<>();
    for (Matrix matrix : form.matrices(linear, rank)) {
      parameters.add(new LoraParameter(this, matrix));
    }
    if (decomposed) {
      parameters.add(new LoraParameter(this, new Matrix(LoraPart.MAGNITUDE, 1, linear.in())));
    }
    return List.copyOf(parameters);
  }

  /// @throws IllegalArgumentException if the module has no such part
  public LoraParameter parameter(LoraPart part) {
    return parameters().stream()
        .filter(parameter -> parameter.part() == part)
        .findFirst()
        .orElseThrow(() -> new IllegalArgumentException(name() + " has no " + part.suffix()));
  }

  /// Trained numbers.
  public long elements() {
    return parameters().stream().mapToLong(LoraParameter::elements).sum();
  }
}
