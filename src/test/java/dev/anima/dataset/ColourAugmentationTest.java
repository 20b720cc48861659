package dev.anima.dataset;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import org.junit.jupiter.api.Test;

class ColourAugmentationTest {
  /// Recorded from OpenCV 4.13 on x86-64: BGR to HSV, hue shifted and cut to whole numbers, and
  /// back. One pixel more than its vector code takes at a time.
  @Test
  void huesTurnAsInOpenCv() {
    assertThat(HexFormat.of().formatHex(hue(5.25)))
        .isEqualTo(
            "0033ff0637fa0e44f5144ff01b59eb2364e62a73e1317bdc3787d73e92d2459bcd"
                + "4ca7c854b4c35abebe62bba969c8a56fd59f76e2967def9085fc8d74099b7c1596"
                + "8e239aa12f9da83d99af4a94b6578cbd6487c47081cb6d6dd27a68d98364e08e5f"
                + "e79b59eea654f5b24ffcbb4b02e6210af31905003c110c371a1a3225282d2f3427"
                + "384122424e1d4d5b1857681360750f6a820a738f057c9c006cc1fb72caf679d5f1"
                + "80e1ec87e7e08fead196f7cd7c04d88511d38d1dce992bc9a338c4ab45c0bf52c7");
    assertThat(HexFormat.of().formatHex(hue(176.5)))
        .isEqualTo(
            "1900ff1f06fa1d0ef51c14f01b1beb2329e62a3ce13147dc3757d73e65d24572cd"
                + "4c82c85492c35aa0be62b2bb69c8c16fd5bd76e2b77defb285fcb09b0996961589"
                + "9a2382a12f7ba83d79af4a75b65770bd646cc47970cb896dd29968d9a664e0b55f"
                + "e7c659eed454f5e44ffcf04b02e6650af35f17003c1d0c37221a3225252d2b3427"
                + "2f4122344e1d395b183d681342750f46820a4a8f054e9c006c97fb72a2f679b1f1"
                + "80c1ec87d0e78fe6ea96f7eabb04d8bf11d3c21dcec82bc9c438bac045afc752ac");
  }

  @Test
  void gammaWorksOnTheScaleOf255() {
    byte[] pixels = {(byte) 255, 0, 1, (byte) 128, 77, 77, 77, 77};
    byte[] darker = pixels.clone();
    ColourAugmentation.apply(new ColourChange.Gamma(0.95), darker, 2, 4);
    // trunc(255^0.95), 0, 1, alpha as it was, trunc(77^0.95)
    assertThat(darker).containsExactly(193, 0, 1, 128, 61, 61, 61, 77);
    byte[] brighter = pixels.clone();
    ColourAugmentation.apply(new ColourChange.Gamma(1.05), brighter, 2, 4);
    assertThat(brighter).containsExactly(255, 0, 1, 128, 95, 95, 95, 77);
  }

  @Test
  void nothingChangesWithoutAChange() {
    byte[] pixels = image();
    ColourAugmentation.apply(new ColourChange.None(), pixels, 33, 3);
    assertThat(pixels).isEqualTo(image());
  }

  @Test
  void changesAreDrawnInTheReferencesOrder() {
    PythonRandom random = new PythonRandom(0);
    PythonRandom twin = new PythonRandom(0);
    List<Class<?>> kinds = new ArrayList<>();
    for (int i = 0; i < 60; i++) {
      ColourChange change = ColourChange.draw(random);
      kinds.add(change.getClass());
      ColourChange expected = new ColourChange.None();
      if (twin.random() <= 0.33) {
        if (twin.random() > 0.5) {
          double shift = twin.uniform(-8, 8);
          expected = new ColourChange.Hue(shift < 0 ? 180 + shift : shift);
        } else {
          expected = new ColourChange.Gamma(twin.uniform(0.95, 1.05));
        }
      }
      assertThat(change).isEqualTo(expected);
    }
    assertThat(kinds)
        .contains(ColourChange.None.class, ColourChange.Hue.class, ColourChange.Gamma.class);
  }

  private static byte[] hue(double shift) {
    byte[] pixels = image();
    ColourAugmentation.apply(new ColourChange.Hue(shift), pixels, 33, 3);
    return pixels;
  }

  private static byte[] image() {
    byte[] pixels = new byte[33 * 2 * 3];
    for (int i = 0; i < 33 * 2; i++) {
      pixels[3 * i] = (byte) (i * 7);
      pixels[3 * i + 1] = (byte) (i * 13 + 5);
      pixels[3 * i + 2] = (byte) (255 - i * 5);
    }
    return pixels;
  }
}
