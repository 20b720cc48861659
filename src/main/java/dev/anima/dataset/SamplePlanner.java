package dev.anima.dataset;

import dev.anima.config.DatasetSpec;
import dev.anima.config.Size;
import dev.anima.config.SubsetSpec;
import dev.anima.dataset.CaptionProcessor.Moment;
import dev.anima.io.InputException;
import java.util.Optional;

/// Draws the decisions of one sample in the reference's order: flip, crop, colour, caption.
final class SamplePlanner {
  private final DatasetSpec spec;
  private final Caching caching;
  private final PythonRandom random;

  SamplePlanner(DatasetSpec spec, Caching caching, PythonRandom random) {
    this.spec = spec;
    this.caching = caching;
    this.random = random;
  }

  SamplePlan plan(TrainingImage image, Moment moment) {
    SubsetSpec subset = image.subset().spec();
    boolean flipped = subset.augment().flipAug() && random.chance(0.5);
    Framing framing =
        caching.latents() ? Framing.centred(image.choice()) : framing(image, spec, random);
    ColourChange colour =
        subset.augment().colorAug() && !caching.latents()
            ? ColourChange.draw(random)
            : new ColourChange.None();
    String caption =
        caching.text()
            ? CaptionProcessor.forCache(image.found().caption(), subset.caption())
            : CaptionProcessor.process(image.found().caption(), subset.caption(), moment, random);
    double weight = image.isReg() ? spec.priorLossWeight() : 1.0;
    return new SamplePlan(image, framing, colour, flipped, caption, weight);
  }

  private static Framing framing(TrainingImage image, DatasetSpec spec, PythonRandom random) {
    SubsetSpec subset = image.subset().spec();
    boolean randomCrop = subset.augment().randomCrop();
    if (spec.enableBucket()) {
      return randomCrop ? Framing.random(image.choice(), random) : Framing.centred(image.choice());
    }
    Size size = image.found().size();
    Size target = image.choice().bucket();
    SubsetSpec.Range range = subset.augment().faceCropAugRange();
    if (range != null) {
      Optional<Framing.Face> face = face(image);
      if (face.isPresent()) {
        return Framing.aroundFace(size, target, face.get(), range, randomCrop, random);
      }
    }
    return Framing.randomUnscaled(size, target, random);
  }

  private static Optional<Framing.Face> face(TrainingImage image) {
    return Framing.Face.in(CaptionFile.name(CaptionFile.stem(image.found().file().toString())));
  }

  /// Says why an image cannot be used without bucketing and without cached latents, where nothing
  /// is resized: it must have the target size, or be larger and cropped at random or by its face.
  static Optional<String> unusableUncached(TrainingImage image, DatasetSpec spec) {
    SubsetSpec subset = image.subset().spec();
    Size size = image.found().size();
    Size target = image.choice().bucket();
    if (spec.enableBucket() || size.equals(target)) {
      return Optional.empty();
    }
    String start = image.key() + ": is " + size + " but resolution is " + target;
    if (size.width() < target.width() || size.height() < target.height()) {
      return Optional.of(start + "; enable_bucket or --cache_latents would enlarge it");
    }
    try {
      boolean byFace = subset.augment().faceCropAugRange() != null && face(image).isPresent();
      return byFace || subset.augment().randomCrop()
          ? Optional.empty()
          : Optional.of(start + "; set enable_bucket, random_crop or --cache_latents");
    } catch (InputException e) {
      return Optional.of(String.valueOf(e.getMessage()));
    }
  }
}
