package dev.anima.cli.captions;

import picocli.CommandLine.Option;

/// How an edit is carried out.
public final class EditOptions {
  @Option(names = "--dry-run", description = "show what would change, and change nothing")
  public boolean dryRun;

  @Option(names = "--json", description = "print the result as JSON")
  public boolean json;

  @Option(names = "--all", description = "show every change, not only the first 200")
  boolean all;
}
