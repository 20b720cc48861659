package dev.anima.config;

import dev.anima.io.InputException;
import java.util.Arrays;
import java.util.List;

/// What stands for a layer's weight change: `--network_module`.
public enum NetworkKind {
  /// `ΔW = B A`.
  LORA("networks.lora_anima", "LoRA"),
  /// `ΔW = (W₁ₐ W₁ᵦ) ∘ (W₂ₐ W₂ᵦ)`.
  LOHA("networks.loha", "LoHa"),
  /// `ΔW = W₁ ⊗ W₂`.
  LOKR("networks.lokr", "LoKr");

  private final String module;
  private final String label;

  NetworkKind(String module, String label) {
    this.module = module;
    this.label = label;
  }

  /// As `--network_module` names it.
  public String module() {
    return module;
  }

  /// As people call it.
  public String label() {
    return label;
  }

  static NetworkKind of(String module) {
    return Arrays.stream(values())
        .filter(kind -> kind.module.equals(module))
        .findFirst()
        .orElseThrow(() -> unknown(module));
  }

  private static InputException unknown(String module) {
    List<String> modules = Arrays.stream(values()).map(NetworkKind::module).toList();
    String remedy =
        NearestName.of(module, modules)
            .map(near -> "did you mean " + near + "?")
            .orElse("expected " + String.join(", ", modules));
    return new InputException("--network_module=%s is not for Anima; %s".formatted(module, remedy));
  }
}
