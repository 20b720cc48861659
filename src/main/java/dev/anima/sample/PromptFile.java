package dev.anima.sample;

import dev.anima.io.InputException;
import java.io.IOException;
import java.nio.charset.MalformedInputException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/// The prompts of a file for `--sample_prompts`, in the formats of the reference.
///
/// - `.txt`: a prompt a line, with options behind it (`--w --h --d --s --l --n --fs`); blank lines
///   and lines that begin with `#` are skipped.
/// - `.toml`: a table `prompt` with common keys and an array `[[prompt.subset]]`, one for each
///   picture, whose keys come first.
/// - `.json`: an array of objects, or of texts read as the lines of a `.txt`.
///
/// @param prompts at least one, in file order
/// @param warnings sentences for the user, with file and line: what is ignored and why
public record PromptFile(List<SamplePrompt> prompts, List<String> warnings) {
  public PromptFile {
    prompts = List.copyOf(prompts);
    warnings = List.copyOf(warnings);
  }

  /// @throws InputException with file and line if it cannot be read, or holds no prompt
  public static PromptFile read(Path file) {
    Path name = file.getFileName();
    String ending = name == null ? "" : name.toString();
    PromptFindings findings = new PromptFindings(file.toString());
    List<PromptFields> entries;
    if (ending.endsWith(".txt")) {
      entries = lines(text(file), findings);
    } else if (ending.endsWith(".toml")) {
      entries = PromptTables.toml(text(file), findings);
    } else if (ending.endsWith(".json")) {
      entries = PromptTables.json(text(file), findings);
    } else {
      throw InputException.inFile(file, "prompt files end in .txt, .toml or .json");
    }
    List<SamplePrompt> prompts = new ArrayList<>();
    for (PromptFields entry : entries) {
      prompts.add(entry.prompt(prompts.size()));
    }
    if (!findings.problems().isEmpty()) {
      throw new InputException(String.join("\n", findings.problems()));
    }
    if (prompts.isEmpty()) {
      throw InputException.inFile(file, "holds no prompt");
    }
    return new PromptFile(prompts, findings.warnings());
  }

  private static String text(Path file) {
    try {
      String text = Files.readString(file);
      return text.startsWith("\uFEFF") ? text.substring(1) : text;
    } catch (MalformedInputException _) {
      throw InputException.inFile(file, "is not UTF-8 text\n  -> save it as UTF-8");
    } catch (IOException e) {
      throw new InputException(file + ": cannot be read (" + e.getMessage() + ")", e);
    }
  }

  private static List<PromptFields> lines(String text, PromptFindings findings) {
    List<PromptFields> entries = new ArrayList<>();
    List<String> lines = text.lines().toList();
    for (int i = 0; i < lines.size(); i++) {
      String line = lines.get(i);
      if (!line.isBlank() && !line.startsWith("#")) {
        entries.add(new PromptFields(findings).line(line.strip(), i + 1));
      }
    }
    return entries;
  }
}
