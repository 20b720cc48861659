package dev.anima.train.schedule;

import dev.anima.io.InputException;
import dev.anima.train.KeywordArguments;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/// Reads `step_rules='1:10,0.1:20,0.005'`: factor 1 below step 10, 0.1 below step 20, then 0.005.
final class PieceRules {
  private PieceRules() {}

  static LrSchedule parse(KeywordArguments given) {
    String rules =
        given
            .text("step_rules")
            .orElseThrow(() ->
                new InputException(
                    "--lr_scheduler=piecewise_constant needs --lr_scheduler_args \"step_rules='1:10,0.1:20,0.005'\" (factor:step below which it holds, ..., last factor)"));
    String[] parts = rules.split(",", -1);
    List<LrSchedule.PiecewiseConstant.Piece> pieces = new ArrayList<>();
    try {
      for (int i = 0; i < parts.length - 1; i++) {
        String[] pair = parts[i].split(":", -1);
        if (pair.length != 2) {
          throw malformed(given, rules);
        }
        pieces.add(
            new LrSchedule.PiecewiseConstant.Piece(
                Double.parseDouble(pair[0].strip()), Integer.parseInt(pair[1].strip())));
      }
      pieces.sort(Comparator.comparingInt(LrSchedule.PiecewiseConstant.Piece::endStep));
      return new LrSchedule.PiecewiseConstant(
          pieces, Double.parseDouble(parts[parts.length - 1].strip()));
    } catch (NumberFormatException e) {
      InputException malformed = malformed(given, rules);
      malformed.initCause(e);
      throw malformed;
    }
  }

  private static InputException malformed(KeywordArguments given, String rules) {
    return given.wrong(
        "step_rules", rules, "factor:step pairs and a last factor, such as '1:10,0.1:20,0.005'");
  }
}
