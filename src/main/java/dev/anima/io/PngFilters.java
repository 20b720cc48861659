package dev.anima.io;

/// The five row filters of PNG (specification, section 9).
final class PngFilters {
  private PngFilters() {}

  /// Restores a row in place. Byte 0 of a row is its filter type.
  ///
  /// @param previous the restored row above, zeros for the first
  /// @param pixelBytes bytes of a whole pixel, at least 1
  static void undo(byte[] row, byte[] previous, int pixelBytes) throws MalformedImageException {
    switch (row[0]) {
      case 0 -> {}
      case 1 -> undoSub(row, pixelBytes);
      case 2 -> undoUp(row, previous);
      case 3 -> undoAverage(row, previous, pixelBytes);
      case 4 -> undoPaeth(row, previous, pixelBytes);
      default ->
          throw new MalformedImageException("is a damaged PNG (unknown filter " + row[0] + ")");
    }
  }

  private static void undoSub(byte[] row, int pixelBytes) {
    for (int i = 1 + pixelBytes; i < row.length; i++) {
      row[i] += row[i - pixelBytes];
    }
  }

  private static void undoUp(byte[] row, byte[] previous) {
    for (int i = 1; i < row.length; i++) {
      row[i] += previous[i];
    }
  }

  private static void undoAverage(byte[] row, byte[] previous, int pixelBytes) {
    for (int i = 1; i < row.length; i++) {
      int left = i > pixelBytes ? row[i - pixelBytes] & 0xFF : 0;
      row[i] += (byte) ((left + (previous[i] & 0xFF)) >> 1);
    }
  }

  /// Channel by channel, so that the neighbours stay in registers.
  private static void undoPaeth(byte[] row, byte[] previous, int pixelBytes) {
    for (int channel = 1; channel <= pixelBytes; channel++) {
      int left = 0;
      int aboveLeft = 0;
      for (int i = channel; i < row.length; i += pixelBytes) {
        int above = previous[i] & 0xFF;
        left = (row[i] + paeth(left, above, aboveLeft)) & 0xFF;
        row[i] = (byte) left;
        aboveLeft = above;
      }
    }
  }

  /// Whichever neighbour is nearest to `left + above - aboveLeft`.
  static int paeth(int left, int above, int aboveLeft) {
    int toLeft = Math.abs(above - aboveLeft);
    int toAbove = Math.abs(left - aboveLeft);
    int toAboveLeft = Math.abs(left + above - 2 * aboveLeft);
    if (toLeft <= toAbove && toLeft <= toAboveLeft) {
      return left;
    }
    return toAbove <= toAboveLeft ? above : aboveLeft;
  }
}
