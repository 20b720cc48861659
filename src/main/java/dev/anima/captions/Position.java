package dev.anima.captions;

import dev.anima.config.NearestName;
import dev.anima.io.InputException;
import java.util.List;

/// Where tags are added to a caption.
public sealed interface Position {
  /// Index to insert at.
  ///
  /// @param tags without the ones to be added
  int in(List<String> tags, Caption caption);

  record Front() implements Position {
    @Override
    public int in(List<String> tags, Caption caption) {
      return 0;
    }
  }

  record End() implements Position {
    @Override
    public int in(List<String> tags, Caption caption) {
      return tags.size();
    }
  }

  record Centre() implements Position {
    @Override
    public int in(List<String> tags, Caption caption) {
      return tags.size() / 2;
    }
  }

  /// Behind the prefix of the folder, or the tags that training keeps in place.
  record AfterPrefix() implements Position {
    @Override
    public int in(List<String> tags, Caption caption) {
      return Math.min(caption.fixed(), tags.size());
    }
  }

  /// @param index counted from 1; past the end means at the end
  record At(int index) implements Position {
    @Override
    public int in(List<String> tags, Caption caption) {
      return Math.clamp(index - 1L, 0, tags.size());
    }
  }

  /// At the end where the tag is not there.
  record Before(String tag) implements Position {
    @Override
    public int in(List<String> tags, Caption caption) {
      int at = tags.indexOf(tag);
      return at < 0 ? tags.size() : at;
    }
  }

  /// At the end where the tag is not there.
  record After(String tag) implements Position {
    @Override
    public int in(List<String> tags, Caption caption) {
      int at = tags.indexOf(tag);
      return at < 0 ? tags.size() : at + 1;
    }
  }

  /// `front`, `end`, `centre`, `after-prefix`, a number from 1 on, `before:TAG` or `after:TAG`.
  ///
  /// @throws InputException for anything else
  static Position parse(String text) {
    if (text.startsWith("before:")) {
      return new Before(text.substring("before:".length()).strip());
    }
    if (text.startsWith("after:")) {
      return new After(text.substring("after:".length()).strip());
    }
    return switch (text) {
      case "front" -> new Front();
      case "end" -> new End();
      case "centre", "center" -> new Centre();
      case "after-prefix" -> new AfterPrefix();
      default -> {
        if (text.matches("[1-9][0-9]{0,8}")) {
          yield new At(Integer.parseInt(text));
        }
        throw new InputException(
            "--position: expected front, end, centre, after-prefix, a number from 1 on, before:TAG"
                + " or after:TAG, got \""
                + text
                + "\""
                + NearestName.hint(text, List.of("front", "end", "centre", "after-prefix")));
      }
    };
  }
}
