package dev.anima.config;

import java.util.List;
import org.jspecify.annotations.Nullable;

/// One row of the flag table.
///
/// @param name without the leading dashes
/// @param choices allowed values in order, empty for any
/// @param defaultValue a `String`, `Long`, `Double` or `Boolean`, as the reference's Python literal
///   is typed (`--network_alpha` defaults to the integer 1); null for "not set"
/// @param section heading it is listed under
/// @param status what giving it does to a training of Anima
/// @param help one sentence
/// @param reason why it has no effect, is only recorded or is refused; empty otherwise
public record Flag(
    String name,
    Kind kind,
    List<String> choices,
    @Nullable Object defaultValue,
    String section,
    Origin origin,
    Status status,
    String help,
    String reason) {

  /// What kind of value a flag takes.
  public enum Kind {
    TEXT("text"),
    PATH("path"),
    INT("int"),
    FLOAT("float"),
    /// An integer counts steps, a share or percentage is of all steps.
    INT_OR_RATIO("int-or-ratio"),
    /// Takes no value; off unless given.
    SWITCH("switch"),
    TEXT_LIST("text-list"),
    FLOAT_LIST("float-list");

    private final String word;

    Kind(String word) {
      this.word = word;
    }

    /// As written in the flag table.
    public String word() {
      return word;
    }

    boolean isList() {
      return this == TEXT_LIST || this == FLOAT_LIST;
    }
  }

  /// What giving a flag does to a training of Anima.
  public enum Status {
    HONOURED,
    /// Used for datasets whose configuration says nothing.
    DATASET_FALLBACK,
    /// Written into the file's metadata, nothing else.
    METADATA_ONLY,
    NO_EFFECT,
    /// The run does not start.
    REJECTED
  }

  /// Where a flag comes from. Abbreviations are looked up in this order, so that a newer flag never
  /// makes an old command line ambiguous.
  public enum Origin {
    REFERENCE,
    NEWER_REFERENCE,
    OURS
  }

  public Flag {
    choices = List.copyOf(choices);
  }

  /// `--name`, as the user types it.
  public String dashed() {
    return "--" + name;
  }
}
