/// From a folder of images to batches: discovery, captions, buckets, repeats, epoch order, caches.
/// Pure Java and deterministic: every random choice comes from a generator passed in.
@NullMarked
package dev.anima.dataset;

import org.jspecify.annotations.NullMarked;
