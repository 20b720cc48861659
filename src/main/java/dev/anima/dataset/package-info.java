/// From a folder of images to batches: discovery, captions, buckets, repeats, epoch order, caches.
/// Pure Java and deterministic: every random choice comes from a generator passed in.
///
/// Start reading at [DatasetGroup] (all images of a run), [BatchFeed] (which batch comes when) and
/// [PixelLoader] (a decided batch becomes pixels). Decisions ([SamplePlan]) and their execution are
/// apart: the former draw from one stream in one order, the latter may run on any thread.
@NullMarked
package dev.anima.dataset;

import org.jspecify.annotations.NullMarked;
