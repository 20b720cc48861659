package dev.anima.cli;

/// How far a long piece of work has come: a bar on a terminal, plain lines elsewhere. Closing it
/// ends the bar.
public interface Progress extends AutoCloseable {
  /// @param done units finished, up to the total given at the start
  /// @param detail what else is worth a look now, such as `loss 0.113`; may be empty
  void at(long done, String detail);

  @Override
  void close();
}
