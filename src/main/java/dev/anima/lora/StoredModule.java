package dev.anima.lora;

import dev.anima.io.InputException;
import dev.anima.lora.LoraForm.Matrix;
import java.nio.file.Path;
import java.util.Collection;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.ToDoubleFunction;
import org.jspecify.annotations.Nullable;

/// Finds out from the tensors of one layer in a file what kind of module they are.
///
/// @param file for messages
/// @param path of the layer
/// @param names tensor by part
/// @param shapes of these tensors
record StoredModule(
    Path file,
    Network network,
    String path,
    Map<LoraPart, String> names,
    Map<LoraPart, List<Long>> shapes) {
  private static final Set<LoraPart> LORA = EnumSet.of(LoraPart.DOWN, LoraPart.UP);
  private static final Set<LoraPart> LOHA = EnumSet.range(LoraPart.HADA_W1_A, LoraPart.HADA_W2_B);
  private static final Set<LoraPart> LOKR = EnumSet.range(LoraPart.LOKR_W1, LoraPart.LOKR_W2_B);

  /// @param alphaOf reads the number of a scalar tensor
  /// @throws InputException if parts are missing or do not fit together
  LoraFile.Module read(ToDoubleFunction<String> alphaOf) {
    names.keySet().forEach(this::checkMatrix);
    if (has(LOHA)) {
      return loha(alphaOf);
    }
    return has(LOKR) ? lokr(alphaOf) : lora(alphaOf);
  }

  private boolean has(Collection<LoraPart> parts) {
    return parts.stream().anyMatch(names::containsKey);
  }

  private void checkMatrix(LoraPart part) {
    List<Long> shape = shape(part);
    if (part != LoraPart.ALPHA && (shape.size() != 2 || shape.contains(0L))) {
      throw wrong("tensor %s has shape %s, expected a matrix".formatted(names.get(part), shape));
    }
  }

  private LoraFile.Module lora(ToDoubleFunction<String> alphaOf) {
    require(LORA, "a pair of down (A) and up (B) matrices");
    long rank = rows(LoraPart.DOWN);
    checkEqual(rank, columns(LoraPart.UP), LoraPart.DOWN, LoraPart.UP);
    return module(
        new LoraForm.LowRank(),
        rank,
        columns(LoraPart.DOWN),
        rows(LoraPart.UP),
        alpha(alphaOf, rank));
  }

  private LoraFile.Module loha(ToDoubleFunction<String> alphaOf) {
    require(LOHA, "the four matrices of a LoHa");
    long rank = rows(LoraPart.HADA_W1_B);
    long in = columns(LoraPart.HADA_W1_B);
    long out = rows(LoraPart.HADA_W1_A);
    LoraFile.Module module = module(new LoraForm.Hadamard(), rank, in, out, alpha(alphaOf, rank));
    checkMatrices(module);
    return module;
  }

  private LoraFile.Module lokr(ToDoubleFunction<String> alphaOf) {
    boolean w1Whole = names.containsKey(LoraPart.LOKR_W1);
    boolean w2Whole = names.containsKey(LoraPart.LOKR_W2);
    if (!w1Whole) {
      require(Set.of(LoraPart.LOKR_W1_A, LoraPart.LOKR_W1_B), "both factors of a LoKr");
    }
    if (!w2Whole) {
      require(Set.of(LoraPart.LOKR_W2_A, LoraPart.LOKR_W2_B), "both factors of a LoKr");
    }
    long out1 = rows(w1Whole ? LoraPart.LOKR_W1 : LoraPart.LOKR_W1_A);
    long in1 = columns(w1Whole ? LoraPart.LOKR_W1 : LoraPart.LOKR_W1_B);
    long out2 = rows(w2Whole ? LoraPart.LOKR_W2 : LoraPart.LOKR_W2_A);
    long in2 = columns(w2Whole ? LoraPart.LOKR_W2 : LoraPart.LOKR_W2_B);
    LoraForm.Kronecker form =
        new LoraForm.Kronecker(
            Math.toIntExact(out1),
            Math.toIntExact(in1),
            Math.toIntExact(out2),
            Math.toIntExact(in2),
            w2Whole);
    if (w2Whole) {
      // Both factors whole: nothing is scaled; writers put the rank they were asked for as alpha.
      double asked = Math.rint(alpha(alphaOf, Math.max(out2, in2)));
      double rank = w1Whole && asked >= 1 ? Math.min(asked, Integer.MAX_VALUE) : innerRank();
      return module(form, (long) rank, in1 * in2, out1 * out2, rank);
    }
    long rank = columns(LoraPart.LOKR_W2_A);
    checkEqual(rank, rows(LoraPart.LOKR_W2_B), LoraPart.LOKR_W2_A, LoraPart.LOKR_W2_B);
    return module(form, rank, in1 * in2, out1 * out2, alpha(alphaOf, rank));
  }

  /// Rank of a first factor kept as a product.
  private double innerRank() {
    return names.containsKey(LoraPart.LOKR_W1_B)
        ? rows(LoraPart.LOKR_W1_B)
        : Math.max(rows(LoraPart.LOKR_W2), columns(LoraPart.LOKR_W2));
  }

  private LoraFile.Module module(LoraForm form, long rank, long in, long out, double alpha) {
    List<Long> lengths = shapes.get(LoraPart.MAGNITUDE);
    if (lengths != null && !lengths.equals(List.of(1L, in)) && !lengths.equals(List.of(out, 1L))) {
      throw wrong(
          "tensor %s has shape %s, expected [1, %d]"
              .formatted(names.get(LoraPart.MAGNITUDE), lengths, in));
    }
    return new LoraFile.Module(
        network,
        path,
        form,
        Math.toIntExact(rank),
        Math.toIntExact(in),
        Math.toIntExact(out),
        alpha,
        lengths == null
            ? LoraFile.Lengths.NONE
            : lengths.getFirst() == 1 ? LoraFile.Lengths.COLUMNS : LoraFile.Lengths.ROWS,
        names);
  }

  private void checkMatrices(LoraFile.Module module) {
    LinearModule layer = new LinearModule(path, module.in(), module.out());
    for (Matrix matrix : module.form().matrices(layer, module.rank())) {
      List<Long> expected = List.of(matrix.rows(), matrix.columns());
      if (!shape(matrix.part()).equals(expected)) {
        throw wrong(
            "tensor %s has shape %s, expected %s beside the other matrices of its layer"
                .formatted(names.get(matrix.part()), shape(matrix.part()), expected));
      }
    }
  }

  private void checkEqual(long a, long b, LoraPart left, LoraPart right) {
    if (a != b) {
      throw wrong(
          "%s %s and %s %s do not fit together: the rank differs"
              .formatted(names.get(left), shape(left), names.get(right), shape(right)));
    }
  }

  private void require(Set<LoraPart> parts, String what) {
    if (!names.keySet().containsAll(parts)) {
      throw wrong(
          "holds only %s for layer %s, expected %s"
              .formatted(String.join(" and ", names.values()), path, what));
    }
  }

  /// No alpha means scale 1, never alpha 1; so does 0.
  private double alpha(ToDoubleFunction<String> alphaOf, long rank) {
    @Nullable String name = names.get(LoraPart.ALPHA);
    double alpha = name == null ? 0 : alphaOf.applyAsDouble(name);
    return alpha == 0 ? rank : alpha;
  }

  private List<Long> shape(LoraPart part) {
    List<Long> shape = shapes.get(part);
    if (shape == null) {
      throw new IllegalStateException(path + " has no " + part.suffix());
    }
    return shape;
  }

  private long rows(LoraPart part) {
    return shape(part).getFirst();
  }

  private long columns(LoraPart part) {
    return shape(part).getLast();
  }

  private InputException wrong(String message) {
    return InputException.inFile(file, message);
  }
}
